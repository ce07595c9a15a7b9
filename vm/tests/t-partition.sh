# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Partitions (max_part). The kernel reads the table from the disk, so setup must not
# hold a lock that the server needs in order to answer.

_image() {
	truncate -s 16M "$T/image"
	printf 'start=64, size=4096\nstart=8192\n' | sfdisk -q "$T/image"
}

appear_when_the_server_comes_after_setup() {
	load max_part=7
	_image
	soon client setup $CTL block_size=512
	pause 0.2
	is "requests before there is a server" "$(status pending)" 0
	serve store="$T/image"
	wait_for test -b /dev/abuse0p2
	is "first partition" "$(stat -c %t:%T /dev/abuse0p1) $(<$SYS/abuse0p1/start) $(<$SYS/abuse0p1/size)" "3c:1 64 4096"
	client io /dev/abuse0p1 op=write byte=0x41
	io op=check offset=$((64 * 512)) byte=0x41
	end
}

# Such partitions have a major of the block layer's.
a_disk_may_ask_for_the_scan_by_itself() {
	load
	_image
	setup block_size=512 flags=$PARTSCAN
	serve store="$T/image"
	wait_for test -b /dev/abuse0p2
	is "the range of a partition" "$(<$SYS/abuse0p1/start) $(<$SYS/abuse0p1/size)" "64 4096"
	client io /dev/abuse0p1 op=write byte=0x41
	io op=check offset=$((64 * 512)) byte=0x41
	client setup /dev/abctl1 block_size=512
	is "minors of other disks" "$(stat -c %t:%T /dev/abuse1) $(<$SYS/ext_range)" "3c:1 256"
	end
	reset
	[ ! -e /dev/abuse0p1 ] || fail "a partition after reset"
}

only_root_may_ask_for_the_scan() {
	local nobody=(setpriv --reuid=nobody --clear-groups --bounding-set=-all "$ABUSE_BUILD/client")
	load max_part=7
	_image
	cp "$T/image" "$T/copy"
	chown nobody $CTL /dev/abctl1
	expect EPERM "${nobody[@]}" setup $CTL block_size=512 flags=$PARTSCAN
	"${nobody[@]}" setup $CTL block_size=512
	client setup /dev/abctl1 block_size=512
	serve store="$T/image"
	spawn other client server /dev/abctl1 store="$T/copy"
	wait_for test -b /dev/abuse1p2
	io op=read
	pause 0.5
	[ ! -e /dev/abuse0p1 ] || fail "a table of a user's disk was read"
	# Whoever changes it later need not be root.
	client reset /dev/abctl1
	client setup /dev/abctl1 block_size=512 flags=$PARTSCAN
	"${nobody[@]}" setup /dev/abctl1 block_size=512 flags=$((PARTSCAN | RECONNECT))
	end
}

what_was_read_for_the_scan_is_forgotten() {
	load
	truncate -s 16M "$T/image" # no table
	setup flags=$PARTSCAN
	serve store="$T/image"
	wait_for eval '[ "$(status gets)" -ge 1 ] && [ "$(status openers)" = 0 ]'
	head -c 4096 /dev/zero | tr '\0' x | dd of="$T/image" conv=notrunc status=none
	is "the first block" "$(head -c 4096 $DISK | tr -d x | wc -c)" 0
	end
}

a_disk_of_large_blocks_has_partitions() {
	local size
	load
	size=$(client status $CTL only=block_size_limit)
	truncate -s 64M "$T/image"
	setup block_size=$size capacity=64M
	serve store="$T/image"
	sfdisk -q $DISK <<<'start=64, size=128' >"$T/sfdisk" 2>&1 || fail "sfdisk: $(<"$T/sfdisk")"
	end
	reset
	setup block_size=$size capacity=64M flags=$PARTSCAN
	serve store="$T/image"
	wait_for test -b /dev/abuse0p1
	is "start and size" "$(<$SYS/abuse0p1/start) $(<$SYS/abuse0p1/size)" "$((64 * size / 512)) $((128 * size / 512))"
	client io /dev/abuse0p1 op=write length=$size byte=0x41
	io op=check length=$size offset=$((64 * size)) byte=0x41
	end
}

appear_when_the_server_is_there_before_setup() {
	load max_part=7
	_image
	truncate -s 16M "$T/image"
	# A server that waits for a device: poll, then serve
	spawn server bash -c '"$0/client" poll '$CTL' && exec "$0/client" server '$CTL' store=image' "$ABUSE_BUILD"
	pause 0.2
	soon client setup $CTL block_size=512
	# The table is read after the first get, so something must use the disk first.
	spawn read client io $DISK op=read
	wait_for test -b /dev/abuse0p1
	finish read
	end
}

