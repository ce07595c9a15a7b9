# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Processors go offline and come back, and the machine is suspended

_cpu1() { echo "$1" >/sys/devices/system/cpu/cpu1/online; } # 0 or 1

a_processor_goes_while_its_request_waits() {
	ready queues=2
	spawn read taskset -c 1 "$ABUSE_BUILD/client" io $DISK op=read
	pending 1
	spawn off bash -c 'echo 0 >/sys/devices/system/cpu/cpu1/online'
	finish off
	client setup /dev/abctl1
	client reset /dev/abctl1
	serve
	finish read
	io op=write threads=8
	_cpu1 1
	end
}

processors_come_and_go_under_load() {
	local round
	small_disk queues=2
	serve store="$T/image" threads=2 queue=own
	start_load
	for round in {1..10}; do
		_cpu1 0
		answering
		_cpu1 1
		answering
	done
	end_load "10 times off and on"
	end
}

processors_come_and_go_with_no_server() {
	local round
	small_disk queues=2
	serve store="$T/image" threads=2 queue=own
	start_load
	for round in {1..5}; do
		kill9 server
		wait_for eval '[ "$(status pending)" -gt 0 ]'
		_cpu1 0
		_cpu1 1
		serve store="$T/image" threads=2 queue=own
		answering
	done
	end_load "5 times off and on with no server"
	end
}

# A process that waits for the disk without being interruptible cannot be frozen
# once the server is, so this load has no such process.
all_processes_are_frozen_under_load_and_go_on() {
	local round
	small_disk
	serve store="$T/image"
	spawn verify "${FIO[@]}" --name=verify --size=24M --rw=randwrite --bsrange=4k-1m --iodepth=32 \
		--loops=1000000 --verify=crc32c --verify_fatal=1 --verify_dump=0
	answering
	echo 0 >/sys/module/suspend/parameters/pm_test_delay
	echo freezer >/sys/power/pm_test
	for round in {1..5}; do
		echo freeze >/sys/power/state || fail "the machine could not be frozen"
		answering
	done
	echo none >/sys/power/pm_test
	running verify || fail "$(<"$T/verify")"
	kill -TERM "${PID[verify]}"
	finish verify 128
	is errors "$(status errors)" 0
	end
}
