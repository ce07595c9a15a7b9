# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Servers that are killed, and replaced, under load: no error, nothing lost, and
# no pause but until there is a server again
# run.sh: seconds 240
# run.sh: torture
WAIT=60

ABUSECTL=$(cd "${BASH_SOURCE[0]%/*}/../../cli" && pwd)/abusectl
TIMES=${TORTURE:-1}

_device() {
	ready capacity=32M queue_depth=64 flags=$((WRITE_CACHE | DISCARD | WRITE_ZEROES)) "$@"
	truncate -s 32M "$T/image"
}

# Until it is stopped: writes of all sizes with fsync, then all of it is read
# and compared, again and again; and discards in another place
_load() { # [OPTION...]
	spawn verify "${FIO[@]}" --name=verify --size=24M --rw=randwrite --bsrange=4k-1m --iodepth=32 --fsync=40 \
		--loops=1000000 --verify=crc32c --verify_fatal=1 --verify_dump=0 "$@"
	spawn trim "${FIO[@]}" --name=trim --offset=24M --size=8M --rw=randtrim --bs=64k --iodepth=1 --ioengine=sync \
		--loops=1000000
	_busy
}

# Requests are answered, now
_busy() {
	local before
	before=$(status puts)
	wait_for _more $((before + 100))
}
_more() { [ "$(status puts)" -gt "$1" ]; }

# No error, of the load and of the device. "longest": what an I/O took, fio says.
_unload() { # WHAT
	local name longest
	for name in verify trim; do
		running $name || fail "$name ended early: $(<"$T/$name")"
		kill -TERM "${PID[$name]}"
		finish $name 128
		awk -F';' '$1 == 3 { n++; bad += $5 } END { exit n != 1 || bad }' "$T/$name" || fail "$name: $(<"$T/$name")"
	done
	longest=$(awk -F';' '$1 == 3 { print int(($39 > $80 ? $39 : $80) / 1000) }' "$T/verify")
	is errors "$(status errors)" 0
	note "$1, $(status puts) answers, $(status redelivered) redelivered, longest I/O $longest ms"
}

# A moment of up to so many milliseconds
_moment() { pause "$(printf '%d.%03d' $(($1 / 1000)) $((RANDOM % 1000 * $1 / 1000 % 1000)))"; }

a_server_killed_again_and_again_loses_nothing() {
	local n kills=$((20 * TIMES))
	_device
	spawn server client server $CTL store="$T/image"
	_load
	for ((n = 0; n < kills; n++)); do
		_moment 400
		kill9 server
		spawn server client server $CTL store="$T/image" threads=$((n % 3 + 1)) batch=$((n % 40 + 1))
	done
	_busy
	_unload "$kills kills"
	end
	[ "$(status redelivered)" -gt 0 ] || fail "no request was ever redelivered"
}

when_one_of_several_is_killed_the_others_carry_on() {
	local n kills=$((10 * TIMES))
	_device queues=2
	for n in 0 1 2; do
		spawn server$n client server $CTL store="$T/image" batch=8
	done
	_load
	for ((n = 0; n < kills; n++)); do
		kill9 server$((n % 3))
		_busy
		_moment 200
		spawn server$((n % 3)) client server $CTL store="$T/image" batch=8 threads=$((n % 2 + 1))
	done
	_unload "$kills kills"
	for n in 0 1 2; do
		wait_for has "$T/server$n" '^ready$'
		end server$n
	done
}

# abusectl, which takes seconds to start here
_abusectl_server() { # NAME BACKEND
	spawn "$1" "$ABUSECTL" server $CTL "$2"
	wait_for has "$T/$1" "$CTL"
}

abusectl_killed_with_a_file_loses_nothing() {
	local n kills=$((3 * TIMES))
	_device
	_abusectl_server server "file:$T/image"
	_load
	for ((n = 0; n < kills; n++)); do
		_moment 1000
		kill9 server
		_abusectl_server server "file:$T/image"
		_busy
	done
	_unload "$kills kills"
	kill -TERM "${PID[server]}"
	finish server
}

