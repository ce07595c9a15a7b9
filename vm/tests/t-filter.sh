# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Filters between a disk and its backend, as the users of the disk see them
# run.sh: seconds 240
# run.sh: kernels 6.12

MAPPABLE=256

# _at MIB KEY=VALUE ...: I/O of 4 KiB in that mebibyte of the disk
_at() { io offset=$(($1 << 20)) "${@:2}"; }

# _differ A B: prints how many bytes of two files differ
_differ() { cmp -l "$1" "$2" | wc -l; }

# Each filter has a mebibyte of its own, because Java takes seconds to start here.
filters_act_on_the_requests_that_they_are_told_to() {
	ready capacity=32M flags=$((WRITE_CACHE | DISCARD))
	echo "$((4 << 20)) 4096" >"$T/bad"
	start server mem --filter check:file="$T/check" \
		--filter error:op=write,range=0-1M,nth=3 \
		--filter error:range=1M-2M,errno=ENOSPC \
		--filter error:range=2M-3M,errno=ETIMEDOUT \
		--filter error:range=3M-4M,errno=EREMOTEIO \
		--filter error:list="$T/bad",heal \
		--filter error:op=write,range=5M-6M,fail=after \
		--filter error:op=flush,nth=2 \
		--filter error:range=6M-7M,op=read,nth=1,sticky,heal \
		--filter readonly:range=7M-8M,when="$T/readonly" \
		--filter delay:range=8M-9M,time=500ms \
		--filter stall:range=9M-10M,when="$T/hang" \
		--filter rate:range=10M-11M,bytes=1M \
		--filter log:range=11M-12M,file="$T/log" \
		--filter stats:range=12M-13M,file="$T/stats" \
		--filter corrupt:range=13M-14M,nth=2,op=read,file="$T/flip" \
		--filter corrupt:range=14M-15M,kind=lost,file="$T/lost" \
		--filter corrupt:range=15M-16M,kind=torn,file="$T/torn" \
		--filter corrupt:range=16M-17M,kind=misdirected,nth=1,file="$T/misdirected" \
		--filter corrupt:range=17M-18M,kind=stale,nth=1,file="$T/stale" \
		--filter corrupt:range=18M-19M,kind=stuck,bits=8,file="$T/stuck" \
		--filter delay:range=21M-22M,shape=seek,time=1s,turn=0 \
		--filter retry:range=22M-23M,times=2 \
		--filter error:range=22M-23M,until=2 \
		--filter cache:range=23M-24M \
		--filter error:range=23M-24M,op=read

	_at 0 op=write byte=1
	_at 0 op=write byte=2
	expect EIO _at 0 op=write byte=3
	_at 0 op=check byte=2
	_at 0 op=write byte=4
	expect ENOSPC _at 1 op=write
	expect ETIMEDOUT _at 2 op=read
	expect EREMOTEIO _at 3 op=read

	expect EIO _at 4 op=read
	io op=read offset=$(((4 << 20) + 4096))
	_at 4 op=write byte=5
	_at 4 op=check byte=5
	expect EIO _at 5 op=write byte=6
	_at 5 op=check byte=6
	io op=sync
	expect EIO io op=sync
	io op=sync
	expect EIO _at 6 op=read
	expect EIO _at 6 op=read
	_at 6 op=write byte=7
	_at 6 op=check byte=7

	_at 7 op=write byte=8
	: >"$T/readonly"
	expect EIO _at 7 op=write byte=9
	expect EIO _at 7 op=discard
	_at 7 op=check byte=8
	rm "$T/readonly"
	_at 7 op=write byte=9

	local start=${EPOCHREALTIME/./}
	_at 8 op=check byte=0
	[ $((${EPOCHREALTIME/./} - start)) -ge 500000 ] || fail "the read was not delayed"
	: >"$T/hang"
	spawn stalled client io $DISK op=write offset=9M byte=1
	owned 1
	still_waits stalled
	_at 20 op=read
	rm "$T/hang"
	finish stalled
	start=${EPOCHREALTIME/./}
	_at 10 op=write length=256K threads=4 # the last one begins 750 ms after the first
	[ $((${EPOCHREALTIME/./} - start)) -ge 700000 ] || fail "the writes were not slowed down"

	_at 11 op=write fua=1
	_at 11 op=read
	is "lines of the log" "$(sed -E 's/^[0-9.]+ //; s/ [0-9]+us$//' "$T/log")" \
		$'write 11534336+4096 fua ok\nread 11534336+4096 ok'
	_at 12 op=write threads=8

	_at 13 op=write byte=10
	_at 13 op=check byte=10
	dd if=$DISK of="$T/read" bs=4k skip=$((13 << 8)) count=1 iflag=direct status=none
	bytes 4096 10 >"$T/expected"
	is "bytes that differ" "$(_differ "$T/expected" "$T/read")" 1
	_at 13 op=check byte=10
	shows "$T/check" "the block at $((13 << 20)) is not what it was"
	shows "$T/flip" "corrupt flip read $((13 << 20))\+4096 byte [0-9]+ bit [0-7]"
	_at 14 op=write byte=11
	_at 14 op=check byte=0
	shows "$T/lost" "corrupt lost write $((14 << 20))\+4096"
	_at 15 op=write byte=12 length=64K
	_at 15 op=check byte=12
	io op=check byte=0 offset=$(((15 << 20) + 61440))
	shows "$T/torn" "corrupt torn write $((15 << 20))\+65536 after [0-9]+"
	_at 16 op=write byte=13
	_at 16 op=check byte=0
	io op=check byte=13 offset="$(sed 's/.* to //' "$T/misdirected")"

	_at 17 op=write byte=14
	_at 17 op=write byte=15
	_at 17 op=check byte=14
	_at 17 op=check byte=15
	shows "$T/stale" "corrupt stale read $((17 << 20))\+4096 blocks 1"

	# The same bits of the block, for zeros and for ones, and no others
	_at 18 op=write byte=0
	dd if=$DISK of="$T/read0" bs=4k skip=$((18 << 8)) count=1 iflag=direct status=none
	_at 18 op=write byte=255
	dd if=$DISK of="$T/read1" bs=4k skip=$((18 << 8)) count=1 iflag=direct status=none
	bytes 4096 0 >"$T/zeros"
	bytes 4096 255 >"$T/ones"
	is "stuck bits" $(($(_differ "$T/zeros" "$T/read0") + $(_differ "$T/ones" "$T/read1"))) 8
	shows "$T/stuck" "corrupt stuck read $((18 << 20))\+4096 byte [0-9]+ bit [0-7] at [01]"
	# Across two thirds of the disk, and then on from there
	start=${EPOCHREALTIME/./}
	_at 21 op=write byte=1
	[ $((${EPOCHREALTIME/./} - start)) -ge 810000 ] || fail "the arm was too fast"
	io op=write byte=1 offset=$(((21 << 20) + 4096))
	_at 22 op=write byte=16 # fails twice behind the filter
	_at 22 op=check byte=16
	_at 23 op=write byte=17
	_at 23 op=check byte=17 # behind the filter no read works
	expect EIO io op=read offset=$(((23 << 20) + 4096))

	stop server
	shows "$T/stats" 'write requests=8 failed=0 bytes=32768 p50='
	told server : 1
}

