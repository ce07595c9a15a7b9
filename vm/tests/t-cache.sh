# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# A cache in front of a slow backend: nothing stale is read, whatever happens to the server and to the cache
# run.sh: seconds 400
# run.sh: kernels 6.12

# shellcheck source=vm/tests/map.sh
. "${BASH_SOURCE[0]%/*}/map.sh"

# _ready [KEY=VALUE ...]: a disk of 32 MiB, and devices in memory for its cache
_ready() {
	modprobe -r brd 2>/dev/null || :
	modprobe brd rd_nr=2 rd_size=12288
	[ -b /dev/ram1 ] || fail "no /dev/ram1"
	small_disk flags=$((MAPPABLE | WRITE_CACHE | DISCARD | WRITE_ZEROES)) "$@"
}

# _start CACHE [ARGUMENT...]: a server whose image is slow
_start() { start server --cache="$1" --filter=delay:time=1ms "file:${IMAGE-$T/image}" "${@:2}"; }

# _same: the disk has the bytes of its image, however they are read
_same() {
	local n
	sync "${IMAGE-$T/image}"
	for n in 1 2; do
		blockdev --flushbufs $DISK
		cmp $DISK "${IMAGE-$T/image}" >"$T/cmp" || fail "stale: $(<"$T/cmp")"
	done
}

# _counted REGEX: what the server counts
_counted() {
	kill -USR1 "${PID[server]}"
	wait_for has "$T/server" "pieces of .*$1"
}

_verified() { # CACHE [COMMAND that makes it]
	_ready queues=2
	"${@:2}"
	_start "$1"
	start_load
	answering
	pause 10
	end_load "a cache of $1"
	_same
	[ "$(status mapped_reads)" -gt 0 ] || fail "the kernel has read nothing"
	_counted '[1-9][0-9]* filled, [1-9][0-9]* evicted'
	note "$(grep ' pieces of ' "$T/server")"
	stop server
	is maps "$(tool maps 0 -n)" ""
}

a_cache_in_memory_smaller_than_the_disk_is_verified() { _verified 4M; }
a_cache_on_a_device_smaller_than_the_disk_is_verified() { _verified /dev/ram0,piece=16K; }
# What the kernel reads there is still under way when its place is given to another piece.
a_cache_on_a_device_that_answers_later_is_verified() {
	_verified /dev/dm-0,piece=16K dmsetup create abuse-delay --table "0 24576 delay /dev/ram0 0 5"
	dmsetup remove abuse-delay
}

a_server_killed_at_any_moment_leaves_nothing_stale() {
	local n cache
	_ready queues=2
	_start /dev/ram0
	start_load
	for cache in /dev/ram0 4M /dev/ram0 /dev/ram0 4M /dev/ram0; do
		answering
		pause "0.$((RANDOM % 9 + 1))"
		kill9 server
		_start "$cache"
		answering
	done
	end_load "killed 6 times"
	_same
	kill9 server
	# One without a cache answers no write before nothing is mapped any more.
	start server "file:$T/image"
	is maps "$(tool maps 0 -n)" ""
	io op=write length=1M byte=0x77
	_same
	stop server
}

what_was_kept_is_used_again_unless_something_was_written_past_it() { _kept; }
a_file_whose_time_has_whole_seconds_is_told_from_what_it_was() { _kept -I 128; }
_kept() { # [OPTION...]: of the filesystem of the image
	_ready
	mkfs.ext4 -q "$@" /dev/ram1
	mkdir "$T/fs"
	mount /dev/ram1 "$T/fs"
	reset
	setup capacity=8M flags=$((MAPPABLE | WRITE_CACHE))
	head -c 8M /dev/urandom >"$T/fs/image"
	IMAGE=$T/fs/image
	start server --cache=/dev/ram0 "file:$IMAGE"
	_same
	io op=write offset=1M length=64K byte=0x55
	stop server
	start server --cache=/dev/ram0 "file:$IMAGE"
	_same
	_counted ' 0 missed'
	stop server
	bytes 65536 0x66 | dd of="$IMAGE" bs=64K seek=20 conv=notrunc iflag=fullblock status=none
	start server --cache=/dev/ram0 "file:$IMAGE"
	_same
	_counted ' [1-9][0-9]* missed'
	kill9 server
	start server --cache=/dev/ram0 "file:$IMAGE"
	_same
	_counted ' [1-9][0-9]* missed'
	stop server
	umount "$T/fs"
}

