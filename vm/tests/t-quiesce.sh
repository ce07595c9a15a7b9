# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# ABUSE_QUIESCE: nothing is handed out until the resume, and nothing fails
# run.sh: seconds 180

LIVE=1 ORPHANED=3 QUIESCED=2 NO_LIMIT=4294967295

_quiesce() { client quiesce $CTL "$@"; }
_resume() { client quiesce $CTL flags=1 >"$T/resume" || fail "$(<"$T/resume")"; }
_conditions() { is conditions "$(status conditions)" "$1"; }

_none() { # FD: a get finds nothing
	client xfer @"$1" gets=4 >"$T/none" || fail "$(<"$T/none")"
	shows "$T/none" '^nr_gets=0$'
}
_poll() { # FD EXPECTED
	is "poll" "$(client poll @"$1" timeout=0)" "$2"
}
_still() { # FIELD: its value does not change
	local before
	before=$(status "$1")
	pause 1
	is "$1" "$(status "$1")" "$before"
}

nothing_is_handed_out_under_load_and_nothing_fails() {
	local n
	small_disk queues=2
	serve store="$T/image" threads=2 queue=own
	serve any store="$T/image"
	start_load
	for n in {1..5}; do
		is "after the wait" "$(_quiesce timeout_ms=60000)" owned=0
		_conditions $QUIESCED
		is owned "$(status owned)" 0
		_still gets
		_resume
		_conditions 0
		answering
	done
	for n in {1..40}; do
		_quiesce timeout_ms=$((n % 3)) >"$T/quiesce" 2>&1 || :
		_resume
	done
	answering
	end_load "quiesced 45 times"
	end
	end any
}

what_is_owned_may_be_answered_and_what_is_pending_waits() {
	ready
	exec 3<$CTL
	submit a op=write
	take 3
	submit b op=write offset=64K
	_poll 3 "IN RDNORM MSG "
	is "owned" "$(_quiesce)" owned=1
	_none 3
	_poll 3 "MSG "
	expect ETIME _quiesce timeout_ms=100
	submit c op=write offset=128K
	is "pending and owned" "$(status pending) $(status owned)" "2 1"
	client requests $CTL >"$T/requests"
	shows "$T/requests" '^told=3$'
	shows "$T/requests" '^total=3$'
	_none 3
	answer 3 "$id0"
	finish a
	_poll 3 nothing
	expect ENOMSG legacy get @3
	is "owned" "$(_quiesce timeout_ms=$NO_LIMIT)" owned=0
	still_waits b
	_resume
	take 3 gets=2
	is "the oldest one" "$sector0 $sector1" "128 256"
	answer 3 "$id0"
	answer 3 "$id1"
	finish b
	finish c
	is errors "$(status errors)" 0
}

who_waits_for_requests_goes_on_at_the_resume() {
	ready queues=2
	exec 3<$CTL
	client serve @3 queue=0
	spawn one client xfer @3 gets=1 min=1 timeout=-1
	spawn any client xfer $CTL gets=1 min=1 timeout=-1
	still_waits one
	_quiesce >"$T/quiesce"
	spawn a taskset -c 0 "$ABUSE_BUILD/client" io $DISK op=read threads=2
	spawn b taskset -c 1 "$ABUSE_BUILD/client" io $DISK op=read threads=2
	pending 4
	spawn poll client poll $CTL
	still_waits one
	still_waits any
	still_waits poll
	_resume
	finish poll
	finish one
	finish any
	exec 3<&- # it owns what the first one got
	serve
	finish a
	finish b
	end
}

# Starts a quiesce, which waits for what is owned
_waits() {
	spawn quiesce client quiesce $CTL timeout_ms=$NO_LIMIT
	client status $CTL only=conditions until=$QUIESCED
	still_waits quiesce
}

a_wait_ends_with_the_last_answer() {
	ready
	exec 3<$CTL
	submit a op=write
	take 3
	_waits
	answer 3 "$id0"
	finish quiesce
	shows "$T/quiesce" owned=0
	_conditions $QUIESCED
	finish a
}

a_wait_ends_with_a_resume_a_reset_or_its_process() {
	ready
	exec 3<$CTL
	submit a op=write
	take 3
	_waits
	_resume
	failed quiesce ECANCELED
	_waits
	kill9 quiesce
	# It stays, as whoever asked for it may have asked for somebody else.
	_conditions $QUIESCED
	_waits
	reset
	failed quiesce ENODEV
	failed a EIO
}

what_a_dead_or_slow_server_had_waits_too() {
	ready orphan_ms=400
	serve holder hold=2
	submit_soon a op=write
	submit_soon b op=write offset=64K
	owned 2
	is owned "$(_quiesce)" owned=2
	client requeue $CTL
	is "pending and owned" "$(status pending) $(status owned)" "2 0"
	_still gets
	kill9 holder
	# The time that requests wait for a server stands still.
	pause 1
	is state "$(status state)" $LIVE
	serve
	_still gets
	_resume
	finish a
	finish b
	is redelivered "$(status redelivered)" 2
	end
}

the_time_without_a_server_starts_at_the_resume() {
	load
	setup
	_quiesce >"$T/quiesce"
	setup flags=$RECONNECT unserved_ms=$((1000 * SLOW))
	submit read op=read
	pause $((2 * SLOW))
	is state "$(status state)" $LIVE
	_resume
	failed read EIO
	is state "$(status state)" $ORPHANED
	# Whoever asks makes it live, though there is nothing to get.
	setup flags=$RECONNECT orphan_ms=300
	_quiesce >"$T/quiesce"
	exec 3<$CTL
	submit read op=read
	_none 3
	exec 3<&-
	pause 1
	is state "$(status state)" $LIVE
	_resume
	failed read EIO
}

