# shellcheck shell=bash disable=SC2016,SC2034,SC2086,SC2119,SC2154
# The subcommands of abusectl that look at devices or change them while they are in use
# run.sh: seconds 240
# run.sh: kernels 6.12 newest rt debug kcsan


list_shows_what_is_set_up_and_who_serves_it() {
	ready capacity=32M queues=2 flags=$((WRITE_CACHE | DISCARD))
	serve
	io op=write length=1M
	tool list >"$T/table"
	is "lines of the table" "$(wc -l <"$T/table")" 2
	shows "$T/table" '^DISK +SIZE +BS +QD +NQ +PENDING +OWNED +ERRORS +STATE +PID +SERVES +PROBLEM$'
	shows "$T/table" '^/dev/abuse0 +32M +4K +128 +2 +0 +0 +0 live +'"${PID[server]}"' - +-$'
	tool list --json >"$T/json"
	perl -MJSON::PP -0e '$d = decode_json(<>)->{devices}; print "$#$d $d->[0]{size} $d->[0]{p50}"' "$T/json" >"$T/values"
	shows "$T/values" '^0 33554432 [0-9]+$'
	end
}

resize_grows_a_disk_in_use() {
	ready capacity=32M timeout_ms=60000
	serve
	client status $CTL >"$T/before"
	tool resize 0 64M
	is capacity "$(status capacity)" 67108864
	is "sectors" "$(<$SYS/size)" 131072
	io op=write offset=48M length=1M
	end
}

resize_beyond_the_image_is_reported() {
	ready capacity=32M
	start server "file:$T/image" --create
	status=0
	tool resize 0 64M >"$T/stdout" 2>"$T/stderr" || status=$?
	is "exit status" $status 1
	is stderr "$(<"$T/stderr")" "abusectl: /dev/abuse0: has 64 MiB now, but its server has less: Input/output error; the image must have 67108864 bytes"
	truncate -s 96M "$T/image"
	tool resize 0 96M
	io op=write offset=95M length=1M
	stop server
}

requeue_takes_requests_from_a_server_that_hangs() {
	ready
	submit stuck op=check byte=0
	exec 4<>$CTL
	take 4
	owned 1
	tool requeue
	pending 1
	tool put --zero >"$T/put"
	finish stuck
	refused 4 ENOMSG "$id0" result=0
	is redelivered "$(status redelivered)" 1
}

making_an_archive_leaves_devices_alone() {
	cp "$ABUSECTL" "${ABUSECTL%/*}/target/abusectl.jar" "$T"
	ready capacity=32M
	serve
	client setup /dev/abctl1
	client reset /dev/abctl1
	"$T/abusectl" --archive
	is capacity "$(status capacity)" 33554432
	is "capacity of the other" "$(client status /dev/abctl1 only=capacity)" 0
	io op=check
	end
}