# What was written and not flushed when the power failed, on an image
a_power_failure_loses_what_was_not_flushed() {
	small_disk
	start server "file:$T/image" --filter "powerfail:when=$T/cut,file=$T/log"
	io op=write byte=1 length=1M threads=4
	io op=sync
	io op=write byte=3 offset=8M fua=1 # the kernel sends a flush after it
	io op=write byte=2 length=1M threads=2
	io op=check byte=2 length=1M threads=2
	: >"$T/cut"
	expect EIO io op=read
	expect EIO io op=write
	expect EIO io op=sync
	rm "$T/cut"
	io op=check byte=1 length=1M threads=4
	io op=check byte=3 offset=8M
	is "the log" "$(<"$T/log")" "powerfail: lost=512 kept=0 torn=0"
	io op=write byte=4
	io op=check byte=4
	stop server
	holds <(head -c 4096 "$T/image") 4096 4 # the cache was written back
}

# An overlay in a file system that is too small for all of the disk
an_overlay_takes_the_writes_and_leaves_the_image_as_it_is() {
	small_disk
	start server "file:$T/image"
	io op=write byte=1 length=1M
	io op=sync
	stop server
	local before
	before=$(md5sum <"$T/image")
	mkdir "$T/small"
	mount -t tmpfs -o size=1M none "$T/small"
	start server "file:$T/image" --filter "cow:file=$T/small/overlay"
	[ ! -e "$T/small/overlay" ] || fail "the overlay has a name"
	io op=check byte=1 length=1M
	io op=write byte=2 offset=256K length=256K
	io op=sync
	io op=check byte=2 offset=256K length=256K
	io op=check byte=1 length=256K
	io op=check byte=1 offset=512K length=512K
	io op=write byte=3 offset=1M length=512K
	expect ENOSPC io op=write byte=4 offset=4M length=512K
	io op=check byte=3 offset=1M length=512K
	complains 2 "filter: log: file=$DISK is on the disk itself, which would wait for its own requests; name a file elsewhere" \
		filter $CTL add "log:file=$DISK"
	stop server
	umount "$T/small"
	is "the image" "$(md5sum <"$T/image")" "$before"
}

