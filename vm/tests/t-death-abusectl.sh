# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# abusectl is killed and replaced under load; here each start of it takes seconds
# run.sh: seconds 300
# run.sh: torture
# run.sh: kernels 6.12 debug
TIMES=${TORTURE:-1}

killed_with_a_file_it_loses_nothing() {
	local n kills=$((TIMES == 1 ? 2 : 20 * TIMES)) killed took longest=0
	small_disk
	start server "file:$T/image"
	start_load
	for ((n = 0; n < kills; n++)); do
		pause "0.$((RANDOM % 1000))"
		killed=$EPOCHREALTIME
		kill9 server
		start server "file:$T/image"
		answering
		took=$(((${EPOCHREALTIME/./} - ${killed/./}) / 1000))
		longest=$((took > longest ? took : longest))
	done
	end_load "$kills kills, the longest until requests were answered again $longest ms"
	stop server
}

# The data in the memory of a killed server is lost, but no request fails.
killed_with_memory_it_fails_no_request() {
	local n kills=$TIMES
	small_disk
	start server mem
	spawn fio "${FIO[@]}" --name=rw --size=32M --rw=randrw --bsrange=4k-1m --iodepth=32 --fsync=40 --loops=1000000
	for ((n = 0; n < kills; n++)); do
		answering
		kill9 server
		start server mem
	done
	answering
	kill -TERM "${PID[fio]}"
	finish fio 128
	is errors "$(status errors)" 0
	stop server
}

# This is what an upgrade of abusectl does.
when_a_second_one_replaces_it_there_is_no_pause() {
	local n times=$((2 * TIMES))
	small_disk
	start s0 "file:$T/image"
	start_load --size=2M --bsrange=4k-8k --iodepth=4
	for ((n = 1; n <= times; n++)); do
		start s$n "file:$T/image"
		answering
		stop s$((n - 1))
	done
	end_load "$times replacements"
	is redelivered "$(status redelivered)" 0
	stop s$times
}
