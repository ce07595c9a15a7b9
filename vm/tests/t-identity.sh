# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# ABUSE_SERVE: an open file says what it serves

_serve() { client serve "$@"; } # DEVICE [KEY=VALUE ...]

another_identity_is_refused_as_long_as_the_first_is_there() {
	local output
	ready
	exec 3<$CTL 4<$CTL
	_serve @3 identity=1 text=one
	if output=$(_serve @4 identity=2 text=two 2>&1); then
		fail "two contents serve one disk"
	fi
	[[ $output == *EBUSY*"text=one"* ]] || fail "it does not say who is there: $output"
	_serve @4 identity=1 text=again
	exec 3<&-
	if output=$(_serve $CTL identity=2 2>&1); then
		fail "the second one is forgotten"
	fi
	[[ $output == *EBUSY*"text=again"* ]] || fail "it does not say who is still there: $output"
	exec 4<&-
	_serve $CTL identity=2
}

# Its id may be another's by now.
a_process_is_named_while_it_is_there() {
	ready
	exec 3<$CTL
	_serve @3 identity=1 text=gone
	_serve $CTL identity=2 >"$T/refused" 2>&1 || :
	shows "$T/refused" '^pid=0$'
	shows "$T/refused" '^text=gone$'
	serve here identity=1 text=here
	_serve $CTL identity=2 >"$T/refused" 2>&1 || :
	shows "$T/refused" "^pid=${PID[here]}\$"
	shows "$T/refused" '^text=here$'
}

a_killed_server_leaves_nothing_of_its_identity() {
	ready
	serve a identity=1 text=a
	expect EBUSY _serve $CTL identity=2
	kill9 a
	_serve $CTL identity=2
}

two_that_start_at_once_are_never_both_accepted() {
	local n round taken
	ready
	for round in 1 2 3 4 5; do
		for n in 1 2 3 4; do
			spawn "s$n" client server $CTL identity=$n
		done
		taken=0
		for n in 1 2 3 4; do
			wait_for eval "has '$T/s$n' '^ready$' || ! running s$n"
		done
		for n in 1 2 3 4; do
			if has "$T/s$n" '^ready$'; then
				taken=$((taken + 1))
				end "s$n"
			else
				failed "s$n" EBUSY
			fi
		done
		[ $taken -ge 1 ] || fail "none was taken"
	done
}

a_file_that_says_nothing_is_not_compared() {
	ready
	exec 3<$CTL 4<$CTL 5<$CTL
	_serve @3 identity=1
	_serve @4
	submit io op=write
	take 5
	answer 5 "$id0"
	finish io
}

once_said_it_stays() {
	ready queues=2
	exec 3<$CTL
	_serve @3 identity=1
	expect EALREADY _serve @3 identity=1
	expect EALREADY _serve @3 identity=0 queue=1
}

a_wrong_call_is_refused() {
	ready
	expect EINVAL _serve $CTL flags=1
	expect EINVAL _serve $CTL queue=1
	expect EINVAL _serve $CTL whole=1
	expect EINVAL _serve $CTL size=175
	expect E2BIG _serve $CTL size=184 tail=1
	_serve $CTL size=184
	expect EFAULT _serve $CTL arg=bad
	reset
	expect ENODEV _serve $CTL
}

after_a_reset_it_serves_nothing_any_more() {
	ready
	exec 3<$CTL
	_serve @3 identity=1
	reset
	expect ENODEV client xfer @3 gets=1
	setup
	submit io op=write
	expect ENODEV client xfer @3 gets=1
	expect ENODEV client remove @3
	[[ "$(client poll @3 timeout=0)" == *HUP* ]] || fail "no HUP"
	_serve $CTL identity=2
	serve
	finish io
	end
}

a_file_of_one_queue_gets_from_it_alone() {
	ready queues=2
	exec 3<$CTL 4<$CTL
	_serve @3 queue=0
	_serve @4 queue=1
	expect EINVAL client xfer @3 gets=1 queue=1
	spawn read taskset -c 1 "$ABUSE_BUILD/client" io $DISK op=read
	pending 1
	is "poll of the other queue" "$(client poll @3 timeout=0)" nothing
	[[ "$(client poll @4 timeout=0)" == "IN RDNORM MSG"* ]] || fail "no poll"
	is "gets of the other queue" "$(client xfer @3 gets=1 | grep nr_gets)" "nr_gets=0"
	expect ENOMSG legacy get @3
	take 4
	answer 4 "$id0"
	finish read
}

a_poll_of_one_queue_is_woken_by_it() {
	ready queues=2
	exec 4<$CTL
	_serve @4 queue=1
	spawn poll client poll @4 events=1
	spawn other taskset -c 0 "$ABUSE_BUILD/client" io $DISK op=read
	pending 1
	still_waits poll
	spawn read taskset -c 1 "$ABUSE_BUILD/client" io $DISK op=read offset=64K
	finish poll
	spawn last client poll @4 events=16
	still_waits last
	reset
	finish last
	shows "$T/last" HUP
	failed read EIO
	failed other EIO
}

# Its queue is one of the new setup, and the old one has fewer: with KASAN that showed.
a_call_that_began_before_it_keeps_to_its_own_setup() {
	ready
	exec 3<$CTL
	spawn get client stuck-get @3
	wait_for has "$T/get" '^stuck$'
	reset
	setup queues=2
	_serve @3 queue=1
	kill -USR1 "${PID[get]}"
	finish get
	shows "$T/get" '^outcome=ENOMSG$'
}