# What it held is gone, but no request is
abusectl_killed_with_memory_fails_no_request() {
	local n kills=$TIMES
	_device
	_abusectl_server server mem
	spawn fio "${FIO[@]}" --name=rw --size=32M --rw=randrw --bsrange=4k-1m --iodepth=32 --fsync=40 --loops=1000000
	for ((n = 0; n < kills; n++)); do
		_busy
		kill9 server
		_abusectl_server server mem
	done
	_busy
	kill -TERM "${PID[fio]}"
	finish fio 128
	is errors "$(status errors)" 0
	kill -TERM "${PID[server]}"
	finish server
}

# With I/O so small that it takes no time itself
a_server_is_replaced_by_a_second_one() {
	local n times=$((10 * TIMES))
	_device
	serve s0 store="$T/image"
	_load --size=2M --bsrange=4k-8k --iodepth=4
	for ((n = 1; n <= times; n++)); do
		pause 0.2
		serve s$n store="$T/image"
		end s$((n - 1))
	done
	_unload "$times replacements"
	end s$times
	is redelivered "$(status redelivered)" 0
}

# Files come and go in a directory until there is a file "stop"; what is left has a list of checksums
_churn() { # DIRECTORY
	local n
	for ((n = 0; ; n++)); do
		mkdir -p "$1/$((n % 4))" || return
		cp -r /etc/security /etc/apt /usr/share/perl5/Debconf "$1/$((n % 4))" || return
		(cd "$1/$((n % 4))" && find . -type f -exec sha256sum {} + >../sums$((n % 4))) || return
		(cd "$1/$((n % 4))" && sha256sum --quiet -c ../sums$((n % 4))) || return
		sync -f "$1" || return
		[ ! -e "$T/stop" ] || break
		rm -r "${1:?}/$(((n + 2) % 4))" "$1/sums$(((n + 2) % 4))" 2>"$T/rm" || :
	done
	echo "$n rounds"
}

ext4_and_xfs_survive_servers_being_killed() {
	local n kills=$((20 * TIMES)) fs file_systems='ext4 xfs'
	load
	n=0
	for fs in $file_systems; do
		client setup /dev/abctl$n capacity=320M flags=$((WRITE_CACHE | DISCARD))
		truncate -s 320M "$T/$fs"
		spawn server$n client server /dev/abctl$n store="$T/$fs" delay=2000
		mkfs.$fs -q /dev/abuse$n
		mkdir "$T/mnt$n"
		mount -o discard /dev/abuse$n "$T/mnt$n"
		_churn "$T/mnt$n" >"$T/churn$n" 2>&1 &
		PID[churn$n]=$!
		n=$((n + 1))
	done
	for ((n = 0; n < kills; n++)); do
		_moment 400
		kill9 server$((n % 2))
		spawn server$((n % 2)) client server /dev/abctl$((n % 2)) store="$T/$(cut -d' ' -f$((n % 2 + 1)) <<<$file_systems)" delay=2000
	done
	: >"$T/stop"
	n=0
	for fs in $file_systems; do
		finish churn$n
		umount "$T/mnt$n"
		is "errors of $fs" "$(client status /dev/abctl$n only=errors)" 0
		case $fs in
		ext4) e2fsck -fn /dev/abuse$n >"$T/fsck" 2>&1 || fail "e2fsck: $(<"$T/fsck")" ;;
		xfs) xfs_repair -n /dev/abuse$n >"$T/fsck" 2>&1 || fail "xfs_repair: $(<"$T/fsck")" ;;
		esac
		mount /dev/abuse$n "$T/mnt$n"
		for sums in "$T/mnt$n"/sums*; do
			(cd "$T/mnt$n/${sums##*/sums}" && sha256sum --quiet -c "$sums") || fail "$fs: files differ"
		done
		umount "$T/mnt$n"
		note "$fs: $((kills / 2)) kills, $(<"$T/churn$n") of files, $(client status /dev/abctl$n only=redelivered) redelivered"
		n=$((n + 1))
	done
}