a_cache_that_cannot_be_used_or_fails_is_gone_without() {
	local device
	_ready
	mkfs.ext4 -q /dev/ram1
	_start /dev/ram1
	told server 'cache /dev/ram1: it holds something' 1
	_same
	stop server
	mkdir "$T/mnt"
	mount /dev/ram1 "$T/mnt"
	_start /dev/ram1
	told server 'cache /dev/ram1: Device or resource busy; the disk goes on without it' 1
	_same
	stop server
	umount "$T/mnt"
	dmsetup create abuse-cache --table "0 24576 linear /dev/ram0 0"
	device=/dev/dm-0
	blockdev --setro $device
	_start $device
	told server "cache $device: " 1
	_same
	stop server
	dmsetup remove abuse-cache
	dmsetup create abuse-cache --table "0 512 linear /dev/ram0 0"
	_start $device
	told server "cache $device: it has no room for 16 pieces of 64 KiB" 1
	stop server
	dmsetup remove abuse-cache
	dmsetup create abuse-cache --table "0 24576 linear /dev/ram0 0"
	_start $device
	start_load
	dmsetup load abuse-cache --table "0 24576 error"
	dmsetup resume abuse-cache
	wait_for has "$T/server" "cache $device: .*; the disk goes on without it"
	answering
	end_load "the cache has failed"
	_same
	is maps "$(tool maps 0 -n)" ""
	stop server
	dmsetup remove abuse-cache
}

_claimed() {
	! dmsetup create abuse-other --table "0 24576 linear /dev/ram0 0" 2>"$T/dmsetup" || fail "others can have the cache"
	shows "$T/dmsetup" 'busy'
}

nobody_else_has_a_cache_of_which_nothing_is_mapped() {
	_ready
	mkfs.ext4 -q /dev/ram1
	mkdir "$T/fs"
	mount /dev/ram1 "$T/fs"
	truncate -s 32M "$T/fs/image"
	IMAGE=$T/fs/image
	start server --cache=/dev/ram0 "file:$IMAGE"
	_claimed
	io op=check length=1M byte=0
	_claimed
	io op=discard length=32M
	is maps "$(tool maps 0 -n)" ""
	_claimed
	io op=check length=1M byte=0
	stop server
	start server --cache=/dev/ram0 "file:$IMAGE" # it has what was read, and maps none of it yet
	_claimed
	stop server
	dmsetup create abuse-other --table "0 24576 linear /dev/ram0 0"
	dmsetup remove abuse-other
	umount "$T/fs"
}

a_filesystem_on_a_web_server_is_read_once() {
	local gets command
	modprobe -r brd 2>/dev/null || :
	load
	ip link set lo up
	mkdir -p "$T/www" "$T/mnt" "$T/files"
	head -c 4M /dev/urandom >"$T/files/random"
	truncate -s 16M "$T/www/disk.img"
	mke2fs -q -t ext4 -d "$T/files" "$T/www/disk.img"
	spawn web busybox httpd -f -p 127.0.0.1:8000 -h "$T/www"
	# As it is printed in the manual page
	command=$(sed -n 's/^# abusectl \(run .*cache.*\)/\1/p' "${ABUSECTL%/*}/../man/src/server.in")
	spawn run bash -c "exec $ABUSECTL ${command//\\/}"
	wait_for has "$T/run" '^/dev/abuse0$'
	mount -o ro,noload $DISK "$T/mnt"
	cmp "$T/mnt/random" "$T/files/random"
	kill9 web
	echo 3 >/proc/sys/vm/drop_caches
	gets=$(status gets)
	cmp "$T/mnt/random" "$T/files/random"
	is gets "$(status gets)" "$gets"
	umount "$T/mnt"
	kill -TERM "${PID[run]}"
	finish run
}
