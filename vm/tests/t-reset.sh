# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Reset at any moment: it returns at once, every request fails, and the device
# can be set up again

# Resets the device and checks that it works after a new setup
_reset() {
	soon client reset $CTL
	is capacity "$(status capacity)" 0
	[ ! -e $SYS ] || fail "the disk is still there"
	setup
	serve again
	io op=check
	io op=write
	end again
	is errors "$(status errors)" 0
}

idle() {
	ready
	_reset
}

before_setup_and_twice() {
	load
	reset
	setup
	reset
	reset
	_reset
}

# A reset fails requests that no server has taken, and those that wait for a full queue.
with_pending_requests() {
	ready queue_depth=4
	spawn io client io $DISK op=write threads=20
	pending 4
	blocked io 20 # who comes after the reset has ENOSPC, because the disk that it has opened ends at 0
	_reset
	failed io EIO
}

with_owned_requests() {
	ready
	exec 3<$CTL
	submit a op=write
	submit b op=read
	take 3 gets=2
	_reset
	failed a EIO
	failed b EIO
	expect 'ENOMSG|ENODEV' legacy put @3 id="$id0"
	refused 3 ENOMSG "$id0"
}

# An id from before a reset is stale after the next setup.
a_put_from_before_cannot_answer_a_request_of_after() {
	ready
	exec 3<$CTL
	submit before op=write
	take 3
	reset
	failed before EIO
	setup
	submit after op=write
	old=$id0
	refused 3 ENOMSG "$old"
	take 3
	refused 3 ENOMSG "$old"
	running after || fail "it was answered"
	answer 3 "$id0"
	finish after
}

wakes_a_waiting_xfer_with_ENODEV() {
	ready
	spawn wait client xfer $CTL gets=1 min=1 timeout=-1
	still_waits wait
	_reset
	failed wait ENODEV
}

ends_a_server_with_ENODEV() {
	ready
	serve threads=4
	io op=write threads=16
	_reset
	finish server 3
	shows "$T/server" ENODEV
}

while_mounted_with_files_being_written() {
	ready capacity=64M
	serve "$(store image 64M)"
	mkfs.ext4 -q $DISK
	mkdir "$T/mnt"
	mount $DISK "$T/mnt"
	dd if=/dev/zero of="$T/mnt/file" bs=64K count=100 conv=fsync status=none
	spawn dd dd if=/dev/zero of="$T/mnt/more" bs=64K count=200 conv=fsync
	_reset
	finish server 3
	wait "${PID[dd]}" || :
	echo >>"$T/mnt/file" || : # or all may be written already
	! sync -f "$T/mnt/file" 2>"$T/error" || fail "a sync of the dead disk succeeded"
	umount "$T/mnt"
}

an_old_opener_of_the_disk_has_errors_for_ever() {
	ready
	exec 5<>$DISK
	_reset
	for op in read write; do
		expect 'EIO|ENODATA|ENOSPC|ENXIO|ENODEV' client io @5 op=$op
	done
	# Its close does not harm the new disk.
	exec 5<&-
	serve
	io op=check
	end
}

# A reset must not wait for a lock that is held while a partition is open.
while_a_partition_is_open() {
	load max_part=7
	truncate -s 16M "$T/image"
	echo 'start=64' | sfdisk -q "$T/image"
	setup block_size=512
	serve store="$T/image"
	wait_for test -b /dev/abuse0p1
	exec 5<>/dev/abuse0p1
	spawn io client io /dev/abuse0p1 op=write threads=8
	_reset
	wait "${PID[io]}" || :
	finish server 3
	expect 'EIO|ENODATA|ENXIO|ENODEV' client io @5 op=read offset=4M
	[ ! -e /dev/abuse0p1 ] || fail "the partition is still there"
}

# No lock that a reset needs may be held while data is copied from user memory.
while_a_put_is_in_a_page_fault() {
	ready
	spawn io client io $DISK op=read length=1M
	spawn put client stuck-put $CTL
	wait_for has "$T/put" '^stuck$'
	_reset
	failed io EIO
	pause 0.2
	kill -USR1 "${PID[put]}"
	wait "${PID[put]}"
	! has "$T/io" changed || fail "memory of the reader was changed after the reset"
	shows "$T/put" '^outcome=(ENOMSG|ENODEV)$'
}

others_are_served_while_a_put_is_in_a_page_fault() {
	ready
	spawn io client io $DISK op=check byte=0xaa
	spawn put client stuck-put $CTL
	wait_for has "$T/put" '^stuck$'
	serve
	io op=check length=64K threads=10
	io op=write length=64K threads=10
	running io && running put || fail "they did not wait"
	kill -USR1 "${PID[put]}"
	finish io
	finish put
	shows "$T/put" '^outcome=0$'
	end
}

a_put_in_a_page_fault_can_be_killed() {
	ready
	submit io op=check byte=0
	spawn put client stuck-put $CTL
	wait_for has "$T/put" '^stuck$'
	kill9 put
	pending 1
	serve
	finish io
	end
	is redelivered "$(status redelivered)" 1
}

# The data of the put has to be read from the very disk that the put answers.
a_put_whose_data_needs_the_disk_itself() {
	ready
	truncate -s 16M "$T/image"
	bytes 1048576 0x55 | dd of="$T/image" bs=1M seek=8 conv=notrunc status=none
	submit io op=check byte=0x55
	spawn put client stuck-put $CTL by=$DISK
	wait_for has "$T/put" '^stuck$'
	pending 1
	serve store="$T/image"
	finish io
	finish put
	shows "$T/put" '^outcome=0$'
	end
}

while_the_data_of_a_put_needs_the_disk_itself() {
	ready
	submit io op=check byte=0x55
	spawn put client stuck-put $CTL by=$DISK
	wait_for has "$T/put" '^stuck$'
	pending 1
	_reset
	failed io EIO
	finish put
	shows "$T/put" '^outcome=(ENOMSG|ENODEV|EFAULT)$'
}

under_load_20_times() {
	load
	truncate -s 16M "$T/image"
	for n in {1..20}; do
		setup queue_depth=8 queues=$((n % 2 + 1))
		serve store="$T/image" threads=2 delay=$((n * 100))
		spawn io client io $DISK op=write threads=30
		pause 0.0$((n % 10))
		reset
		finish server 3
		wait "${PID[io]}" || :
	done
	setup
	_reset
}

many_set_up_and_reset_at_once() {
	load
	for name in a b c d; do
		spawn $name bash -c 'for n in {1..10}; do
			"$0/client" setup '$CTL' flags=$((n % 2 * 2)) || :
			"$0/client" io '$DISK' op=size || :
			"$0/client" xfer '$CTL' gets=4 || :
			"$0/client" reset '$CTL'
		done' "$ABUSE_BUILD"
	done
	for name in a b c d; do
		finish $name
	done
	setup flags=$RECONNECT
	_reset
}
