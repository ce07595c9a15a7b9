# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# ABUSE_REMOVE: removes the disk unless it is open

_remove() { client remove $CTL; }

an_unused_disk_goes() {
	ready
	_remove
	[ ! -e $SYS ] || fail "the disk is still there"
	_remove # no device is set up
	setup
	serve
	io op=write
	kill9 server
	_remove
	is capacity "$(status capacity)" 0
}

an_open_disk_stays() {
	ready
	serve
	exec 5<>$DISK
	is openers "$(status openers)" 1
	expect EBUSY _remove
	io op=write
	exec 5>&-
	wait_for _remove
	finish server 3
}

a_mounted_disk_stays() {
	small_disk
	serve store="$T/image"
	mkfs.ext4 -q $DISK
	mkdir mnt
	mount $DISK mnt
	expect EBUSY _remove
	echo text >mnt/file
	umount mnt
	wait_for _remove
}

an_open_partition_is_an_open_disk() {
	load max_part=7
	truncate -s 16M image
	printf 'start=64, size=4096\n' | sfdisk -q image
	setup block_size=512
	serve store="$T/image"
	wait_for test -b /dev/abuse0p1
	exec 5</dev/abuse0p1
	expect EBUSY _remove
	exec 5<&-
	wait_for _remove
	[ ! -e /dev/abuse0p1 ] || fail "the partition is still there"
}

# Openers and removers race: a disk that is open never goes away.
nobody_loses_what_is_open() {
	local round lost=0
	load
	for round in {1..40}; do
		setup
		serve
		spawn io client io $DISK op=write threads=4
		_remove 2>"$T/remove" || :
		if wait "${PID[io]}"; then :; else
			has "$T/io" 'ENXIO|ENOENT|ENODEV' || fail "an open disk went away: $(<"$T/io")"
			lost=$((lost + 1))
		fi
		wait_for _remove
		finish server 3
	done
	note "opened too late: $lost of 40"
}
