# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Each allocation and each access to user memory fails once, at each place in each
# call; see inject.c
# run.sh: seconds 240
# run.sh: kernels debug

each_allocation_and_each_copy_of_each_call_fails_once() {
	local fault target call
	load
	for fault in failslab fail_page_alloc fail_usercopy; do
		echo 0 >/sys/kernel/debug/$fault/verbose
	done
	for fault in failslab fail_page_alloc; do
		echo N >/sys/kernel/debug/$fault/ignore-gfp-wait
	done
	echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
	null_disks nr_devices=1 memory_backed=1 gb=1
	for target in "" target=/dev/nullb0; do
		"$ABUSE_BUILD/inject" $CTL disk=$DISK $target >"$T/inject" 2>&1 || fail "$(<"$T/inject")"
		note "errors/failures: $(paste -sd' ' "$T/inject")"
		for call in open setup get put ${target:+map unmap lend lent}; do
			shows "$T/inject" "^$call=[0-9]+/[1-9]"
		done
	done
	wait_for unload
	modprobe -r null_blk
}

# Then the slots come from vmalloc(), whose memory cannot be freed in atomic context.
queues_in_pieces_of_memory_are_freed() {
	local faults=/sys/kernel/debug/fail_page_alloc round
	load
	echo 0 >$faults/verbose
	echo N >$faults/ignore-gfp-wait
	echo 4 >$faults/min-order # not what starting a program needs
	echo -1 >$faults/times
	echo 1 >$faults/task-filter
	for round in 1 2 3; do
		echo 100 >$faults/probability
		(
			echo 1 >/proc/self/make-it-fail
			setup queue_depth=4096
		)
		echo 0 >$faults/probability
		grep -q abuse /proc/vmallocinfo || fail "no memory in pieces"
		serve
		io op=write threads=10
		reset
		finish server 3
	done
	echo 0 >$faults/task-filter
	wait_for unload
}
