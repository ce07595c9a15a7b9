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
	spawn read client io $DISK op=read
	owned 1
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
