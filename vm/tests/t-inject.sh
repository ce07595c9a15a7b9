# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Memory that is not there, and addresses that stop being there, at each place
# of each call: see inject.c
# run.sh: seconds 120
# run.sh: kernels debug

each_allocation_and_each_copy_of_each_call_fails_once() {
	local fault
	load
	for fault in failslab fail_page_alloc fail_usercopy; do
		echo 0 >/sys/kernel/debug/$fault/verbose
	done
	for fault in failslab fail_page_alloc; do
		echo N >/sys/kernel/debug/$fault/ignore-gfp-wait
	done
	echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
	"$ABUSE_BUILD/inject" $CTL disk=$DISK >"$T/inject" 2>&1 || fail "$(<"$T/inject")"
	note "errors/failures: $(paste -sd' ' "$T/inject")"
	for call in open setup get put; do
		shows "$T/inject" "^$call=[0-9]+/[1-9]"
	done
	wait_for unload
}
