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
