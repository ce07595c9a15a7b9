# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Nobody answers the requests of a device without a timeout

# A test fails when the kernel reports a hung task. With any disk it reports a process that waits
# for a page of the page cache, or for a discard, so this test has no such process.
no_waiting_process_is_reported_as_hung() {
	ready flags=$WRITE_CACHE
	echo 1 >/proc/sys/kernel/hung_task_check_interval_secs
	echo 4 >/proc/sys/kernel/hung_task_timeout_secs
	spawn read client io $DISK op=read
	spawn write client io $DISK op=write offset=1M
	spawn sync client io $DISK op=sync
	pending 3
	exec 3<$CTL
	take 3 gets=2
	client setup /dev/abctl1
	spawn idle client xfer /dev/abctl1 gets=1 min=1 timeout=-1
	spawn poll client poll /dev/abctl1
	setup flags=$((RECONNECT | WRITE_CACHE))
	pause 7
	echo 60 >/proc/sys/kernel/hung_task_timeout_secs
	echo 0 >/proc/sys/kernel/hung_task_check_interval_secs
	for name in read write sync idle poll; do
		running $name || fail "$name did not wait: $(<"$T/$name")"
	done
	reset
	for name in read write sync; do
		failed $name EIO
	done
}

# Direct I/O cannot be killed, as the reset above shows, nor can the last close, as the
# next test shows. So another process keeps the disk open here.
a_process_that_waits_for_a_buffered_read_can_be_killed() {
	ready
	exec 5<$DISK
	submit read op=read buffered=1
	kill9 read
	is pending "$(status pending)" 1
	serve
	io op=check
	end
}

# The signal ends the read, and then the close waits for the page that the read left in
# the page cache. Scanners such as blkid wait there, too.
the_last_process_with_the_disk_open_dies_when_its_read_is_answered() {
	ready
	submit read op=read buffered=1
	kill -KILL "${PID[read]}"
	still_waits read
	is "state" "$(sed 's/.*) \(.\).*/\1/' "/proc/${PID[read]}/stat")" D
	serve
	finish read 137
	end
	submit read op=read buffered=1 offset=1M
	kill -KILL "${PID[read]}"
	still_waits read
	reset
	finish read 137
}

a_server_that_waits_for_a_request_can_be_killed() {
	ready
	spawn get client xfer $CTL gets=1 min=1 timeout=-1
	spawn poll client poll $CTL
	still_waits get
	kill9 get
	kill9 poll
	serve
	io op=check
	end
}
