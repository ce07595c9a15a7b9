# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# abusectl server is stopped or replaced, or its backend misbehaves
# run.sh: seconds 240
# run.sh: kernels 6.12 newest rt debug kcsan
_requeue() { client requeue $CTL; }

_signal() { kill -"$1" "${PID[$2]}"; }

# Two servers serve one image, and each in turn is stopped while it owns requests.
a_stopped_server_is_fenced_and_carries_on_when_it_wakes() {
	local name n
	ready queue_depth=64 flags=$((WRITE_CACHE | DISCARD))
	truncate -s 16M "$T/image"
	start one "file:$T/image"
	start two "file:$T/image"
	spawn fio "${FIO[@]}" --name=verify --rw=randwrite --bsrange=4k-64k --iodepth=32 --size=16M --fsync=30 \
		--time_based --runtime=20 --verify=crc32c --verify_fatal=1 --verify_backlog=256
	for n in 1 2 3 4 5 6; do
		for name in one two; do
			pause 0.5
			_signal STOP $name
			pause 0.3
			_requeue
			pause 0.3
			_signal CONT $name
		done
	done
	finish fio
	note "redelivered: $(status redelivered), stale: $(status stale)"
	[ "$(status redelivered)" -gt 0 ] || fail "nothing was redelivered"
	[ "$(status stale)" -gt 0 ] || fail "no server had its answers refused"
	is errors "$(status errors)" 0
	stop one
	stop two
	told one : 1
	told two : 1
}

a_stopped_server_alone_gets_its_requests_again() {
	local n
	ready queue_depth=64
	start server mem
	io op=write length=1M threads=8 byte=3
	for n in 1 2 3 4 5; do
		spawn reads "${FIO[@]}" --name=reads --rw=randread --bs=4k --iodepth=32 --size=8M
		pause 0.5
		freeze server
		_requeue
		is "owned, while it is stopped" "$(status owned)" 0
		_signal CONT server
		finish reads
	done
	io op=check length=1M threads=8 byte=3
	is errors "$(status errors)" 0
	stop server
}

a_bad_backend_fails_its_requests_and_keeps_nobody_else_waiting() {
	local n
	ready flags=$WRITE_CACHE
	start server --plugin "$ABUSE_BUILD/bad.jar" "bad:$T/end"
	spawn blocked client io $DISK op=check offset=4M byte=0x67
	owned 1
	for n in 1 2 3; do
		expect EIO io op=read offset=0M
		expect EIO io op=read offset=1M
		expect EIO io op=read offset=2M
		expect EIO io op=read offset=3M
		expect EIO io op=write offset=5M
		expect EIO io op=sync
		io op=check offset=5M length=1M threads=3 byte=0x67
	done
	told server 'IllegalStateException: thrown' 1
	told server 'OutOfMemoryError: Java heap space' 1
	told server 'StackOverflowError' 1
	told server 'the backend left out 1 bytes of a request' 1
	told server 'OutOfMemoryError: of its own' 1
	told server 'AssertionError: never' 1
	is "errors, owned" "$(status errors) $(status owned)" "18 1"
	still_waits blocked
	_requeue
	finish blocked
	is stale "$(status stale)" 0
	: >"$T/end"
	wait_for eval '[ "$(status stale)" = 1 ]'
	stop server
}