a_table_written_to_the_disk_is_read_again() {
	load max_part=7
	truncate -s 16M "$T/image"
	setup block_size=512
	serve store="$T/image"
	printf 'start=64, size=4096\nstart=8192\n' | sfdisk -q $DISK >"$T/sfdisk" 2>&1 || fail "sfdisk: $(<"$T/sfdisk")"
	wait_for test -b /dev/abuse0p2
	mkfs.ext4 -q /dev/abuse0p2
	fsck.ext4 -fn /dev/abuse0p2 >"$T/fsck" 2>&1 || fail "fsck: $(<"$T/fsck")"
	end
	reset
	[ ! -e /dev/abuse0p1 ] || fail "a partition after reset"
	setup block_size=512
	serve store="$T/image"
	wait_for test -b /dev/abuse0p2
	end
}

a_server_that_holds_the_scan_does_not_block_reset() {
	load max_part=3
	setup block_size=512
	serve holder hold=100
	owned 1
	spawn read client io $DISK op=read
	soon client setup $CTL block_size=512 flags=$RECONNECT
	soon client status $CTL
	soon client reset $CTL
	failed read 'EIO|ENXIO|ENODATA'
	finish holder 3
	wait_for unload
}

a_server_that_dies_in_the_scan_is_replaced() {
	load max_part=3
	_image
	setup block_size=512
	serve holder hold=100
	pause 0.5
	kill9 holder
	serve store="$T/image"
	wait_for test -b /dev/abuse0p1
	end
}

a_scan_that_failed_because_nobody_served_is_repeated() {
	load max_part=3
	_image
	setup block_size=512 orphan_ms=200
	serve holder hold=100
	owned 1
	kill9 holder
	client status $CTL only=state until=3
	# Whoever scans has the disk in use: it is not opened before the scan has failed.
	wait_for eval '[ "$(status pending)$(status owned)" = 00 ]'
	[ ! -e /dev/abuse0p1 ] || fail "a partition that nobody read"
	serve store="$T/image"
	wait_for test -b /dev/abuse0p1
	wait_for test -b /dev/abuse0p2
	# One that was read is not read again, which would replace its device.
	exec 5</dev/abuse0p2
	kill9 server
	client status $CTL only=state until=3
	exec 5<&-
	before=$(<$SYS/abuse0p1/uevent)$(stat -c %i $SYS/abuse0p1/)
	serve store="$T/image"
	io op=read
	pause 0.5
	is "the partition" "$(<$SYS/abuse0p1/uevent)$(stat -c %i $SYS/abuse0p1/)" "$before"
	end
}

a_scan_that_failed_with_the_device_is_repeated() {
	load max_part=3
	_image
	setup block_size=512
	exec 3<$CTL
	take 3 min=1 timeout=-1 # the scan begins with this get, which may be in time for its request
	answer 3 "$id0:2"
	client status $CTL only=state until=2
	serve store="$T/image"
	wait_for eval '[ "$(status pending)$(status owned)" = 00 ]'
	setup block_size=512 flags=$RECONNECT
	wait_for test -b /dev/abuse0p1
	end
}

a_write_and_a_sync_of_a_dead_partition_fail() {
	load max_part=7
	_image
	setup block_size=512 flags=$WRITE_CACHE
	serve store="$T/image"
	wait_for test -b /dev/abuse0p2
	mkfs.ext4 -q /dev/abuse0p2
	mkdir "$T/mnt"
	mount /dev/abuse0p2 "$T/mnt"
	exec 5<>/dev/abuse0p1 6>"$T/mnt/file"
	head -c 64K /dev/zero >&5
	head -c 64K /dev/zero >&6
	reset
	finish server 3
	# The page cache takes a write, as with any disk.
	client io @5 op=write offset=1M || :
	expect 'EIO|ENXIO|ENODEV' client io @5 op=sync
	expect 'EIO|EROFS' client io @6 op=sync
	client io @6 op=write || : # once the filesystem has noticed, it takes none
	expect 'EIO|EROFS' client io @6 op=sync
	exec 5>&- 6>&-
	umount "$T/mnt"
	wait_for unload
}

poll_alone_does_not_start_the_scan() {
	load max_part=7
	_image
	setup block_size=512
	client poll $CTL timeout=300 >"$T/polled"
	pause 0.3
	is "requests" "$(status pending)" 0
	serve store="$T/image"
	wait_for test -b /dev/abuse0p2
	end
}
