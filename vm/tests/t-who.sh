# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Who has what: ABUSE_SERVERS and ABUSE_REQUESTS, and what the tool makes of them
# run.sh: seconds 180

_servers() { client servers "${1-$CTL}" "${@:2}" >"$T/servers"; }
_requests() { client requests "${1-$CTL}" "${@:2}" >"$T/requests"; }
_field() { # FILE FIELD [REGEX]: of the first line of the file that has it and matches
	grep -E -- "${3-.}" "$T/$1" | sed -n "s/.*\\b$2=\\([^ ]*\\).*/\\1/p" | head -n 1
}

what_is_asked_and_who_has_it_is_told() {
	ready flags=$((WRITE_CACHE | DISCARD))
	serve holder hold=2 batch=2 identity=1 text="file:disk image"
	submit_soon read op=read offset=64K length=8K
	owned 1
	submit_soon fua op=write offset=1M fua=1
	owned 2
	freeze holder
	submit discard op=discard offset=2M length=64K
	_requests
	_servers
	is "requests" "$(_field requests told) $(_field requests total)" "3 3"
	server=$(_field servers server)
	pid=${PID[holder]}
	shows "$T/requests" "^server=$server pid=$pid state=1 command=0 sector=128 length=8192 flags=0 queue=0 gets=1 "
	shows "$T/requests" "^server=$server pid=$pid state=1 command=1 sector=2048 length=4096 flags=1 queue=0 gets=1 "
	shows "$T/requests" "^server=0 pid=0 state=0 command=3 sector=4096 length=65536 flags=0 queue=0 gets=0 "
	is "servers" "$(_field servers told) $(_field servers total)" "1 1"
	shows "$T/servers" "pid=$pid uid=0 queue=-1 flags=0 waiting=[01] owned=2 .* gets=2 puts=0 stale=0 command=client text=file:disk image\$"
	kill9 holder
	serve
	for name in read fua discard; do finish $name; done
	end
	_requests
	is "requests" "$(_field requests told) $(_field requests total)" "0 0"
}

ages_count_from_the_submission_whoever_has_it() {
	local n
	ready
	echo 0 >$QUEUE/iostats # which brings the block layer's own clock
	exec 3<$CTL
	submit io op=read
	for n in 1 2 3; do
		take 3
		client requeue $CTL
	done
	pause 1.5
	take 3
	_requests
	_servers
	is "gets" "$(_field requests gets)" 4
	is "flags" "$(_field requests flags)" $REDELIVERED
	[ "$(_field requests age_ms)" -ge 1500 ] || fail "$(<"$T/requests")"
	[ "$(_field servers oldest_ms)" -ge 1500 ] || fail "$(<"$T/servers")"
	[ "$(_field servers idle_ms)" -lt "$(_field requests age_ms)" ] || fail "a get is no call: $(<"$T/servers")"
	answer 3 "$id0"
	finish io
	_servers
	is "owned, oldest" "$(_field servers owned) $(_field servers oldest_ms)" "0 0"
	pause 1.1
	_servers
	[ "$(_field servers idle_ms)" -ge 1000 ] || fail "no time passes: $(<"$T/servers")"
}

a_long_list_comes_in_parts_and_each_request_once() {
	local nr
	ready queues=2 queue_depth=100
	spawn a taskset -c 0 "$ABUSE_BUILD/client" io $DISK op=write threads=100 stride=64K
	spawn b taskset -c 1 "$ABUSE_BUILD/client" io $DISK op=write threads=100 stride=64K offset=32K
	pending 200
	for nr in 1 7 150 4096; do
		_requests $CTL nr=$nr
		is "told $nr at a time" "$(_field requests told)" 200
		is "sectors" "$(grep -o 'sector=[0-9]*' "$T/requests" | sort -u | wc -l)" 200
		is "memory" "$(_field requests behind)" untouched
	done
	_requests $CTL nr=0
	is "without room" "$(_field requests told) $(_field requests total)" "0 200"
	_requests $CTL nr=7 once=1
	is "told" "$(_field requests told) $(_field requests total)" "7 200"
	_requests $CTL nr=4096 cursor=0x100000000
	is "the second queue" "$(_field requests told) $(grep -c queue=1 "$T/requests")" "100 100"
	_requests $CTL cursor=0xfffffffffffffff0
	is "behind the last" "$(_field requests told) $(_field requests cursor)" "0 0"
	WIDTH=32 _requests $CTL nr=150
	is "told in 32 bits" "$(_field requests told)" 200
	reset
	for name in a b; do failed $name EIO; done
}

