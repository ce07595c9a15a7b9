# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Discards and write zeroes of mapped extents: the target's if the map says so, else the servers'

# shellcheck source=vm/tests/map.sh
. "${BASH_SOURCE[0]%/*}/map.sh"

DISCARDS=4 ZEROES=8

# $loop can do both; its file is $T/loop
_loop_ready() { # KEY=VALUE ... of the setup
	modprobe loop 2>"$T/modprobe" || : # it may be no module
	truncate -s 16M "$T/loop"
	loop=$(losetup -f --show "$T/loop")
	exec 9<"$loop"
	losetup -d "$loop" # when that is closed
	client io "$loop" op=write length=4M byte=0x41
	ready capacity=32M flags=$((MAPPABLE | WRITE_CACHE | DISCARD | WRITE_ZEROES)) "$@"
}
_number() { printf %#x $(($(stat -c '(0x%t << 8) + 0x%T' "$1"))); }
_of_loop() { awk "{ print \$$1 }" /sys/block/${loop##*/}/stat; }
# BLKZEROOUT asks for the space to stay allocated, which a loop device on tmpfs cannot do; this does not.
_zero() { fallocate -pno "$1" -l "$2" $DISK; }

both_reach_a_target_without_a_server() {
	_loop_ready
	_map 0:4M:0:$loop:wdz
	is extents "$(_extents)" "0 4194304 0 $(_number $loop) 13"
	discards=$(_of_loop 12) allocated=$(du -k "$T/loop" | cut -f1)
	io op=discard offset=1M length=1M
	is "discards of the target" $(($(_of_loop 12) - discards)) 1
	client io $loop op=check offset=1M length=1M
	_zero 2M 1M
	client io $loop op=check offset=2M length=1M
	is "what was given back" $((allocated - $(du -k "$T/loop" | cut -f1))) 2048
	io op=check length=1M byte=0x41
	io op=check offset=1M length=2M
	io op=check offset=3M length=1M byte=0x41
	is "what the disk did" "$(awk '{ print $5, $7, $9, $12, $14 }' $SYS/stat)" "1 2048 0 1 2048"
	for n in gets=0 mapped_writes=0 mapped_written_bytes=0 misses=0 faults=0; do
		is "${n%=*}" "$(status "${n%=*}")" "${n#*=}"
	done
	soon client io $DISK op=sync
	# The target cuts what is longer than it takes.
	echo 65536 >/sys/block/${loop##*/}/queue/discard_max_bytes
	discards=$(_of_loop 12)
	io op=discard length=1M
	is "discards of the target" $(($(_of_loop 12) - discards)) 16
	client io $loop op=check length=1M
}

a_device_discards_whole_units() {
	_loop_ready block_size=512 physical_block_size=512
	[ "$(<"/sys/block/${loop##*/}/queue/discard_granularity")" = 4096 ] || fail "another granularity"
	_map 1M:1M:512:$loop:wd
	discards=$(_of_loop 12)
	io op=discard offset=1M length=512
	io op=discard offset=1M length=7K
	io op=check offset=1M length=64K byte=0x41
	is "discards of the target" $(($(_of_loop 12) - discards)) 0
	io op=discard offset=1M length=16K # on the device it begins at 512
	is "discards of the target" $(($(_of_loop 12) - discards)) 1
	client io $loop op=check offset=0 length=4K byte=0x41
	client io $loop op=check offset=4K length=12K
	client io $loop op=check offset=16K length=16K byte=0x41
}

each_goes_where_it_belongs() {
	_loop_ready max_request=64K
	modprobe -r null_blk 2>/dev/null || :
	_targets
	# Neighbours, and what lies between them is the servers'
	N=5 _map 0:64K:0:$loop:wd,64K:64K:64K:$loop:wz,128K:64K:128K:$loop:w,192K:64K:192K:$loop,320K:64K:320K:$loop:wd
	is extents "$(_extents | cut -d' ' -f1,5)" "0 5
65536 9
131072 1
196608 0
327680 5"
	exec 3<$CTL
	submit discard op=discard length=384K
	take 3
	is "what servers discard" "$nr_gets $command0 $((sector0 * 512)) $length0 $flags0" "1 3 65536 262144 0"
	answer 3 "$id0"
	finish discard
	client io $loop op=check length=64K
	client io $loop op=check offset=64K length=256K byte=0x41
	client io $loop op=check offset=320K length=64K
	spawn zero fallocate -pno 0 -l 384K $DISK
	pending 2
	take 3 gets=2
	is "what servers zero" "$command0 $((sector0 * 512)) $length0, $command1 $((sector1 * 512)) $length1" \
		"4 0 65536, 4 131072 262144"
	answer 3 "$id0"
	answer 3 "$id1"
	take 3 min=1 timeout=60000000000 # that program flushes, too
	answer 3 "$id0"
	finish zero
	client io $loop op=check length=128K
	client io $loop op=check offset=128K length=192K byte=0x41
	# What leads on merges only if it is mapped for the same.
	_map 64K:64K:64K:$loop:wd flags=$REPLACE
	is extents "$(_extents | head -n 2 | cut -d' ' -f2,5)" "131072 5
65536 1"
	# One discard over two targets and memory, with no server
	_unmap 0:32M
	exec 3<&-
	for n in {0..3}; do
		N=2 _map $((2 * n))M:512K:0:$loop:wd,$((2 * n))M:1M:$((2 * n + 1))M:$loop:wd flags=$REPLACE
		_map $((2 * n + 1))M:1M:0:memory=1M extent_flags=$((WRITE | MEMORY | DISCARDS))
		io op=write offset=$((2 * n))M length=2M byte=0x42
	done
	soon client io $DISK op=discard length=8M
	io op=check length=8M
}

# Otherwise a discard of all of a disk would be as many requests as there are extents.
servers_get_what_is_theirs_in_one_piece() {
	_ready block_size=512
	N=4096 _map 0:512:0:/dev/ram0:w times=4096 step=1K
	submit discard op=discard length=8M
	exec 3<$CTL
	take 3 gets=2
	is "what servers discard" "$nr_gets $sector0 $length0" "1 0 8388608"
	answer 3 "$id0"
	finish discard
	is misses "$(status misses)" 0
}

memory_becomes_zeros() {
	ready capacity=32M block_size=512 flags=$((MAPPABLE | DISCARD | WRITE_ZEROES))
	_map 0:4M:0:memory=4M extent_flags=$((WRITE | MEMORY | DISCARDS | ZEROES))
	is flags "$(_extents | cut -d' ' -f5)" $((WRITE | MEMORY | DISCARDS | ZEROES))
	io op=write length=4M byte=0x41
	io op=discard offset=1536 length=6K
	io op=zeroes offset=1M length=1537K
	_zero 3M 512
	io op=check length=1536 byte=0x41
	io op=check offset=1536 length=6K
	io op=check offset=7680 length=1040896 byte=0x41
	io op=check offset=1M length=1537K
	io op=check offset=2561K length=511K byte=0x41
	io op=check offset=3M length=512
	io op=check offset=3146240 length=1023K byte=0x41
	client lent $CTL op=read length=8K at=1M byte=0 >"$T/lent"
	is gets "$(status gets)" 0
}

much_memory_becomes_zeros_in_pieces() {
	ready capacity=64M flags=$((MAPPABLE | DISCARD | WRITE_ZEROES))
	_map 0:48M:0:memory=48M extent_flags=$((WRITE | MEMORY | DISCARDS | ZEROES))
	io op=write length=48M byte=0x41
	io op=discard offset=1M length=40M
	is "pieces of 16M" "$(awk '{ print $12, $14 }' $SYS/stat)" "3 81920"
	io op=check length=1M byte=0x41
	io op=check offset=1M length=40M
	io op=check offset=41M length=7M byte=0x41
	is gets "$(status gets)" 0
}

a_device_that_cannot_is_refused() {
	_loop_ready
	null_disks nr_devices=1 memory_backed=1 gb=1
	expect EOPNOTSUPP client map $CTL extents=0:4K:0:/dev/nullb0:wd
	expect EOPNOTSUPP client map $CTL extents=0:4K:0:/dev/nullb0:wz
	_map 0:4K:0:/dev/nullb0:w
	expect EINVAL client map $CTL extents=4K:4K:0:$loop:d
	expect EINVAL client map $CTL extents=4K:4K:0:$loop:z
	expect EINVAL client map $CTL extents=4K:4K:0:memory=4K extent_flags=$((MEMORY | DISCARDS))
	reset
	modprobe -r null_blk
	# Without a write cache what is written must be durable at once, and zeroes have no FUA.
	setup capacity=32M flags=$((MAPPABLE | DISCARD | WRITE_ZEROES))
	expect EOPNOTSUPP client map $CTL extents=0:4M:0:$loop:wdz
	_map 0:4M:0:$loop:wd
	io op=discard length=1M
	_unmap 0:4M
	echo write through >/sys/block/${loop##*/}/queue/write_cache
	_map 0:4M:0:$loop:wdz
	_zero 1M 1M
	client io $loop op=check length=2M
	echo write back >/sys/block/${loop##*/}/queue/write_cache
	exec 3<$CTL
	client xfer @3 gets=1 >"$T/none"
	spawn zero fallocate -pno 2M -l 1M $DISK
	pending 1
	take 3
	is "command and flags" "$command0 $((flags0 & FAULT))" "4 $FAULT"
	answer 3 "$id0"
	finish zero
	client io $loop op=check offset=2M length=1M byte=0x41
}

what_a_target_fails_goes_to_servers() {
	_loop_ready
	_slow_target $loop
	_map 0:4M:0:/dev/dm-0:wdz
	io op=discard length=64K
	client io $loop op=check length=64K
	dmsetup suspend --nolockfs abuse-slow
	dmsetup load abuse-slow --table "0 16384 error"
	dmsetup resume abuse-slow
	# A device that cannot discard any more is no error for whoever asks, as a discard is a hint.
	client io $DISK op=discard offset=64K length=64K >"$T/discard" 2>&1 || has "$T/discard" EIO
	client io $loop op=check offset=64K length=64K byte=0x41
	exec 3<$CTL
	client xfer @3 gets=1 >"$T/none"
	submit discard op=discard offset=64K length=64K
	take 3
	is "command and flags" "$command0 $((flags0 & FAULT))" "3 $FAULT"
	answer 3 "$id0"
	finish discard
	is faults "$(status faults)" 1
	submit discard op=discard offset=64K length=64K
	take 3
	_map 0:4M:0:$loop:wd flags=$REPLACE
	client io $loop op=check offset=64K length=64K byte=0x41
	answer 3 "$id0:$RETRY"
	finish discard
	client io $loop op=check offset=64K length=64K
	is "what the disk did" "$(awk '{ print $9, $12, $14 }' $SYS/stat)" "0 4 512"
	_unmap 0:4M
	dmsetup remove abuse-slow
}

# What a loop device on tmpfs says to zeroes that are to stay allocated
what_a_target_does_not_support_goes_to_servers() {
	_loop_ready
	_map 0:4M:0:$loop:wz
	exec 3<$CTL
	client xfer @3 gets=1 >"$T/none"
	submit zeroes op=zeroes length=64K
	take 3
	is "command and flags" "$command0 $flags0" "4 $((FAULT | NOUNMAP))"
	answer 3 "$id0"
	finish zeroes
	exec 3<&-
	# With nobody to ask, the kernel writes zeros itself.
	soon client io $DISK op=zeroes offset=64K length=64K
	client io $loop op=check length=64K byte=0x41
	client io $loop op=check offset=64K length=64K
}

what_was_discarded_is_flushed() {
	_loop_ready
	_map 0:4M:0:$loop:wdz
	flushes=$(_of_loop 16)
	io op=discard length=64K
	io op=sync
	is "flushes of the target" $(($(_of_loop 16) - flushes)) 1
	_unmap 0:4M # durable already
	is "flushes of the target" $(($(_of_loop 16) - flushes)) 1
	_map 0:4M:0:$loop:wdz
	io op=discard offset=64K length=64K
	_unmap 0:4M
	is "flushes of the target" $(($(_of_loop 16) - flushes)) 2
	_map 0:4M:0:$loop:wdz
	_zero 1M 64K
	_unmap 0:4M
	is "flushes of the target" $(($(_of_loop 16) - flushes)) 3
}

a_pause_holds_discards_and_they_wait_for_no_server() {
	_loop_ready queue_depth=2
	_map 0:4M:0:$loop:wdz
	client quiesce $CTL
	spawn stuck client io $DISK op=read offset=8M threads=8 # the kernel lets no two discards of a disk run at once
	blocked stuck 8
	spawn mapped client io $DISK op=discard length=64K
	blocked mapped 1
	client io $loop op=check length=64K byte=0x41
	client quiesce $CTL flags=1
	finish mapped
	pending 2
	running stuck || fail "there was nothing to wait for"
	client io $loop op=check length=64K
	reset
	failed stuck EIO
}

what_is_carried_out_is_traced() {
	local tracing=/sys/kernel/tracing
	_loop_ready
	mountpoint -q $tracing || mount -t tracefs tracefs $tracing
	echo 1 >$tracing/events/abuse/abuse_mapped/enable
	_map 0:4M:0:$loop:wdz
	io op=discard offset=64K length=4K
	_zero 128K 8K
	echo 0 >$tracing/events/abuse/abuse_mapped/enable
	shows $tracing/trace 'abuse_mapped: abuse0 discard sector=128 bytes=4096 '
	shows $tracing/trace 'abuse_mapped: abuse0 write_zeroes sector=256 bytes=8192 '
}

# The tool

a_server_of_a_block_device_leaves_both_to_the_kernel() {
	local gets
	_loop_ready capacity=16M
	start server "file:$loop"
	is maps "$(tool maps 0 -no mode)" rwdz
	gets=$(status gets)
	io op=discard length=1M
	_zero 1M 1M
	io op=sync
	client io $loop op=check length=2M
	client io $loop op=check offset=2M length=2M byte=0x41
	is gets "$(status gets)" "$gets"
	stop server
	is maps "$(tool maps 0)" ""
	_second
	complains 1 "/dev/abuse1: cannot do discards" map --discard 0 0 1M /dev/abuse1
	tool map --discard --write-zeroes 0 0 1M $loop
	tool map --discard 0 1M 1M $loop:1M
	is maps "$(tool maps 0 -no mode | tr '\n' ' ')" "rwdz rwd "
	client reset $CTL
	setup capacity=16M flags=0
	complains 1 "$CTL: Operation not supported; the disk was not set up with 'mappable'" map --discard 0 0 1M $loop
}
