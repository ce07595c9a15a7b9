# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# poll() of the control node

_poll() { client poll "$@" timeout=0 | sed 's/ $//'; }

a_device_that_is_not_set_up_is_never_ready() {
	load
	is poll "$(_poll $CTL)" nothing
	spawn poll client poll $CTL
	still_waits poll
	setup
	still_waits poll
	submit io op=write
	finish poll
	is "poll after the first request" "$(<"$T/poll")" "IN RDNORM MSG "
}

# IN means that a get would return a request, and MSG, as in 2009, that some request is not answered yet.
IN_is_for_pending_and_MSG_for_unanswered() {
	ready
	exec 3<$CTL 4<$CTL
	is "poll, idle" "$(_poll @3)" nothing
	submit io op=write
	is "poll, pending" "$(_poll @3)" "IN RDNORM MSG"
	take 3
	is "poll of the owner" "$(_poll @3)" MSG
	is "poll of another" "$(_poll @4)" MSG
	is "poll for IN alone" "$(_poll @4 events=1)" nothing
	exec 3<&-
	is "poll, given back" "$(_poll @4)" "IN RDNORM MSG"
	take 4
	answer 4 "$id0"
	finish io
	is "poll, answered" "$(_poll @4)" nothing
}

a_request_that_is_pending_again_wakes() {
	ready
	exec 3<$CTL
	submit io op=write
	take 3
	spawn poll client poll $CTL events=1
	still_waits poll
	exec 3<&-
	finish poll
	is poll "$(<"$T/poll")" "IN "
	serve
	finish io
	end
}

who_polls_takes_no_wake_up_of_a_server() {
	local how
	ready
	for how in any bound; do
		exec 3<$CTL
		[ $how = any ] || client serve @3 queue=0 identity=1 text=bound
		spawn poll client poll @3 events=1 exclusive=yes
		still_waits poll
		spawn server client xfer @3 gets=1 min=1 timeout=-1
		still_waits server
		submit_soon io op=write
		finish server
		# It sleeps on if the request was taken before it looked, and may end at any moment if it was not
		! running poll || kill9 poll || :
		eval "$(<"$T/server")"
		answer 3 $id0
		finish io
		exec 3<&-
	done
}

# A reset wakes those who poll.
reset_wakes_with_HUP() {
	ready
	exec 3<$CTL
	client status @3 >"$T/status"
	spawn poll client poll @3
	still_waits poll
	reset
	finish poll
	shows "$T/poll" 'HUP'
}

HUP_stays_until_the_file_looks_at_the_device_again() {
	ready
	exec 3<$CTL 4<$CTL 5<$CTL 6<$CTL 7<$CTL
	client status @3 >"$T/status"
	expect ENOMSG legacy get @4
	client xfer @5 gets=1 >"$T/xfer"
	_poll @6 >"$T/poll"
	reset
	for n in 3 4 5 6; do
		[[ "$(_poll @$n)" == *HUP* ]] || fail "descriptor $n does not see that the device is gone"
	done
	is "poll of a file that never used the device" "$(_poll @7)" nothing
	setup
	[[ "$(_poll @3)" == *HUP* ]] || fail "setup ended the HUP of a file that did not look"
	client status @3 >"$T/status"
	is "poll after a status" "$(_poll @3)" nothing
	expect ENOMSG legacy get @4
	is "poll after a get" "$(_poll @4)" nothing
	client xfer @5 gets=1 >"$T/xfer"
	is "poll after an xfer" "$(_poll @5)" nothing
}
