# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# What users of the disk can do with it, and what the server sees of that

_commands() { sed -n 's/^command=\([0-9]*\) sector=\([0-9]*\) length=\([0-9]*\) flags=\([0-9]*\).*/\1 \2 \3 \4/p' "$T/server"; }

# Only a disk with a write cache has anything to flush.
fsync_sends_a_flush_with_a_write_cache_only() {
	ready
	serve log=1
	io op=sync
	end
	is "requests without a write cache" "$(_commands)" ""
	reset
	setup flags=$WRITE_CACHE
	serve log=1
	io op=sync
	end
	is "requests with a write cache" "$(_commands)" "2 0 0 0"
}

# An fsync may not return before the server says that the data is on its storage.
fsync_waits_for_the_answer_and_fails_when_it_fails() {
	ready flags=$WRITE_CACHE
	exec 3<$CTL
	submit io op=sync
	take 3
	still_waits io
	answer 3 "$id0:1"
	failed io EIO
}

a_write_through_the_cache_is_FUA() {
	ready flags=$WRITE_CACHE
	serve log=1
	io op=write offset=8192 fua=1
	io op=write offset=8192
	end
	_commands >"$T/commands"
	shows "$T/commands" '^1 16 4096 1$'
	shows "$T/commands" '^1 16 4096 0$'
}

without_a_write_cache_there_is_no_FUA() {
	ready
	serve log=1
	io op=write fua=1
	end
	is requests "$(_commands)" "1 0 4096 0"
}

# A discard has no data, so the request itself must have the range.
discard_and_write_zeroes_have_their_range() {
	ready capacity=16G flags=$((DISCARD | WRITE_ZEROES))
	serve log=1
	io op=discard offset=1M length=8G
	end
	is "bytes discarded, command" "$(_commands | awk '{ n += $3; c = $1 } END { printf "%.0f %d", n, c }')" "8589934592 3"
	serve log=1
	io op=zeroes offset=8K length=48K
	end
	is requests "$(_commands)" "4 16 49152 $NOUNMAP"
}

# Longer ranges are split. If the longest length were not a multiple of the block size, the parts would not be aligned.
long_ranges_are_cut_at_whole_blocks() {
	local what
	ready capacity=16G flags=$((DISCARD | WRITE_ZEROES))
	for what in discard zeroes; do
		serve log=1
		io op=$what length=10G
		end
		is "bytes" "$(_commands | awk '{ n += $3 } END { printf "%.0f", n }')" 10737418240
		is "requests beside the blocks" "$(_commands | awk '$2 % 8 || $3 % 4096')" ""
	done
}

hints_of_a_request_reach_the_server() {
	small_disk
	serve store="$T/image" log=1
	mkfs.ext4 -q $DISK
	mkdir mnt
	mount $DISK mnt
	head -c 8M /dev/zero >mnt/file
	sync
	echo 3 >/proc/sys/vm/drop_caches
	cat mnt/file >"$T/data"
	umount mnt
	end
	[ "$(_commands | awk -v bit=$META 'int($4 / bit) % 2' | wc -l)" -gt 0 ] || fail "no metadata"
	[ "$(_commands | awk -v bit=$RAHEAD '$1 == 0 && int($4 / bit) % 2' | wc -l)" -gt 0 ] || fail "no read ahead"
}

write_zeroes_and_discard_change_the_data() {
	ready flags=$((DISCARD | WRITE_ZEROES))
	serve "$(store image 16M)"
	io op=write length=64K byte=0x77
	io op=zeroes offset=4K length=8K
	io op=check length=4K byte=0x77
	io op=check offset=4K length=8K byte=0
	io op=check offset=12K length=4K byte=0x77
	io op=discard length=32K
	end
}

# If the server does not offer write zeroes, the kernel writes zeros itself.
zeroes_work_without_write_zeroes() {
	ready
	serve "$(store image 16M)"
	io op=write length=64K byte=0x77
	io op=zeroes offset=4K length=8K
	io op=check offset=4K length=8K byte=0
	end
}

requests_are_not_longer_than_max_request() {
	ready max_request=16K
	serve log=1
	io op=write length=256K
	end
	is "longest request" "$(_commands | sort -k3n | tail -1 | cut -d' ' -f3)" 16384
	is "bytes" "$(_commands | awk '{ n += $3 } END { print n }')" 262144
}

the_last_block_is_there_and_none_after_it() {
	ready block_size=512 capacity=1049088
	serve log=1
	io op=write offset=1048576 length=512
	is "what was written" "$(_commands)" "1 2048 512 0"
	expect 'ENOSPC|EINVAL|EIO' io op=write offset=1049088 length=512
	expect 'ENODATA|EINVAL|EIO' io op=read offset=1049088 length=512
	end
}

buffered_and_mapped_io_reaches_the_server() {
	ready
	serve "$(store image 16M)"
	head -c 3M /dev/urandom >"$T/random"
	dd if="$T/random" of=$DISK bs=64K conv=fsync status=none
	cmp "$T/random" <(head -c 3M "$T/image")
	blockdev --flushbufs $DISK
	cmp "$T/random" <(head -c 3M $DISK)
	end
}

# Programs that do not know this driver see an ordinary disk.
lsblk_knows_the_disk() {
	ready capacity=64M
	is lsblk "$(lsblk -bnro NAME,SIZE,TYPE,RO,LOG-SEC $DISK)" "abuse0 67108864 disk 0 4096"
}

partition_tables_are_not_read_without_max_part() {
	ready
	truncate -s 16M "$T/image"
	echo 'start=8, size=1024' | sfdisk -q --sector-size 4096 "$T/image" >"$T/sfdisk" 2>&1 || :
	serve store="$T/image" log=1
	head -c 4096 $DISK >"$T/first"
	pause 0.3
	[ ! -e /dev/abuse0p1 ] || fail "a partition"
	end
}

_tells() { # STATE SERVERS PENDING OWNED BACKING
	local file told=
	for file in state servers pending owned backing; do
		told+=" $(<$SYS/abuse/$file)"
	done
	is "what sysfs tells" "${told# }" "$*"
}

# sysfs-block-abuse, which needs no right to the control node
sysfs_tells_how_the_disk_is_served() {
	load
	setup orphan_ms=200
	_tells live 0 0 0 ""
	setpriv --reuid=65534 --clear-groups cat $SYS/abuse/state >"$T/state"
	exec 3<$CTL
	client serve @3 identity=1 text=$'file:a\nb'
	_tells live 0 0 0 "file:a?b"
	submit a op=read
	submit b op=read offset=64K
	take 3
	_tells live 1 1 1 "file:a?b"
	client quiesce $CTL >"$T/quiesce"
	_tells quiesced 1 1 1 "file:a?b"
	client quiesce $CTL flags=1 >"$T/quiesce"
	exec 3<&-
	failed a EIO
	failed b EIO
	_tells orphaned 0 0 0 ""
	setup flags=$RECONNECT
	exec 3<$CTL
	submit a op=read
	take 3
	answer 3 "$id0:2"
	failed a EIO
	_tells failed 1 0 0 ""
	# A removal waits for whoever reads, and they do not wait for it.
	spawn read bash -c 'while cat '$SYS'/abuse/* >/dev/null 2>&1 || [ -e '$SYS' ]; do :; done'
	soon client reset $CTL
	[ ! -e $SYS/abuse ] || fail "the attributes are still there"
	finish read
}
