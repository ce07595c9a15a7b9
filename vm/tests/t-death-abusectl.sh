# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# abusectl killed, and replaced, under load; each start of it takes seconds here
# run.sh: seconds 300
# run.sh: torture
# run.sh: kernels 6.12 debug
WAIT=100

ABUSECTL=$(cd "${BASH_SOURCE[0]%/*}/../../cli" && pwd)/abusectl
TIMES=${TORTURE:-1}

_serve() { # NAME BACKEND
	spawn "$1" "$ABUSECTL" server $CTL "$2"
	wait_for has "$T/$1" "$CTL"
}

killed_with_a_file_it_loses_nothing() {
	local n kills=$((TIMES == 1 ? 2 : 20 * TIMES))
	small_disk
	_serve server "file:$T/image"
	start_load
	for ((n = 0; n < kills; n++)); do
		_moment 1000
		kill9 server
		_serve server "file:$T/image"
		answering
	done
	end_load "$kills kills"
	kill -TERM "${PID[server]}"
	finish server
}

# What it held is gone, but no request is
killed_with_memory_it_fails_no_request() {
	local n kills=$TIMES
	small_disk
	_serve server mem
	spawn fio "${FIO[@]}" --name=rw --size=32M --rw=randrw --bsrange=4k-1m --iodepth=32 --fsync=40 --loops=1000000
	for ((n = 0; n < kills; n++)); do
		answering
		kill9 server
		_serve server mem
	done
	answering
	kill -TERM "${PID[fio]}"
	finish fio 128
	is errors "$(status errors)" 0
	kill -TERM "${PID[server]}"
	finish server
}
