# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Data under load, checked with fio

_fio() {
	"${FIO[@]}" "$@" >"$T/fio" 2>&1 || fail "fio: $(<"$T/fio")"
}

fio_verifies_random_writes() {
	ready queue_depth=64 flags=$WRITE_CACHE
	serve "$(store image 16M)"
	_fio --name=verify --rw=randwrite --bsrange=4k-256k --iodepth=32 --size=16M --fsync=50 \
		--verify=crc32c --do_verify=1 --verify_fatal=1
	end
	is errors "$(status errors)" 0
}

fio_verifies_with_two_servers_two_queues_and_shuffled_answers() {
	ready queues=2 queue_depth=32 block_size=512
	truncate -s 16M "$T/image"
	serve one store="$T/image" threads=2 order=random batch=8
	serve two store="$T/image" threads=2 order=reverse batch=3 buffer=2M
	_fio --name=verify --rw=randwrite --bsrange=512-64k --iodepth=16 --size=8M --numjobs=2 --offset_increment=8M \
		--verify=crc32c --do_verify=1 --verify_fatal=1
	end one
	end two
	is "gets and puts" "$(status gets)" "$(status puts)"
	is errors "$(status errors)" 0
}

servers_killed_under_fio_lose_nothing() {
	ready queue_depth=32
	truncate -s 16M "$T/image"
	serve s0 store="$T/image" batch=8 delay=3000
	spawn fio "${FIO[@]}" --name=verify --rw=randwrite --bs=4k --iodepth=16 --size=16M --loops=3 \
		--verify=crc32c --do_verify=1 --verify_fatal=1
	for n in {1..15}; do
		pause 0.2
		running fio || fail "fio ended before the server was killed $n times: $(<"$T/fio")"
		kill9 s$((n - 1))
		serve s$n store="$T/image" batch=8 threads=$((n % 2 + 1)) delay=3000
	done
	kill9 s15
	serve store="$T/image"
	finish fio
	end
	is errors "$(status errors)" 0
	[ "$(status redelivered)" -gt 0 ] || fail "no request was ever redelivered"
}

a_second_server_takes_over_without_a_pause() {
	ready
	truncate -s 16M "$T/image"
	serve s0 store="$T/image"
	spawn fio "${FIO[@]}" --name=verify --rw=randwrite --bs=16k --iodepth=8 --size=16M --loops=3 \
		--verify=crc32c --do_verify=1 --verify_fatal=1
	for n in 1 2 3 4 5 6; do
		pause 0.2
		serve s$n store="$T/image"
		end s$((n - 1))
	done
	finish fio
	end s6
	is "errors, redelivered" "$(status errors) $(status redelivered)" "0 0"
}

resize_and_depth_change_under_fio() {
	ready queue_depth=64
	truncate -s 64M "$T/image"
	serve store="$T/image"
	spawn fio "${FIO[@]}" --name=verify --rw=randwrite --bs=4k --iodepth=32 --size=16M \
		--verify=crc32c --do_verify=1 --verify_fatal=1
	for n in {1..20}; do
		setup flags=$RECONNECT capacity=$((16 + n))M queue_depth=$((n * 17 % 64 + 1))
	done
	finish fio
	end
	is errors "$(status errors)" 0
}

ext4_survives_servers_being_killed() {
	ready capacity=64M flags=$((WRITE_CACHE | DISCARD))
	truncate -s 64M "$T/image"
	serve s0 store="$T/image" delay=1000
	mkfs.ext4 -q $DISK
	mkdir "$T/mnt"
	mount $DISK "$T/mnt"
	spawn cp cp -r /usr/lib/udev /usr/share/perl5/Debconf /etc "$T/mnt"
	for n in 1 2 3 4 5; do
		pause 0.2
		kill9 s$((n - 1))
		serve s$n store="$T/image"
	done
	wait "${PID[cp]}" || :
	(cd "$T/mnt" && find . -type f -exec sha256sum {} + >"$T/sums")
	[ -s "$T/sums" ] || fail "nothing was copied: $(<"$T/cp")"
	umount "$T/mnt"
	kill9 s5
	serve store="$T/image"
	fsck.ext4 -fn $DISK >"$T/fsck" 2>&1 || fail "fsck: $(<"$T/fsck")"
	mount $DISK "$T/mnt"
	(cd "$T/mnt" && sha256sum --quiet -c "$T/sums") || fail "files differ"
	umount "$T/mnt"
	end
	is errors "$(status errors)" 0
}
