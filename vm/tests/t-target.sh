# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Targets of what is mapped that fail, are slow, or do not open; and what goes on meanwhile

# shellcheck source=vm/tests/map.sh
. "${BASH_SOURCE[0]%/*}/map.sh"

a_quiesce_holds_what_is_mapped_too() {
	local n
	_ready
	_slow_target
	_map 0:1M:0:/dev/dm-0:w
	dmsetup suspend --nolockfs abuse-slow
	spawn first client io $DISK op=check byte=0x41
	wait_for _under_way 1
	expect ETIME client quiesce $CTL timeout_ms=200
	complains 1 "$CTL: I/O to what is mapped is not answered after .*" quiesce --timeout=200ms $CTL
	spawn second client io $DISK op=write byte=0x67
	# What takes nothing away has nothing to wait for.
	soon client map $CTL extents=3M:64K:0:/dev/ram1
	soon client map $CTL
	dmsetup resume abuse-slow
	finish first
	is owned "$(client quiesce $CTL timeout_ms=60000)" owned=0
	pause 1
	client io /dev/dm-0 op=check byte=0x41 # nothing was written
	spawn nowait client io $DISK op=read nowait=1
	failed nowait EAGAIN
	# What is mapped meanwhile waits as well.
	_map 2M:64K:0:/dev/ram1
	spawn third client io $DISK op=check offset=2M byte=0x42
	pause 1
	still_waits second
	still_waits third
	client quiesce $CTL flags=1
	finish second
	finish third
	client io /dev/dm-0 op=check byte=0x67
	client quiesce $CTL
	spawn last client io $DISK op=read
	blocked last 1
	reset
	failed last EIO
	dmsetup remove abuse-slow
}

what_joins_two_extents_waits_for_nobody() {
	_ready
	_slow_target
	_map 0:1M:0:/dev/dm-0
	_map 2M:1M:2M:/dev/dm-0
	dmsetup suspend --nolockfs abuse-slow
	spawn read client io $DISK op=read offset=2M
	wait_for _under_way 1
	soon client map $CTL extents=1M:1M:1M:/dev/dm-0
	is extents "$(_extents | cut -d' ' -f1-3)" "0 3145728 0"
	still_waits read
	dmsetup resume abuse-slow
	finish read
	_unmap 0:3M
	dmsetup remove abuse-slow
}

a_target_that_fails_after_the_reset_harms_nobody() {
	_ready
	_slow_target
	_map 0:1M:0:/dev/dm-0:w
	exec 3<$CTL
	client xfer @3 gets=1 >"$T/none"
	dmsetup suspend --nolockfs abuse-slow
	spawn read client io $DISK op=read threads=4
	wait_for _under_way 4
	dmsetup load abuse-slow --table "0 16384 error"
	reset
	exec 3<&-
	dmsetup resume abuse-slow
	failed read EIO
	dmsetup remove abuse-slow
	wait_for unload
}

a_server_takes_a_broken_target_away_while_all_that_fails_there_waits() {
	_ready queue_depth=2
	_slow_target
	_map 0:1M:0:/dev/dm-0:w
	exec 3<$CTL
	client xfer @3 gets=1 >"$T/none"
	dmsetup suspend --nolockfs abuse-slow
	spawn read client io $DISK op=read threads=16
	wait_for _under_way 16
	dmsetup load abuse-slow --table "0 16384 error"
	dmsetup resume abuse-slow
	take 3 min=1 timeout=60000000000
	_map 0:1M:0:/dev/ram1:w flags=$REPLACE
	answer 3 "$id0:$RETRY"
	serve
	finish read
	end
	dmsetup remove abuse-slow
}

what_is_submitted_anew_does_not_wait_behind_what_needs_a_server() {
	_ready queue_depth=2
	_slow_target
	_map 0:1M:0:/dev/dm-0:w
	exec 3<$CTL
	submit mapped op=check offset=2M byte=0x42
	take 3
	anew=$id0
	dmsetup suspend --nolockfs abuse-slow
	spawn faults client io $DISK op=read threads=16
	wait_for _under_way 17
	dmsetup load abuse-slow --table "0 16384 error"
	dmsetup resume abuse-slow
	pending 1 # there is room for no more, and the others wait
	_map 2M:64K:0:/dev/ram1
	answer 3 "$anew:$RETRY"
	finish mapped
	running faults || fail "there was nothing to wait for"
	_unmap 0:1M
	serve
	finish faults
	end
	dmsetup remove abuse-slow
}

what_is_mapped_goes_on_after_a_pause_though_servers_are_stuck() {
	_ready queue_depth=2
	_map 0:1M:0:/dev/ram0
	client quiesce $CTL
	spawn stuck client io $DISK op=read offset=2M threads=8
	spawn flush client io $DISK op=sync
	blocked stuck 8
	blocked flush 1
	spawn mapped client io $DISK op=check length=64K byte=0x41
	blocked mapped 1
	client quiesce $CTL flags=1
	finish mapped
	finish flush
	pending 2
	reset
	failed stuck EIO
}