every_open_file_that_asked_is_a_server_until_it_is_closed() {
	local fd nr
	ready queues=2
	exec 3<$CTL 4<$CTL 5<$CTL 6<$CTL
	client serve @3 queue=1 text="no identity"
	for fd in 4 3 5; do
		client xfer @$fd gets=1 >"$T/xfer"
	done
	for nr in 1 2 16; do
		_servers $CTL nr=$nr
		is "servers, $nr at a time" "$(_field servers told) $(_field servers total)" "3 3"
		is "in the order that they asked" "$(grep -o 'server=[0-9]*' "$T/servers" | paste -sd' ')" \
			"server=1 server=2 server=3"
	done
	shows "$T/servers" "^server=2 pid=0 .* queue=1 .* command= text=no identity\$"
	client xfer @5 flags=1 >"$T/xfer"
	exec 4<&-
	_servers
	is "servers" "$(_field servers told) $(status servers)" "2 2"
	is "flags" "$(_field servers flags server=2) $(_field servers flags server=3)" "0 1"
	reset
	_servers
	is "flags after a reset" "$(_field servers flags server=2) $(_field servers flags server=3)" "2 1"
	expect ENODEV client requests $CTL
	exec 3<&- 5<&-
	setup
	client xfer @6 gets=1 >"$T/xfer"
	_servers
	is "the next one" "$(_field servers server)" 4
	WIDTH=32 _servers
	is "servers in 32 bits" "$(_field servers told)" 1
}

what_a_server_did_adds_up_to_what_the_device_did() {
	ready
	serve a twice=1 batch=8
	serve b batch=4 threads=3
	# A thread is counted once it has asked
	wait_for eval '_servers && [ "$(grep -c waiting=1 "$T/servers")" = 4 ]'
	io op=write threads=60 stride=64K
	io op=read threads=60 stride=64K
	_servers
	is "servers" "$(_field servers told)" 4
	for what in gets puts stale; do
		is "$what" "$(grep -o "$what=[0-9]*" "$T/servers" | awk -F= '{ n += $2 } END { print n }')" "$(status $what)"
	done
	wait_for eval '_servers && [ "$(grep -c waiting=1 "$T/servers")" = 4 ]'
	end a
	end b
}

the_process_is_the_one_that_asked_last() {
	ready
	exec 3<$CTL
	client xfer @3 gets=1 >"$T/xfer"
	_servers
	is "pid of one that is gone" "$(_field servers pid)" 0
	spawn next client xfer @3 gets=1 min=1 timeout=-1
	wait_for eval '_servers && [ "$(_field servers waiting)" = 1 ]'
	is "pid" "$(_field servers pid)" "${PID[next]}"
	kill9 next
}

who_is_not_to_be_seen_is_not_told() {
	ready
	cp "$ABUSE_BUILD/client" "$T"
	chmod 711 "$T"
	exec 3<$CTL
	spawn server setpriv --reuid=1234 --clear-groups "$T/client" server @3 hold=1
	wait_for has "$T/server" '^ready$'
	exec 3<&-
	submit_soon io op=read
	owned 1
	_servers
	shows "$T/servers" " pid=${PID[server]} uid=1234 .* command=client "
	unshare --pid --fork "$T/client" servers $CTL >"$T/servers"
	shows "$T/servers" " pid=0 uid=1234 .* owned=1 .* command= "
	unshare --pid --fork "$T/client" requests $CTL >"$T/requests"
	shows "$T/requests" "^server=[1-9][0-9]* pid=0 state=1 "
	unshare --user --map-root-user "$T/client" servers $CTL >"$T/servers"
	shows "$T/servers" " pid=${PID[server]} uid=65534 "
	reset
	failed io EIO
	finish server 3
}