an_archive_that_is_missing_stale_or_none_at_all_costs_only_time() {
	cp "$ABUSECTL" "${ABUSECTL%/*}/target/abusectl.jar" "$T"
	same() { # WHAT
		"$T/abusectl" info 9 >"$T/stdout" 2>"$T/stderr" && fail "info of a device that is not there succeeded"
		is "stdout with $1" "$(<"$T/stdout")" ""
		is "stderr with $1" "$(<"$T/stderr")" "abusectl: /dev/abctl9: No such file or directory; is the module loaded? try 'modprobe abuse'"
	}
	"$T/abusectl" --archive
	archive=$(echo "$T"/archive/*.[aj]s*) || fail "no archive in $(ls "$T/archive")"
	[ -s "$archive" ] || fail "no archive: $(<"$T/archive/log")"
	same "an archive"
	chmod u+w "$archive"
	head -c 1M /dev/zero >"$archive"
	same "another file in the archive's place"
	touch "$T/abusectl.jar"
	same "the archive of an older jar"
}

run_does_it_all_and_undoes_it() {
	ready
	chown daemon /dev/abctl2 # who could take the requests of that disk
	spawn run "$ABUSECTL" run sz=48M,bs=512 "file:$T/image" --create
	wait_for has "$T/run" '^/dev/abuse1$'
	is "size of the image" "$(stat -c %s "$T/image")" 50331648
	client io /dev/abuse1 op=write offset=1M length=64K byte=7
	client io /dev/abuse1 op=check offset=1M length=64K byte=7
	spawn second "$ABUSECTL" run mem
	wait_for has "$T/second" '^/dev/abuse3$'
	_stop run
	[ ! -e /sys/block/abuse1 ] || fail "the disk is still there"
	is "output" "$(<"$T/run")" /dev/abuse1
	_stop second
	[ ! -e /sys/block/abuse3 ] || fail "the second disk is still there"
	is "capacity of the other device" "$(status capacity)" 16777216
}

run_and_setup_make_the_device_that_is_missing() {
	local n
	load
	for n in {0..29}; do
		[ $n -lt 8 ] || client add $CTL >"$T/add"
		client setup /dev/abctl$n
	done
	spawn run "$ABUSECTL" run mem
	wait_for has "$T/run" '^/dev/abuse30$'
	tool setup 500 sz=1M
	[ -b /dev/abuse500 ] || fail "no disk"
	tool list --noheadings -o DISK >"$T/list"
	is "disks" "$(wc -l <"$T/list") $(tail -n 1 "$T/list")" "32 /dev/abuse500"
	_stop run
	[ ! -e /dev/abuse30 ] || fail "the disk is still there"
}

a_user_who_was_given_a_device_needs_no_root() {
	local nobody=(setpriv --reuid=nobody --clear-groups --bounding-set=-all)
	load
	tool setup --owner nobody 0 sz=32M,unserved=0
	is "owners" "$(stat -c %U $CTL $DISK | xargs)" "nobody nobody"
	spawn server "${nobody[@]}" "$ABUSECTL" server 0 mem
	"${nobody[@]}" "$ABUSE_BUILD/client" io $DISK op=write length=64K byte=7
	"${nobody[@]}" "$ABUSE_BUILD/client" io $DISK op=check length=64K byte=7
	status=0
	"${nobody[@]}" "$ABUSECTL" setup 1 --owner nobody 2>"$T/err" || status=$?
	is "exit status" $status 1
	"${nobody[@]}" "$ABUSECTL" reset 0
	finish server 1
	is "its node" "$(stat -c %U $CTL)" nobody
}

_stop() {
	kill -TERM "${PID[$1]}"
	finish "$1"
}

INSTANCES=/sys/kernel/tracing/instances

trace_shows_who_does_what_to_a_request_and_leaves_nothing_behind() {
	load
	client setup /dev/abctl1 capacity=16M
	mkdir $INSTANCES/abusectl-4194304 # as if left by a process that was killed
	spawn trace "$ABUSECTL" trace 0
	wait_for has "$T/trace" '^ +TIME EVENT'
	is "trace instances" "$(ls $INSTANCES)" "abusectl-${PID[trace]}"
	is "events that others see" "$(</sys/kernel/tracing/events/abuse/enable)" 0
	tool setup 0 sz=16M,timeout=1000s
	exec 3<>/dev/abctl1
	spawn other client io /dev/abuse1 op=read
	client status /dev/abctl1 only=pending until=1
	take 3
	answer 3 "$id0"
	finish other
	exec 3<&-
	submit write op=write offset=1M length=64K
	exec 3<>$CTL
	take 3
	exec 3<&-
	start server mem
	finish write
	# It asks for the process of a thread, which ends with the server
	wait_for has "$T/trace" ' put     write '
	stop server
	submit stuck op=read offset=8192
	reset
	failed stuck EIO
	_stop trace
	is "trace instances" "$(ls $INSTANCES)" ""
	shows "$T/trace" '^   0\.000000 setup  .* [0-9]+ java +capacity=16777216 block_size=4096 '
	# The block layer may leave the submission to a thread of its own.
	shows "$T/trace" "^ +[0-9]+\.[0-9]{6} submit  write +2048 +65536 +0\.[0-9]+ +- +(${PID[write]} client[0-9]*|[0-9]+ kworker/.*)\$"
	shows "$T/trace" ' requeue write +2048 +65536 .* redelivered$'
	shows "$T/trace" " get     write +2048 +65536 +0\.[0-9]+ +- +${PID[server]} java +redelivered\$"
	shows "$T/trace" " put     write +2048 +65536 +0\.[0-9]+ +[0-9.]+[mu]?s +${PID[server]} java +okay\$"
	shows "$T/trace" ' reset  .*'
	shows "$T/trace" ' cancel  read +16 +4096 '
	is "events of each kind" "$(awk 'NR > 1 { n[$2]++ } END { for (k in n) print k n[k] }' "$T/trace" | sort | xargs)" \
		"cancel1 get2 put1 requeue1 reset1 setup1 submit2"
}

_gone() { # NAME: asks a trace to end, which has to remove its instance at least
	kill -TERM "${PID[$1]}"
	pause 2
	[ ! -e "$INSTANCES/abusectl-${PID[$1]}" ]
}

trace_leaves_nothing_behind_when_nobody_takes_its_output() {
	ready
	serve
	mkfifo "$T/pipe"
	exec 3<>"$T/pipe"
	"$ABUSECTL" trace 0 -e get,put >"$T/pipe" 2>"$T/err" &
	PID[trace]=$!
	read -r heading <&3
	[[ $heading == TIME* ]] || fail "not a heading: $heading"
	dd if=$DISK of=/dev/null bs=4k count=1500 iflag=direct status=none
	wait_for _gone trace
	kill -KILL "${PID[trace]}" 2>"$T/kill" || : # it has ended if it had not filled the pipe yet
	end
}

top_counts_what_a_disk_does() {
	ready
	serve
	spawn top "$ABUSECTL" top --servers --interval=1 -n 3 0
	for ((i = 0; i < 1000; i++)); do
		io op=write length=4096
		running top || break
	done
	finish top
	is "lines" "$(wc -l <"$T/top")" 8
	shows "$T/top" '^abuse0 +0 +[1-9][0-9]* +0B +[1-9][0-9.]*K +0 +[0-9.]+[um]?s +[0-9.]+[um]?s +[0-9.]+[um]?s +[01] +[01] +1 +0$'
	shows "$T/top" "^ +${PID[server]} client[0-9]* +[01] +[1-9][0-9]* +[1-9][0-9]* +0 -\$"
	end
}

metrics_are_those_of_the_disk() {
	ready capacity=32M
	serve
	io op=write threads=10 stride=64K # apart, or some would be merged
	tool metrics >"$T/out"
	shows "$T/out" '^abuse_disk_size_bytes\{device="abuse0"\} 33554432$'
	shows "$T/out" '^abuse_puts_total\{device="abuse0"\} 10$'
	shows "$T/out" '^abuse_request_duration_seconds_bucket\{device="abuse0",le="\+Inf"\} 10$'
	is "series of free devices" "$(grep -c 'abuse[1-7]"' "$T/out")" 0
	end
	reset
	tool metrics >"$T/out"
	is "without a disk" "$(<"$T/out")" ""
}