a_target_that_does_not_open_holds_up_nobody() {
	_ready
	_slow_target
	_map 0:1M:0:/dev/ram1:w
	exec 4<>/dev/dm-0
	dmsetup suspend --nolockfs --noflush abuse-slow
	_dirty
	spawn map client map $CTL extents=2M:1M:0:/dev/dm-0:w
	blocked map 1
	soon client quiesce $CTL timeout_ms=60000
	soon client quiesce $CTL flags=1
	soon client unmap $CTL extents=0:512K
	soon client map $CTL extents=0:64K:0:/dev/ram1
	is extents "$(_extents)" "0 65536 0 0x101 0
524288 524288 524288 0x101 1"
	running map || fail "the target did open"
	dmsetup resume abuse-slow
	finish map
	is extents "$(_extents)" "0 65536 0 0x101 0
524288 524288 524288 0x101 1
2097152 1048576 0 0x$(stat -c %t /dev/dm-0)00 1"
	# The same, but the disk is gone when the target is open.
	_unmap 0:32M
	dmsetup suspend --nolockfs --noflush abuse-slow
	_dirty
	spawn map client map $CTL extents=2M:1M:0:/dev/dm-0
	blocked map 1
	soon client reset $CTL
	dmsetup resume abuse-slow
	failed map ENODEV
	exec 4<&-
	dmsetup remove abuse-slow
}
# Whoever opens the target has to wait until that is written; a whole block, which is not read first
_dirty() { dd if=/dev/zero of=/dev/dm-0 bs=4096 count=1 conv=notrunc status=none; }

what_was_opened_for_nothing_is_given_up_at_once() {
	_ready
	_slow_target
	_map 0:1M:0:/dev/dm-0
	dmsetup suspend --nolockfs abuse-slow
	spawn read client io $DISK op=read
	wait_for _under_way 1
	spawn map client map $CTL extents=0:1M:0:/dev/ram1:w
	wait_for eval '! running map'
	failed map EEXIST
	dmsetup create abuse-free --table "0 16384 linear /dev/ram1 0" # nobody has it
	dmsetup remove abuse-free
	spawn map client map $CTL extents=0:64K:0:memory=64K extent_flags=$MEMORY
	wait_for eval '! running map'
	failed map EEXIST
	running read || fail "there was nothing to wait for"
	dmsetup resume abuse-slow
	finish read
	_unmap 0:1M
	dmsetup remove abuse-slow
}

a_reset_waits_for_no_target_that_has_no_room() {
	_ready
	client setup /dev/abctl1 capacity=8M queue_depth=1 # nobody serves it, so it takes one request, and no more
	N=2 _map 0:1M:0:/dev/abuse1:w,1M:1M:0:/dev/ram1:w
	spawn stuck client io $DISK op=write threads=4
	client status /dev/abctl1 only=pending until=1
	blocked stuck 4
	spawn unmap client unmap $CTL extents=0:1M
	wait_for eval '[ "$(status extents)" = 1 ]'
	still_waits unmap
	kill9 unmap
	soon client reset $CTL
	running stuck || fail "there was nothing to wait for"
	client reset /dev/abctl1
	failed stuck EIO
	wait_for modprobe -r brd
}

a_device_that_is_mapped_again_in_time_stays() {
	_ready
	_slow_target
	N=2 _map 0:1M:0:/dev/dm-0,1M:1M:0:/dev/ram1:w
	dmsetup suspend --nolockfs abuse-slow
	spawn read client io $DISK op=read
	wait_for _under_way 1
	spawn unmap client unmap $CTL extents=1M:1M # it waits for the read
	wait_for eval '[ "$(status extents)" = 1 ]'
	soon client map $CTL extents=1M:1M:0:/dev/ram1:w
	still_waits unmap
	dmsetup resume abuse-slow
	finish read
	finish unmap
	io op=check offset=1M byte=0x42
	_unmap 0:2M
	dmsetup remove abuse-slow
	modprobe -r brd
}

# _waits_for OP OFFSET CALL EXTENT [KEY=VALUE ...]: the call has changed the map, and returns once the request is over that
# is under way there
_waits_for() {
	local before
	before=$(_extents)
	dmsetup suspend --nolockfs abuse-slow
	spawn io client io $DISK op=$1 offset=$2
	wait_for _under_way 1
	spawn call client $3 $CTL extents=$4 "${@:5}"
	wait_for eval '[ "$(_extents)" != "$before" ]'
	still_waits call
	dmsetup resume abuse-slow
	finish io
	finish call
}