an_odd_call_is_refused() {
	local call
	ready
	serve
	for call in servers requests; do
		expect EINVAL client $call $CTL flags=1
		expect EINVAL client $call $CTL reserved=1
		expect EINVAL client $call $CTL size=39
		expect EINVAL client $call $CTL nr=4097
		expect EINVAL client $call $CTL element_size=40
		expect EINVAL client $call $CTL element_size=212
		expect E2BIG client $call $CTL element_size=264
		expect E2BIG client $call $CTL size=48 tail=1
		client $call $CTL size=48 >"$T/out"
		expect EFAULT client $call $CTL arg=bad
	done
	expect EFAULT client servers $CTL elements=bad
	submit_soon io op=write
	finish io
	end
	exec 3<$CTL
	submit io op=read
	take 3
	expect EFAULT client requests $CTL elements=bad
	for call in servers requests; do
		client $call $CTL element_size=256 >"$T/out"
		is "$call" "$(_field out told) $(_field out unknown) $(_field out behind)" "1 zero untouched"
	done
	answer 3 "$id0"
	finish io
}

# Lists race with servers that die, resets and new setups.
looking_harms_nobody() {
	local n round
	load
	for n in 1 2; do
		spawn look$n bash -c 'while :; do
			for call in servers requests; do "$0" $call $1 nr=3 >/dev/null 2>&1; done
		done' "$ABUSE_BUILD/client" $CTL
	done
	for round in {1..8}; do
		setup queues=2
		serve a hold=20 threads=2
		submit_soon io op=write threads=40 stride=64K
		owned 20
		case $((round % 4)) in
		0) kill9 a ;;
		1) client requeue $CTL ;;
		2) reset ;;
		esac
		if [ $((round % 4)) != 2 ]; then
			serve b
			[ $((round % 4)) != 3 ] || kill9 a
			finish io
			kill9 b
			reset
		else
			failed io "EIO|ENOSPC|ENXIO"
		fi
		case $((round % 4)) in
		1 | 2) finish a 3 ;;
		esac
	done
	for n in 1 2; do
		kill9 look$n
	done
}

the_tool_shows_who_has_what() {
	ready capacity=16M
	serve holder hold=1 identity=1 text="c: holder"
	submit_soon io op=read offset=64K length=8K
	owned 1
	tool requests 0 -n -o OPERATION,SECTOR,LENGTH,STATE,PID,COMMAND,SERVES,GETS >"$T/out"
	is "the request" "$(<"$T/out")" "read 128 8K owned ${PID[holder]} client c: holder 1"
	tool servers 0 -n -o PID,COMMAND,UID,OWNED,GETS,PUTS,SERVES >"$T/out"
	is "the server" "$(<"$T/out")" "${PID[holder]} client 0 1 1 0 c: holder"
	tool requests --json >"$T/json"
	perl -MJSON::PP -0e '$r = decode_json(<>)->{requests}[0]; print "$r->{age} $r->{server}"' "$T/json" >"$T/values"
	shows "$T/values" '^[0-9.]+ 1$'
	tool list -n -o PID,SERVES,PROBLEM >"$T/out"
	is "the list" "$(sed 's/ \+/ /g; s/oldest request .*/-/' "$T/out")" "${PID[holder]} c: holder -"
	kill9 holder
	tool list -n -o PID,SERVES,PROBLEM >"$T/out"
	is "the list of a disk that nobody serves" "$(sed 's/ \+/ /g; s/, oldest.*//' "$T/out")" "- - nobody serves"
	start server "file:$T/image" --create
	finish io
	tool requests 0 >"$T/out"
	is "when all is answered" "$(<"$T/out")" ""
	tool servers 0 -n -o PID,COMMAND,QUEUE,STATE,SERVES >"$T/out"
	shows "$T/out" "^${PID[server]} java +0 waiting file:$T/image\$"
	stop server
	tool servers 0 >"$T/out"
	is "when nobody serves" "$(<"$T/out")" ""
}