time_stands_still() {
	ready timeout_ms=$((8000 * SLOW))
	exec 3<$CTL
	submit owned op=write
	take 3
	submit waits op=write offset=64K
	_quiesce >"$T/quiesce"
	pause $((10 * SLOW))
	running waits || fail "a request timed out that nobody could have answered: $(<"$T/waits")"
	running owned || fail "a request timed out that somebody has: $(<"$T/owned")"
	is timeouts "$(status timeouts)" 0
	_resume
	pause $((4 * SLOW))
	running waits || fail "its time did not start anew: $(<"$T/waits")"
	# A later request with more time left does not hold up the earlier ones.
	submit later op=write offset=128K
	failed owned 'EIO|ETIME'
	failed waits 'EIO|ETIME'
	running later || fail "it was too early: $(<"$T/later")"
	is timeouts "$(status timeouts)" 2
	failed later 'EIO|ETIME'
	# And one that is answered in time is not touched by the timer that is left.
	submit waits op=write
	_quiesce >"$T/quiesce"
	pause $((5 * SLOW))
	_resume
	serve
	finish waits
	io op=write
	pause $((5 * SLOW))
	io op=write
	is timeouts "$(status timeouts)" 3
}

a_reset_ends_it() {
	ready queue_depth=4
	_quiesce >"$T/quiesce"
	spawn io client io $DISK op=write threads=12
	pending 4
	blocked io 12
	soon client reset $CTL
	failed io EIO
	setup
	_conditions 0
	serve
	io op=write
	_quiesce >"$T/quiesce"
	client remove $CTL
	finish server 3
	setup
	exec 5<$DISK
	_quiesce >"$T/quiesce"
	client remove-lazy $CTL
	_conditions $((QUIESCED | 1))
	exec 5<&-
	wait_for test ! -e $SYS
}

a_reconnect_keeps_it() {
	ready queue_depth=2 queues=2
	_quiesce >"$T/quiesce"
	spawn io client io $DISK op=write threads=12
	wait_for eval '[ "$(status pending)" -ge 2 ]'
	setup queue_depth=1 flags=$RECONNECT
	_conditions $QUIESCED
	serve
	_still gets
	_resume
	finish io
	end
}

a_failure_fails_what_waits() {
	ready
	exec 3<$CTL
	submit a op=write
	take 3
	submit b op=write offset=64K
	_quiesce >"$T/quiesce"
	answer 3 "$id0:2"
	failed a EIO
	failed b EIO
	is "pending and owned" "$(status pending) $(status owned)" "0 0"
	setup flags=$RECONNECT
	submit c op=write
	_none 3
	_resume
	take 3
	answer 3 "$id0"
	finish c
	is "pending and owned" "$(status pending) $(status owned)" "0 0"
}

a_partition_scan_waits_for_the_resume() {
	load
	truncate -s 16M "$T/image"
	printf 'start=64, size=4096\n' | sfdisk -q "$T/image"
	setup block_size=512 flags=$PARTSCAN
	_quiesce >"$T/quiesce"
	serve store="$T/image"
	wait_for eval '[ "$(<$SYS/abuse/servers)" = 1 ]'
	pause 0.5
	is pending "$(status pending)" 0
	soon bash -c ': <'$DISK
	_resume
	wait_for test -b /dev/abuse0p1
	end
}

two_are_as_good_as_one() {
	ready
	_resume
	serve
	io op=write
	_quiesce >"$T/quiesce"
	_quiesce >"$T/quiesce"
	submit io op=write
	_still gets
	_resume
	finish io
	_resume
	io op=write
	end
}

a_processor_goes_meanwhile() {
	ready queues=2
	_quiesce >"$T/quiesce"
	spawn read taskset -c 1 "$ABUSE_BUILD/client" io $DISK op=read
	pending 1
	echo 0 >/sys/devices/system/cpu/cpu1/online
	pending 1
	echo 1 >/sys/devices/system/cpu/cpu1/online
	serve
	_still gets
	_resume
	finish read
	end
}

an_odd_call_is_refused() {
	load
	expect ENODEV _quiesce
	expect ENODEV _quiesce flags=1
	exec 3<$CTL
	setup
	client serve @3
	reset
	setup
	expect ENODEV client quiesce @3
	expect EINVAL _quiesce flags=2
	expect EINVAL _quiesce flags=1 timeout_ms=1
	expect EINVAL _quiesce timeout_ms=86400001
	expect EINVAL _quiesce size=15
	expect E2BIG _quiesce size=24 tail=1
	expect EFAULT _quiesce arg=bad
	_conditions 0
	is "a longer structure" "$(_quiesce size=24)" owned=0
	is "in 32 bits" "$(WIDTH=32 _quiesce timeout_ms=86400000)" owned=0
	_conditions $QUIESCED
}

the_tool_quiesces_and_resumes() {
	ready
	serve
	tool quiesce 0 >"$T/out"
	tool list -n -o PROBLEM >"$T/out"
	is "the list" "$(<"$T/out")" quiesced
	submit io op=write
	tool quiesce --timeout 5 0 >"$T/out"
	_still gets
	tool resume 0 >>"$T/out"
	finish io
	is "the output" "$(<"$T/out")" ""
	end
	serve holder hold=1
	submit_soon io op=write
	owned 1
	complains 1 '/dev/abctl0: 1 request is not answered after 100ms, .*' quiesce --timeout=100ms 0
	_conditions $QUIESCED
	tool resume 0
	_conditions 0
	kill9 holder
	serve
	finish io
	end
}
