# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Everything happens at once, in random order, while there is I/O; see stress.c
# run.sh: seconds 180
# run.sh: torture
# run.sh: kernels 6.12 debug kcsan

_stress() { # SECONDS [KEY=VALUE ...]
	"$ABUSE_BUILD/stress" $CTL disk=$DISK seconds=$(($1 * ${TORTURE:-1})) "${@:2}" >"$T/stress" 2>&1 ||
		fail "$(<"$T/stress")"
	note "$(paste -sd' ' "$T/stress")"
	wait_for unload
}

servers_killed_stopped_and_requeued_lose_nothing_and_fail_nothing() {
	load
	_stress 25 calm=1
}

resets_timeouts_and_failures_lose_nothing_that_was_answered() {
	load
	_stress 25
}

partitions_are_scanned_meanwhile() {
	load max_part=7
	_stress 10
}