a_part_of_an_extent_is_given_up_once_nothing_uses_it() {
	local slow
	_ready
	_slow_target
	_map 0:1M:0:/dev/dm-0:w
	_map 1M:1M:1M:/dev/dm-0:w
	is "how many extents" "$(status extents)" 1
	_waits_for read 0 unmap 0:64K
	_waits_for read 1984K unmap 1984K:64K
	_waits_for read 1M unmap 960K:128K
	_waits_for write 128K map 128K:64K:0:/dev/ram1:w flags=$REPLACE
	_waits_for write 1152K unmap 1088K:896K # one of the two that were one
	slow=0x$(stat -c %t /dev/dm-0)00
	is extents "$(_extents)" "65536 65536 65536 $slow 1
131072 65536 0 0x101 1
196608 786432 196608 $slow 1"
	# Nothing is given up when an extent becomes longer.
	dmsetup suspend --nolockfs abuse-slow
	spawn io client io $DISK op=read offset=256K
	wait_for _under_way 1
	soon client map $CTL extents=960K:64K:960K:/dev/dm-0:w
	running io || fail "there was nothing to wait for"
	dmsetup resume abuse-slow
	finish io
	is "how many extents" "$(status extents)" 3
	_unmap 0:2M
	dmsetup remove abuse-slow
	modprobe -r brd
}

a_call_that_waits_for_its_own_memory_claims_no_device() {
	_ready
	client setup /dev/abctl1 capacity=8M # nobody serves it
	_map 0:1M:0:/dev/ram0:w
	spawn map client map $CTL extents=2M:1M:0:/dev/ram0:w then=/dev/abuse1
	client status /dev/abctl1 only=pending until=1
	_unmap 0:1M
	_slow_target # it claims /dev/ram0
	dmsetup remove abuse-slow
	client reset /dev/abctl1
	failed map EFAULT
}

a_device_fails_with_an_io_error_whatever_its_own_is() {
	_ready
	_second
	exec 4<>/dev/abuse1
	dd if=/dev/zero of=/dev/abuse1 bs=4096 count=1 conv=notrunc status=none # it is in the cache
	spawn map client map $CTL extents=0:1M:0:/dev/abuse1:w
	_answer_second $NO_SPACE
	failed map EIO
	exec 4<&-
	_lose
	expect EIO client io $DISK op=sync
	exec 3<&-
}

what_a_control_group_may_not_use_is_refused_as_such() {
	_ready
	mkdir "$T/devices"
	mount -t cgroup -o devices none "$T/devices"
	mkdir "$T/devices/none"
	echo "b $(stat -c '0x%t' /dev/ram0 | xargs printf %d):0 rwm" >"$T/devices/none/devices.deny"
	exec 4<>/dev/ram0
	(
		echo $BASHPID >"$T/devices/none/cgroup.procs"
		expect EACCES client map $CTL extents=0:4K fd=4
	)
	exec 4<&-
	rmdir "$T/devices/none"
	umount "$T/devices"
}

a_target_that_fails_is_a_fault_for_servers() {
	_ready
	dmsetup create "abuse-map" --table "0 16384 error"
	[ "$(</sys/block/dm-0/dm/name)" = abuse-map ] || fail "another dm-0"
	_map 0:1M:0:/dev/dm-0:w
	failed_read() { spawn read client io $DISK op=read; failed read EIO; }
	failed_read # nobody serves
	exec 3<$CTL
	client xfer @3 gets=1 >"$T/none"
	submit read op=read
	take 3
	is flags "$((flags0 & FAULT))" $FAULT
	client requests $CTL >"$T/requests"
	shows "$T/requests" " flags=$flags0 "
	answer 3 "$id0"
	finish read
	submit read op=read offset=2M
	take 3
	is flags "$((flags0 & FAULT))" 0
	answer 3 "$id0"
	finish read
	_unmap 0:1M
	dmsetup remove "abuse-map"
}

what_goes_on_waits_for_its_own_target_and_for_no_other() {
	local n
	_ready
	client setup /dev/abctl1 capacity=8M queue_depth=1 # nobody serves it, so it takes one request, and no more
	N=3 _map 0:1M:0:/dev/ram0,1M:1M:0:/dev/abuse1,2M:1M:0:/dev/ram1
	_map 3M:1M:0:memory=1M extent_flags=$MEMORY
	spawn first client io $DISK op=read offset=1M
	client status /dev/abctl1 only=pending until=1
	expect ETIME client quiesce $CTL timeout_ms=200
	spawn stuck client io $DISK op=read offset=1M threads=4
	blocked stuck 4
	spawn both client io $DISK op=read offset=1020K length=8K # it begins on a target that answers
	blocked both 1
	spawn ram0 client io $DISK op=check byte=0x41
	spawn ram1 client io $DISK op=check offset=2M byte=0x42
	spawn memory client io $DISK op=check offset=3M byte=0
	for n in ram0 ram1 memory; do blocked $n 1; done
	client quiesce $CTL flags=1
	for n in ram0 ram1 memory; do finish $n; done
	for n in first stuck both; do running $n || fail "$n has ended"; done
	client reset /dev/abctl1
	for n in first stuck both; do failed $n EIO; done
}
