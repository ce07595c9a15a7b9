# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Requests that nobody answers, and servers that wait for requests

# A test fails when the kernel reports a hung task. With any disk it reports a process that waits
# for a page of the page cache, or for a discard, so this test has no such process.
no_waiting_process_is_reported_as_hung() {
	ready flags=$WRITE_CACHE
	echo 1 >/proc/sys/kernel/hung_task_check_interval_secs
	echo 10 >/proc/sys/kernel/hung_task_timeout_secs
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
	pause 13
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

# The words of "client look" say what a test can see, and what cannot be on a busy machine.
_look() { client look $CTL disk=$DISK "$@"; }

a_server_that_looks_before_it_sleeps_finds_a_request() {
	ready
	_look end=request
}

a_look_is_ended_by_a_signal_a_reset_and_a_drain() {
	ready capacity=1M queue_depth=4
	_look end=signal
	_look end=drain
	_look end=reset
}

a_look_keeps_nobody_from_its_processor() {
	ready
	_look end=neighbour
	_look end=submitter
}

# Nanoseconds that the thread of a process has run, by its name
_ran() { # NAME THREAD
	local task name ns
	for task in "/proc/${PID[$1]}"/task/*; do
		read -r name <"$task/comm"
		[ "$name" != "$2" ] || read -r ns _ <"$task/schedstat"
	done
	echo "$ns"
}
# Nobody has run it since a moment ago
_is_idle() {
	local before
	before=$(_ran "$@")
	pause 0.5
	[ "$(_ran "$@")" = "$before" ]
}

an_idle_server_that_may_look_takes_no_time() {
	local abusectl client
	ready queue_depth=8
	start server mem --poll
	spawn client client server $CTL busy=10000000
	wait_for has "$T/client" '^ready$'
	io op=write threads=100
	wait_for _is_idle server "queue 0"
	wait_for _is_idle client client
	abusectl=$(_ran server "queue 0") client=$(_ran client client)
	pause 2
	is "nanoseconds that abusectl ran" "$(_ran server "queue 0")" "$abusectl"
	is "nanoseconds that the client ran" "$(_ran client client)" "$client"
	end client
	stop server
}

answers_are_right_whoever_looks() {
	local by
	small_disk queues=2
	serve one store="$T/image" threads=2 queue=own busy=4294967295
	serve two store="$T/image" threads=2 busy=4294967295
	serve three store="$T/image" threads=2 busy=200000
	start_load
	for by in one two three; do
		answering
		end $by
	done
	serve last store="$T/image" threads=2 queue=own busy=4294967295
	answering
	end_load "four servers that look, three of them ended"
	end last
}
