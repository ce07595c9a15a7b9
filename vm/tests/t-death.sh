# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Servers are killed and replaced under load: there is no error, nothing is lost, and
# users of the disk wait only until the next server is there
# run.sh: seconds 120
# run.sh: torture
TIMES=${TORTURE:-1}

# Sleeps for a random time of at most that many milliseconds
_moment() { pause "$(printf '%d.%03d' $(($1 / 1000)) $((RANDOM % 1000 * $1 / 1000 % 1000)))"; }

a_server_killed_again_and_again_loses_nothing() {
	local n kills=$((20 * TIMES))
	small_disk
	spawn server client server $CTL store="$T/image"
	start_load
	for ((n = 0; n < kills; n++)); do
		_moment 400
		kill9 server
		spawn server client server $CTL store="$T/image" threads=$((n % 3 + 1)) batch=$((n % 40 + 1))
	done
	answering
	end_load "$kills kills"
	end
	[ "$(status redelivered)" -gt 0 ] || fail "no request was ever redelivered"
}

when_one_of_several_is_killed_the_others_carry_on() {
	local n kills=$((10 * TIMES))
	small_disk queues=2
	for n in 0 1 2; do
		spawn server$n client server $CTL store="$T/image" batch=8
	done
	start_load
	for ((n = 0; n < kills; n++)); do
		kill9 server$((n % 3))
		answering
		_moment 200
		spawn server$((n % 3)) client server $CTL store="$T/image" batch=8 threads=$((n % 2 + 1))
	done
	end_load "$kills kills"
	for n in 0 1 2; do
		wait_for has "$T/server$n" '^ready$'
		end server$n
	done
}

# The I/O is so small that it takes almost no time itself.
a_server_is_replaced_by_a_second_one() {
	local n times=$((10 * TIMES))
	small_disk
	serve s0 store="$T/image"
	start_load --size=2M --bsrange=4k-8k --iodepth=4
	for ((n = 1; n <= times; n++)); do
		pause 0.2
		serve s$n store="$T/image"
		end s$((n - 1))
	done
	end_load "$times replacements"
	end s$times
	is redelivered "$(status redelivered)" 0
}

# Writes and deletes files in a directory until there is a file "stop"; then lists the checksums of those left
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
	local n kills=$((10 * TIMES)) fs file_systems='ext4 xfs'
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
