# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# A disk whose bytes an NBD server has, which is killed, stopped and started again; the server of the disk, too
# run.sh: seconds 300
# run.sh: kernels 6.1

# _nbd: starts qemu-nbd with $T/image
_nbd() {
	rm -f "$T/nbd.sock"
	spawn nbd qemu-nbd -t -e 16 -f raw --discard=unmap -k "$T/nbd.sock" "$T/image"
	wait_for [ -S "$T/nbd.sock" ]
}

URI="nbd+unix:///?socket=$T/nbd.sock"

fio_verifies_while_both_servers_are_killed() {
	local n
	small_disk
	_nbd
	start server "$URI"
	# A flush may fail when an NBD server was killed, so here is none
	start_load --fsync=0
	for n in 1 2 3; do
		kill9 nbd
		pause 0.3
		_nbd
		answering
	done
	kill9 server
	start server "$URI"
	answering
	end_load "the NBD server was killed 3 times, the server once"
	stop server
	kill -TERM "${PID[nbd]}"
	finish nbd
}

a_flush_fails_once_if_writes_may_be_lost_and_a_deadline_fails_the_rest() {
	small_disk
	_nbd
	start server "$URI" --deadline 15 # a new connection needs a part of that
	io op=write byte=7
	kill9 nbd
	_nbd
	expect EIO io op=sync
	io op=sync
	io op=check byte=7
	kill -STOP "${PID[nbd]}"
	expect ETIMEDOUT io op=read
	told server 'did not answer a request before its deadline' 1
	kill -CONT "${PID[nbd]}"
	wait_for io op=check byte=7
	stop server
	kill9 nbd
}

# A private server is there, or none is
_private() { [ "$(pgrep -c -x qemu-nbd)" = "$1" ]; }

a_private_server_ends_with_ours_and_loses_nothing() {
	small_disk
	# Without its own flush qcow2 would forget
	rm "$T/image"
	qemu-img create -q -f qcow2 "$T/image" 32M
	start server "nbd-exec:qemu-nbd -f qcow2 --cache=writeback $T/image"
	start_load --fsync=0
	answering
	kill9 server
	wait_for _private 0
	start server "nbd-exec:qemu-nbd -f qcow2 --cache=writeback $T/image"
	answering
	end_load "a server with a private NBD server was killed"
	stop server
	wait_for _private 0
	qemu-img check -q "$T/image"
	! "$ABUSECTL" server $CTL nbd-exec:frob >"$T/frob" 2>&1 || fail "a command that is not there serves"
	is "the error" "$(<"$T/frob")" "abusectl: nbd-exec:frob: 'frob' is not found, or cannot be executed"
}

run_takes_size_and_access_from_the_export() {
	load
	spawn nbd nbdkit -f -r -t 1 -U "$T/nbd.sock" memory 3M
	wait_for [ -S "$T/nbd.sock" ]
	spawn run "$ABUSECTL" run "$URI"
	wait_for has "$T/run" '^/dev/abuse0$'
	is capacity "$(status capacity)" $((3 << 20))
	is "read-only" "$(<$SYS/ro)" 1
	io op=check byte=0
	kill -TERM "${PID[run]}"
	finish run
	kill9 nbd
	rm "$T/nbd.sock"
	spawn nbd nbdkit -f -t 1 -U "$T/nbd.sock" memory 3M
	wait_for [ -S "$T/nbd.sock" ]
	local keys
	for keys in '' discard=off,wz=off; do
		spawn run "$ABUSECTL" run $keys "$URI"
		wait_for has "$T/run" '^/dev/abuse0$'
		is "offers discard with '$keys'" $(($(<$SYS/queue/discard_max_bytes) > 0)) $((${#keys} == 0))
		is "offers write zeroes with '$keys'" $(($(<$SYS/queue/write_zeroes_max_bytes) > 0)) $((${#keys} == 0))
		kill -TERM "${PID[run]}"
		finish run
	done
	kill9 nbd
}

a_server_says_how_a_request_failed() {
	ready capacity=1M
	exec 3<>$CTL
	local result errno
	for result in 1:EIO 4:ENOSPC 5:ETIMEDOUT 6:EREMOTEIO; do
		errno=${result#*:}
		submit io$errno op=read
		take 3
		answer 3 "$id0:${result%:*}"
		failed io$errno $errno
	done
	submit io op=read
	take 3
	refused 3 EINVAL "$id0:7"
	answer 3 "$id0:1"
	failed io EIO
	exec 3<&-
}
