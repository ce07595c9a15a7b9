# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Flushes of what is mapped, and devices that are given up, which are flushed for the last time

# shellcheck source=vm/tests/map.sh
. "${BASH_SOURCE[0]%/*}/map.sh"

a_flush_reaches_what_was_just_unmapped() {
	_ready
	null_disks nr_devices=1 memory_backed=1 cache_size=4 gb=1
	_slow_target /dev/nullb0
	_map 0:1M:0:/dev/dm-0:w
	io op=write byte=0x68
	dmsetup suspend --nolockfs abuse-slow
	spawn write client io $DISK op=write byte=0x69
	wait_for _under_way 1
	spawn unmap client unmap $CTL extents=0:1M
	wait_for _nothing_mapped
	spawn flush client io $DISK op=sync
	still_waits unmap
	still_waits flush
	dmsetup resume abuse-slow
	finish write
	finish unmap
	finish flush
	dmsetup remove abuse-slow
	modprobe -r null_blk
}

a_flush_does_not_wait_until_a_device_is_given_up_that_was_only_read() {
	_ready
	_slow_target
	N=2 _map 0:1M:0:/dev/dm-0,1M:1M:0:/dev/ram1:w
	dmsetup suspend --nolockfs abuse-slow
	spawn read client io $DISK op=read
	wait_for _under_way 1
	spawn unmap client unmap $CTL extents=0:1M
	wait_for eval '[ "$(status extents)" = 1 ]'
	io op=write offset=1M byte=0x6a
	soon client io $DISK op=sync
	still_waits unmap
	dmsetup resume abuse-slow
	finish read
	finish unmap
	dmsetup remove abuse-slow
}

flushes_go_on_while_devices_come_and_go() {
	local n
	_ready
	truncate -s 32M "$T/image"
	serve store="$T/image"
	for n in 0 1; do
		(
			while [ ! -e "$T/enough" ]; do
				_map ${n}M:1M:0:/dev/ram$n:w
				io op=write offset=${n}M byte=0x6b
				_unmap ${n}M:1M
			done
			: >"$T/ended$n"
		) &
	done
	for n in {1..40}; do
		io op=write offset=4M length=8K byte=$n
		soon client io $DISK op=sync threads=4
	done
	: >"$T/enough"
	for n in 0 1; do wait_for [ -e "$T/ended$n" ]; done
	for n in 0 1; do client io /dev/ram$n op=check byte=0x6b; done
	end
	modprobe -r brd
}

what_a_device_loses_when_it_is_given_up_fails_the_next_flush() {
	_ready
	_second
	_lose
	expect EIO client io $DISK op=sync
	wait_for client io $DISK op=sync
	_map 1M:1M:0:/dev/ram1:w
	_lose
	expect EIO client io $DISK op=sync # though another device is flushed
	wait_for client io $DISK op=sync
	exec 3<&-
}

a_loss_is_told_to_all_who_flush_meanwhile() {
	_ready
	_second
	_lose
	_map 0:1M:0:/dev/abuse1:w
	spawn one client io $DISK op=sync
	_asked_second
	spawn other client io $DISK op=sync
	blocked other 1
	_answer_second
	_answer_second
	failed one EIO
	failed other EIO
	spawn third client io $DISK op=sync
	_answer_second
	finish third
	exec 3<&-
}

a_loss_is_told_to_all_who_flush_before_the_one_that_tells_it_has_ended() {
	_ready
	_second
	client setup /dev/abctl2 capacity=8M flags=$WRITE_CACHE
	exec 4</dev/abctl2
	_lose
	N=2 _map 0:1M:0:/dev/abuse1:w,1M:1M:0:/dev/abuse2:w
	spawn one client io $DISK op=sync
	_asked_second
	client status /dev/abctl2 only=pending until=1
	_answer_second # one device has been flushed, and the other one not
	spawn other client io $DISK op=sync
	_asked_second
	_answer_third
	failed one EIO
	_answer_second
	_answer_third
	failed other EIO
	spawn last client io $DISK op=sync
	_answer_second
	_answer_third
	finish last
	exec 3<&- 4<&-
}
_answer_third() {
	take 4 min=1 timeout=60000000000
	answer 4 "$id0"
}

a_loss_is_told_to_all_who_waited_for_a_resume_meanwhile() {
	local n
	_ready
	_second
	_lose
	_map 1M:1M:0:/dev/ram1:w
	client quiesce $CTL
	for n in 1 2 3; do spawn flush$n client io $DISK op=sync; done
	for n in 1 2 3; do blocked flush$n 1; done
	client quiesce $CTL flags=1
	for n in 1 2 3; do failed flush$n EIO; done
	wait_for client io $DISK op=sync
	exec 3<&-
}