# With a filter that does nothing, all is as without
a_disk_behind_filters_keeps_its_data() {
	small_disk
	start server "file:$T/image" --filter check:fail --filter error:rate=0 --filter delay:time=1ms,spread=1ms,rate=10% \
		--filter powerfail:cache=4M --filter cache:memory=8M
	"${FIO[@]}" --name=verify --rw=randwrite --bsrange=4k-256k --iodepth=32 --size=16M --fsync=50 --verify=crc32c \
		--verify_fatal=1 >"$T/fio" 2>&1 || fail "fio: $(<"$T/fio")"
	stop server
	is errors "$(status errors)" 0
	told server : 1
}

a_disk_that_may_be_mapped_is_not_mapped_past_a_filter() {
	modprobe -r brd 2>"$T/brd" || :
	modprobe brd rd_nr=1 rd_size=16384
	ready capacity=16M flags=$((WRITE_CACHE | MAPPABLE))
	start server file:/dev/ram0 --filter error:op=read,range=1M-2M
	_at 1 op=write byte=1
	expect EIO _at 1 op=read
	_at 2 op=read
	stop server
	start server file:/dev/ram0
	_at 1 op=check byte=1
	kill9 server
	complains 1 "$CTL: parts of the disk are mapped, .*; try 'abusectl unmap $CTL' first" \
		server $CTL file:/dev/ram0 --filter readonly
	reset
	modprobe -r brd
}

# _filter WORD ...: changes the filters of the disk, and prints nothing
_filter() {
	tool filter $CTL "$@" >"$T/filter" 2>&1 || fail "filter $*: $(<"$T/filter")"
	is "the output of filter $*" "$(<"$T/filter")" ""
}
# _file KEY=VALUE ...: I/O of 4 KiB on a file of the mounted disk
_file() { client io "$T/mnt/file" "$@"; }

# Its thread waits in the kernel with what it has decided about the last requests.
filters_come_to_a_disk_in_memory_that_nobody_uses() {
	ready capacity=16M flags=$WRITE_CACHE
	start server mem --control
	wait_for [ -S /run/abuse/abctl0 ]
	io op=write byte=1
	_filter add powerfail:off=0,file="$T/losses"
	io op=write byte=2
	_filter cut
	is "the losses" "$(<"$T/losses")" "powerfail: lost=1 kept=0 torn=0"
	io op=check byte=1
	_filter remove powerfail
	io op=check byte=1
	stop server
}

