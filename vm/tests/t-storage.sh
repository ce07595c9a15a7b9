# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Images on storage that is full, too short, gone, broken or slow: the request
# fails, and the server goes on and says once what happened
# run.sh: seconds 240
# run.sh: kernels 6.12

export DM_DISABLE_UDEV=1

# Two disks of 64 MiB for the images
_disks() {
	dmsetup remove_all --force
	modprobe -r brd
	modprobe brd rd_nr=2 rd_size=65536
}

# _map TARGET: from now on /dev/mapper/lower is /dev/ram0 seen through this target
_map() {
	local table="0 131072 ${1/ARGS/\/dev\/ram0 0}"
	if [ -e /dev/mapper/lower ]; then
		dmsetup suspend --noflush lower
		dmsetup load lower --table "$table"
		dmsetup resume lower
	else
		dmsetup create lower --table "$table"
	fi
}

_ext4() { # makes a small empty filesystem
	_disks
	mkfs.ext4 -q -O ^has_journal -m 0 /dev/ram0
	mkdir "$T/fs"
	mount /dev/ram0 "$T/fs"
}

_unmount() {
	umount "$T/fs"
	_disks
}

_full() {
	_ext4
	ready capacity=128M flags=$WRITE_CACHE
	start server "$@" "file:$T/fs/image" --create
	io op=write length=1M threads=8 byte=7
	fallocate -l 45M "$T/fs/filler"
	expect 'EIO|ENOSPC' io op=write offset=8M length=1M threads=64
	expect 'EIO|ENOSPC' io op=write offset=80M length=1M threads=16
	io op=check length=1M threads=8 byte=7
	[ "$(status errors)" -gt 10 ] || fail "only $(status errors) requests failed"
	told server "$T/fs/image: No space left on device" 1
	rm "$T/fs/filler"
	io op=write offset=100M length=1M threads=4 byte=9
	io op=sync
	io op=check offset=100M length=1M threads=4 byte=9
	stop server
	shows "$T/server" 'No space left on device \([0-9]+ more times\)'
	_unmount
}

a_full_filesystem_fails_what_does_not_fit_and_nothing_else() { _full; }
a_full_filesystem_past_the_page_cache() { _full --direct; }

_cut() {
	_ext4
	ready capacity=16M flags=$WRITE_CACHE
	start server "$@" "file:$T/fs/image" --create
	io op=write length=1M threads=16 byte=7
	io op=sync
	truncate -s 8M "$T/fs/image"
	for _ in 1 2 3; do
		expect EIO io op=read offset=8M length=1M threads=8
		expect EIO io op=write offset=8M length=1M threads=8
		expect EIO io op=sync
	done
	io op=check length=1M threads=8 byte=7
	io op=write offset=1M byte=8
	is "size of the image" "$(stat -c %s "$T/fs/image")" 8388608
	told server "$T/fs/image: the image ends before the disk does" 1
	running server || fail "the server ended"
	stop server
	_unmount
}

an_image_cut_short_fails_what_is_gone_and_every_flush() { _cut; }
an_image_cut_short_past_the_page_cache() { _cut --direct; }

a_deleted_image_is_served_on() {
	_ext4
	ready flags=$WRITE_CACHE
	start server "file:$T/fs/image" --create
	io op=write length=1M threads=4 byte=7
	rm "$T/fs/image"
	io op=write offset=4M length=1M threads=4 byte=8
	io op=sync
	io op=check length=1M threads=4 byte=7
	io op=check offset=4M length=1M threads=4 byte=8
	stop server
	is errors "$(status errors)" 0
	told server : 1
	_unmount
}

_broken() {
	_disks
	_map 'linear ARGS'
	ready capacity=64M flags=$WRITE_CACHE
	start server "$@" file:/dev/mapper/lower
	io op=write length=1M threads=4 byte=7
	io op=sync
	_map error
	for _ in 1 2 3; do
		expect EIO io op=read offset=32M length=1M threads=8
	done
	told server '/dev/mapper/lower: Input/output error' 1
	_map 'linear ARGS'
	io op=check offset=32M length=1M threads=8
	io op=check length=1M threads=4 byte=7
	running server || fail "the server ended"
}

a_disk_that_fails_fails_requests_until_it_works_again() {
	_broken
	# The page cache may have lost data, and the kernel reports that to the first fsync only.
	_map error
	io op=write offset=16M byte=9
	expect EIO io op=sync
	_map 'linear ARGS'
	expect EIO io op=sync
	expect EIO io op=write offset=16M fua=1
	io op=check length=1M threads=4 byte=7
	stop server
	start again file:/dev/mapper/lower
	io op=write length=1M threads=4 byte=8
	io op=sync
	stop again
	told again : 1
	_disks
}

a_disk_that_fails_past_the_page_cache() {
	_broken --direct
	_map error
	expect EIO io op=write offset=16M byte=9
	_map 'linear ARGS'
	io op=write offset=16M byte=10
	io op=sync
	stop server
	_disks
}

# _slow OPTION...: starts eight cold reads of an image on a disk that nobody serves; eight threads make them, so
# they all wait at the same time
_slow() {
	local lower=/dev/abctl1
	ready capacity=64M flags=$WRITE_CACHE queue_depth=32
	CTL=$lower setup capacity=64M queue_depth=64
	CTL=$lower serve lower
	start server "$@" file:/dev/abuse1
	end lower
	spawn reads client io $DISK op=check offset=16M stride=4M threads=8 byte=0
	CTL=$lower pending 8
	running reads || fail "the reads ended early: $(<"$T/reads")"
	CTL=$lower serve lower
	finish reads
	stop server
	is errors "$(status errors)" 0
	end lower
}

cold_reads_of_an_image_overlap() { _slow; }
cold_reads_past_the_page_cache_overlap() { _slow --direct; }

a_disk_of_4096_byte_sectors_takes_direct_io_in_its_own_blocks() {
	local loop
	modprobe loop
	truncate -s 16M "$T/backing"
	loop=$(losetup -f --show -b 4096 "$T/backing")
	ready block_size=512
	status=0
	"$ABUSECTL" server --direct $CTL "file:$loop" >"$T/refused" 2>&1 || status=$?
	is "exit status" $status 1
	shows "$T/refused" "$loop: direct I/O with blocks of 512, but its disk has blocks of 4096; set up with bs=4096"
	reset
	setup flags=$((WRITE_CACHE | DISCARD | WRITE_ZEROES))
	start server --direct "file:$loop"
	"${FIO[@]}" --name=verify --rw=randwrite --bsrange=4k-64k --iodepth=16 --size=16M --verify=crc32c \
		--verify_fatal=1 >"$T/fio" 2>&1 || fail "fio: $(<"$T/fio")"
	io op=write offset=4M length=1M byte=5
	io op=zeroes offset=4M length=512K
	io op=discard offset=8M length=1M
	io op=check offset=4M length=512K byte=0
	io op=check offset=4608K length=512K byte=5
	stop server
	is errors "$(status errors)" 0
	told server : 1
	losetup -d "$loop"
}

a_mounted_disk_is_written_only_if_that_is_meant() {
	local words="/dev/ram0: is mounted, or used by something else; end that first .*, unless you add --shared"
	_ext4
	ready capacity=64M block_size=512 flags=$WRITE_CACHE
	complains 1 "$words" server $CTL file:/dev/ram0
	complains 1 "$words" server --filter log $CTL file:/dev/ram0
	start server --shared file:/dev/ram0
	stop server
	umount "$T/fs"
	start server file:/dev/ram0
	start second file:/dev/ram0
	stop second
	stop server
	_disks
}