a_flush_fails_if_its_data_is_lost_before_it_ends() {
	_ready
	_second
	_map 0:1M:0:/dev/abuse1:w
	_write_to_second
	spawn unmap client unmap $CTL extents=0:1M
	_asked_second
	spawn flush client io $DISK op=sync
	blocked flush 1
	_answer_second $NO_SPACE # the last flush, which drops what it was for
	_answer_second
	failed flush EIO
	failed unmap EIO
	expect EIO client io $DISK op=sync # it began after that
	wait_for client io $DISK op=sync
	exec 3<&-
}

a_device_is_given_up_unflushed_if_all_that_was_written_is_durable() {
	_ready
	_second
	_map 0:1M:0:/dev/abuse1:w
	soon client unmap $CTL extents=0:1M
	_map 0:1M:0:/dev/abuse1:w
	_write_to_second
	spawn flush client io $DISK op=sync
	_answer_second
	finish flush
	soon client unmap $CTL extents=0:1M # it may hang by now
	io op=sync
	_map 0:1M:0:/dev/abuse1:w
	spawn write client io $DISK op=write fua=1
	_answer_second # the write
	_answer_second # and what makes it durable
	finish write
	soon client unmap $CTL extents=0:1M
	exec 3<&-
}

what_a_device_loses_after_a_reset_is_told_in_the_log() {
	_ready
	_second
	_map 0:1M:0:/dev/abuse1:w
	_write_to_second
	reset
	_answer_second $NO_SPACE
	wait_for _logged "abuse: abuse0: abuse1 could not be flushed"
	exec 3<&-
}
_logged() { dmesg | grep -F "$1"; }

a_last_flush_that_is_not_answered_holds_up_no_other_change() {
	_ready
	_second
	N=2 _map 0:1M:0:/dev/abuse1:w,1M:1M:0:/dev/ram0:w
	_map 2M:64K:0:memory=64K extent_flags=$MEMORY
	_write_to_second
	spawn stuck client unmap $CTL extents=0:1M
	_asked_second
	soon client unmap $CTL extents=1M:2M
	_slow_target # /dev/ram0 is free
	dmsetup remove abuse-slow
	soon client quiesce $CTL timeout_ms=60000
	soon client quiesce $CTL flags=1
	_map 0:1M:0:/dev/ram0:w
	io op=check byte=0x41
	still_waits stuck
	soon client reset $CTL # what is to be flushed is in no way of that
	_answer_second
	finish stuck
	exec 3<&-
}

a_device_that_is_never_done_with_its_last_flush_holds_up_itself_alone() {
	_ready
	_second
	N=2 _map 0:1M:0:/dev/ram0:w,1M:1M:0:/dev/abuse1:w
	_write_to_second offset=1M
	spawn stuck client unmap $CTL extents=0:2M
	_asked_second
	wait_for dmsetup create abuse-slow --table "0 16384 linear /dev/ram0 0" # it is free
	dmsetup remove abuse-slow
	still_waits stuck
	# Mapped again and again, it would have one flush more each time.
	spawn again client map $CTL extents=0:1M:0:/dev/abuse1:w
	still_waits again
	kill9 again
	spawn again client map $CTL extents=0:1M:0:/dev/abuse1:w
	still_waits again
	_answer_second
	finish stuck
	finish again
	_write_to_second
	spawn stuck client unmap $CTL extents=0:1M
	_asked_second
	spawn again client map $CTL extents=0:1M:0:/dev/abuse1:w
	still_waits again
	soon client reset $CTL
	failed again ENODEV
	_answer_second
	finish stuck
	exec 3<&-
}

# A test fails when the kernel reports a hung task.
a_device_that_is_given_up_late_is_not_reported_as_hung() {
	_ready
	_second
	_map 0:1M:0:/dev/abuse1:w
	echo 1 >/proc/sys/kernel/hung_task_check_interval_secs
	echo 10 >/proc/sys/kernel/hung_task_timeout_secs
	spawn read client io $DISK op=read
	_asked_second
	take 3
	spawn unmap client unmap $CTL extents=0:1M # it waits for the read
	wait_for _nothing_mapped
	spawn flush client io $DISK op=sync
	_asked_second
	answer 3 "$id0"
	finish read
	pause 13 # the device is given up once that flush has ended
	_answer_second
	finish flush
	finish unmap
	_map 0:1M:0:/dev/abuse1:w
	_write_to_second
	spawn unmap client unmap $CTL extents=0:1M
	_asked_second
	pause 13 # likewise, its last flush
	_answer_second
	finish unmap
	echo 60 >/proc/sys/kernel/hung_task_timeout_secs
	echo 0 >/proc/sys/kernel/hung_task_check_interval_secs
	exec 3<&-
}