filters_change_while_the_disk_is_mounted() {
	ready capacity=64M flags=$((WRITE_CACHE | DISCARD))
	truncate -s 64M "$T/image"
	start server "file:$T/image" --control
	wait_for [ -S /run/abuse/abctl0 ]
	is "the socket's mode" "$(stat -c %a /run/abuse/abctl0)" 600
	mkfs.ext4 -q -O ^has_journal $DISK
	mkdir "$T/mnt"
	mount -o noatime,lazytime $DISK "$T/mnt" # nothing is written but what the test writes
	bytes 1M 1 >"$T/mnt/file"
	sync -f "$T/mnt"
	local first range
	first=$(filefrag -b4096 -v "$T/mnt/file" | sed -nE 's/^ *0: *0\.\. *255: *([0-9]+)\.\..*/\1/p')
	[ "$first" ] || fail "the file is in pieces"
	range=range=$((first * 4096))-$(((first + 256) * 4096))

	_filter add error:op=read,"$range"
	expect EIO _file op=read
	_file op=write byte=2
	_filter set error op=write,errno=ENOSPC,nth=2
	_file op=read
	_file op=write byte=3
	expect ENOSPC _file op=write byte=4
	_file op=write byte=5
	_filter set error nth=,when="$T/sick"
	_file op=write byte=6
	: >"$T/sick"
	expect ENOSPC _file op=write
	rm "$T/sick"
	_file op=write byte=7
	is filters "$(tool filter $CTL -n -o name,keys)" "error op=write,$range,errno=ENOSPC,when=$T/sick"
	_filter remove error
	_file op=check byte=7

	# It keeps requests until it is taken away
	_filter add "stall:op=write,$range,release=$T/never"
	spawn stalled client io "$T/mnt/file" op=write byte=8
	owned 1
	still_waits stalled
	_filter remove stall
	finish stalled
	_file op=check byte=8

	_filter add powerfail:off=0,file="$T/losses"
	_file op=write byte=9
	_file op=sync
	_file op=write byte=10
	_filter cut
	is "the losses" "$(<"$T/losses")" "powerfail: lost=1 kept=0 torn=0"
	_file op=check byte=9
	_file op=write byte=11
	complains 2 "filter: log: file=$T/mnt/log is on the disk itself, which would wait for its own requests; name a file elsewhere" \
		filter $CTL add "log:file=$T/mnt/log"
	ln -s mnt/log "$T/link"
	complains 2 "filter: error: when=$T/link is on the disk itself, .*" filter $CTL add "error:when=$T/link"
	_filter remove powerfail # what it held is written back
	_file op=check byte=11
	is filters "$(tool filter $CTL)" ""
	complains 1 "$CTL: there is no filter 'powerfail'; there is none" filter $CTL cut

	umount "$T/mnt"
	stop server
	[ ! -e /run/abuse/abctl0 ] || fail "the socket is still there"
	complains 1 "$CTL: nobody serves it; start its server, with its own backend: 'abusectl server $CTL BACKEND --control'" filter $CTL
	e2fsck -fn "$T/image" >"$T/fsck" 2>&1 || fail "fsck: $(<"$T/fsck")"
	start server "file:$T/image"
	complains 1 "$CTL: its server has no control socket; start it with --control" filter $CTL
	stop server
}

# A server is killed, and another one takes its socket; then one takes over from it
the_socket_is_that_of_the_newest_server() {
	small_disk
	start server "file:$T/image" --filter error:op=write
	wait_for eval 'tool filter $CTL -no name | grep -x error'
	kill9 server
	[ -S /run/abuse/abctl0 ] || fail "there is no socket to replace"
	start server "file:$T/image" --filter delay:time=0
	wait_for eval 'tool filter $CTL -no name | grep -x delay'
	start second "file:$T/image" --filter rate:requests=1000000
	wait_for eval 'tool filter $CTL -no name | grep -x rate'
	stop server
	is filters "$(tool filter $CTL -no name)" rate
	io op=write byte=1
	_filter set rate requests=999999
	io op=check byte=1
	stop second
}

# With server --all, as a service of many disks runs it
a_disk_of_many_has_its_own_filters() {
	small_disk
	echo "$CTL file:$T/image --filter error:op=write,nth=1 --filter powerfail:off=0" >"$T/disks"
	RUNTIME_DIRECTORY=/run/abuse/all spawn server "$ABUSECTL" server --all "$T/disks"
	wait_for eval 'tool filter $CTL -no name | grep -x error'
	[ -S "/run/abuse/all/abctl${CTL#/dev/abctl}" ] || fail "the socket is not where the service has it"
	expect EIO io op=write byte=1
	io op=write byte=2
	io op=sync
	io op=write byte=3
	_filter cut
	io op=check byte=2
	stop server
	rm -r /run/abuse/all
}

# Filters come and go under load, and no byte is lost
filters_change_under_load() {
	small_disk
	start server "file:$T/image" --control
	start_load
	for _ in 1 2 3; do
		_filter add check:file="$T/check"
		_filter add powerfail:cache=4M
		answering
		_filter add delay:time=1ms,rate=10%
		answering
		_filter set powerfail cache=8M
		answering
		_filter remove powerfail
		_filter remove delay
		answering
		_filter remove check
	done
	is "what the check found" "$(<"$T/check")" ""
	end_load "filters were added, set and removed 15 times"
	stop server
	told server : 1
}
