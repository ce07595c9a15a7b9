# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Lent memory: the kernel copies to and from it, and it outlives who lent it

# shellcheck source=vm/tests/map.sh
. "${BASH_SOURCE[0]%/*}/map.sh"

lent_memory_outlives_who_lent_it() {
	local inode
	_ready block_size=512
	_map 512:1M:4608:memory=4M:w extent_flags=$((WRITE | MEMORY))
	io op=check offset=4K length=64K byte=0
	io op=write offset=4K length=64K byte=0x72
	io op=check offset=4K length=64K byte=0x72
	io op=write offset=1536 length=512 vector=512 byte=0x73 fua=1
	io op=read nowait=1 offset=8K
	io op=write nowait=1 offset=8K byte=0x72
	io op=sync # nobody serves, and there is nothing to flush
	is gets "$(status gets)" 0
	[[ $(_extents) =~ ^"512 1048576 4608 0x"[0-9a-f]*" 3 0x"[0-9a-f]*$ ]] || fail "extents: $(_extents)"
	# A later one gets it, and both see what the other writes.
	client lent $CTL offset=1K op=read at=8K length=64K byte=0x72 >"$T/lent"
	inode=$(printf '%#x' "$(sed -n 's/^inode=//p' "$T/lent")")
	is "the target" "$(_extents | cut -d' ' -f4,6)" "$inode $(sed -n 's/^filesystem=//p' "$T/lent")"
	client lent $CTL offset=1M op=write at=8K length=4K byte=0x74 >"$T/lent"
	io op=check offset=4K length=4K byte=0x74
	io op=check offset=8K length=4K byte=0x72
	expect ENOENT client lent $CTL
	expect ENOENT client lent $CTL offset=2M
	expect ENOENT client lent $CTL offset=0xffffffffffffffff
	expect EINVAL client lent $CTL offset=1K flags=1
	expect EINVAL client lent $CTL offset=1K reserved=1
	expect EINVAL client lent $CTL offset=1K size=16
	expect E2BIG client lent $CTL offset=1K size=32 tail=1
	expect EFAULT client lent $CTL offset=1K arg=bad
	# A hole takes pages out of the file, but not away from the disk.
	client lent $CTL offset=1K op=punch at=8K length=64K >"$T/lent"
	io op=check offset=8K length=4K byte=0x72
	_unmap 0:16K
	io op=check offset=64K length=4K byte=0x72
	expect ENOENT client lent $CTL offset=1K
	client lent $CTL offset=64K op=none >"$T/lent"
	client setup /dev/abctl1
	expect EOPNOTSUPP client lent /dev/abctl1
	expect ENODEV client lent /dev/abctl2
	reset
}

memory_is_lent_only_as_it_was_opened_and_within_the_limit() {
	local nobody
	_ready
	expect ENOSPC client map $CTL extents=0:8K:4K:memory=8K extent_flags=$MEMORY
	expect EINVAL client map $CTL extents=0:8K:512:memory=16K extent_flags=$MEMORY
	expect EMEDIUMTYPE client map $CTL extents=0:4K:0:/proc/version extent_flags=$MEMORY
	expect EBADF client map $CTL extents=0:4K fd=99 extent_flags=$MEMORY
	mkdir "$T/tmpfs"
	mount -t tmpfs tmpfs "$T/tmpfs"
	truncate -s 64K "$T/tmpfs/file"
	expect EACCES client map $CTL "extents=0:4K:0:$T/tmpfs/file" extent_flags=$((WRITE | MEMORY)) mode=r
	expect EMEDIUMTYPE client map $CTL "extents=0:4K:0:$T/tmpfs" extent_flags=$MEMORY mode=r
	_map "0:4K:0:$T/tmpfs/file" extent_flags=$MEMORY mode=r
	io op=check byte=0
	client io "$T/tmpfs/file" op=write buffered=1 byte=0x41
	io op=check byte=0x41
	submit write op=write # it is mapped for reads
	! umount "$T/tmpfs" 2>"$T/umount" || fail "its file is in use"
	_unmap 0:4K "umount=$T/tmpfs"
	exec 3<$CTL
	take 3
	answer 3 "$id0"
	finish write
	exec 3<&-
	# A user has so much, and no more, whatever he lends to which disk; it is his again when it is unmapped.
	chown nobody $CTL
	cp "$ABUSE_BUILD/client$WIDTH" "$T/client"
	nobody=(setpriv --reuid=nobody --regid=nogroup --clear-groups prlimit --memlock=1048576:1048576 "$T/client")
	expect ENOMEM "${nobody[@]}" map $CTL extents=0:2M:0:memory=2M extent_flags=$MEMORY
	"${nobody[@]}" map $CTL extents=0:768K:0:memory=1M extent_flags=$MEMORY >"$T/map"
	expect ENOMEM "${nobody[@]}" map $CTL extents=1M:512K:0:memory=1M extent_flags=$MEMORY
	"${nobody[@]}" map $CTL extents=1M:256K:0:memory=1M extent_flags=$MEMORY >"$T/map"
	"${nobody[@]}" unmap $CTL extents=0:1M >"$T/map"
	"${nobody[@]}" map $CTL extents=0:768K:0:memory=1M extent_flags=$MEMORY >"$T/map"
	expect ENOMEM "${nobody[@]}" map $CTL extents=2M:4K:0:memory=1M extent_flags=$MEMORY
	reset
	setup capacity=32M flags=$MAPPABLE
	wait_for "${nobody[@]}" map $CTL extents=0:1M:0:memory=1M extent_flags=$MEMORY
}

what_a_later_one_gets_is_open_for_what_is_mapped_and_shared_with_nobody() {
	_ready
	_map 0:64K:0:memory=64K extent_flags=$MEMORY # who lends it has it open for writes
	client lent $CTL op=read length=64K >"$T/lent"
	shows "$T/lent" '^access=r$'
	expect EACCES client lent $CTL op=write
	client lent $CTL op=apart >"$T/lent"
	_map 64K:64K:0:memory=64K:w extent_flags=$((WRITE | MEMORY))
	client lent $CTL offset=64K op=write byte=0x78 >"$T/lent"
	shows "$T/lent" '^access=rw$'
	io op=check offset=64K byte=0x78
	client lent $CTL offset=64K op=apart >"$T/lent"
	# Its filesystem does not allow writes any more.
	mkdir "$T/tmpfs"
	mount -t tmpfs tmpfs "$T/tmpfs"
	truncate -s 64K "$T/tmpfs/file"
	_map "128K:64K:0:$T/tmpfs/file" extent_flags=$MEMORY mode=w
	mount -o remount,ro "$T/tmpfs" # nobody has it open for writes
	client lent $CTL offset=128K op=read >"$T/lent"
	_unmap 128K:64K
}

a_file_is_named_by_its_filesystem_too() {
	local n one two
	_ready
	for n in 1 2; do
		mkdir "$T/$n"
		mount -t tmpfs tmpfs "$T/$n"
		truncate -s 64K "$T/$n/file"
	done
	is "the inode of the second one" "$(stat -c %i "$T/2/file")" "$(stat -c %i "$T/1/file")"
	_map "0:4K:0:$T/1/file" extent_flags=$MEMORY
	_map "4K:4K:0:$T/2/file" extent_flags=$MEMORY
	{ read -r _ _ _ _ _ one; read -r _ _ _ _ _ two; } < <(_extents)
	is "its filesystem" "$one" "0x$(stat -c %D "$T/1/file")"
	is "its filesystem" "$two" "0x$(stat -c %D "$T/2/file")"
	[ "$one" != "$two" ] || fail "two files are one"
	is "what the tool tells" "$(tool maps 0 -n | awk '{ print $3 }')" "$(stat -c memory:%Hd:%Ld:%i "$T"/[12]/file)"
	# What is listed can be unmapped as it is.
	_unmap 0:4K extent_flags=$MEMORY extent_filesystem=$one
	_unmap 4K:4K
	umount "$T/1" "$T/2"
}

sealed_memory_and_a_caller_that_locks_all_get_a_clear_answer() {
	local write=8 future_write=16 shrink=2
	_ready
	expect EACCES client map $CTL extents=0:64K:0:memory=64K:w extent_flags=$((WRITE | MEMORY)) seals=$write
	expect EACCES client map $CTL extents=0:64K:0:memory=64K:w extent_flags=$((WRITE | MEMORY)) seals=$future_write
	_map 0:64K:0:memory=64K extent_flags=$MEMORY seals=$write
	io op=check length=64K byte=0
	client lent $CTL op=read length=64K >"$T/lent"
	shows "$T/lent" '^access=r$'
	_map 64K:64K:0:memory=64K:w extent_flags=$((WRITE | MEMORY)) seals=$shrink
	io op=write offset=64K byte=0x79
	expect ENOMEM client map $CTL extents=1M:1M:0:memory=1M extent_flags=$MEMORY mlockall=yes memlock=1M uid=65534
}

huge_pages_are_lent() {
	_ready
	echo 8 >/proc/sys/vm/nr_hugepages
	[ "$(</proc/sys/vm/nr_hugepages)" = 8 ] || fail "no huge pages"
	_map 0:1M:1M:huge=4M:w extent_flags=$((WRITE | MEMORY))
	io op=write offset=512K length=256K byte=0x75
	io op=check offset=512K length=256K byte=0x75
	client lent $CTL op=none >"$T/lent"
	_unmap 0:1M
	# All of a huge page is kept in memory, so all of it counts.
	expect ENOMEM client map $CTL extents=0:64K:0:huge=2M extent_flags=$MEMORY memlock=2044K uid=65534
	expect ENOMEM client map $CTL extents=0:64K:2016K:huge=4M extent_flags=$MEMORY memlock=4092K uid=65534
	_map 0:64K:2016K:huge=4M extent_flags=$MEMORY memlock=4M uid=65534
	io op=check length=64K byte=0
	expect ENOMEM client map $CTL extents=64K:4K:0:memory=4K extent_flags=$MEMORY memlock=4M uid=65534
	_unmap 0:64K
	_map 64K:4M:0:memory=4M extent_flags=$MEMORY memlock=4M uid=65534
	reset
	wait_for eval '[ "$(sed -n "s/^HugePages_Free: *//p" /proc/meminfo)" = 8 ]'
	echo 0 >/proc/sys/vm/nr_hugepages
}

memory_and_devices_make_one_disk() {
	_ready max_request=256K
	N=2 _map 0:64K:0:/dev/ram0:w,128K:64K:0:/dev/ram1:w
	_map 64K:64K:0:memory=64K:w extent_flags=$((WRITE | MEMORY))
	truncate -s 32M "$T/image"
	serve store="$T/image"
	io op=write length=256K byte=0x76
	io op=check length=256K byte=0x76
	client io /dev/ram0 op=check length=64K byte=0x76
	client lent $CTL offset=64K op=read length=64K byte=0x76 >"$T/lent"
	io op=sync
	is "what the server has" "$(tr -d '\0' <"$T/image" | wc -c)" 65536
	client quiesce $CTL
	spawn read client io $DISK op=check offset=64K byte=0x76
	still_waits read
	client quiesce $CTL flags=1
	finish read
	end
}

# Each extent has memory of its own, that begins elsewhere in a page
several_places_in_memory_are_one_piece() {
	local n
	_ready block_size=512
	for n in {0..16}; do
		_map $((n * 4608)):4608:$((n * 512)):memory=64K:w extent_flags=$((WRITE | MEMORY))
	done
	head -c $((17 * 4608)) /dev/urandom >"$T/data"
	io op=write length=$((16 * 4608)) from="$T/data" nowait=1
	io op=write length=$((16 * 4608)) from="$T/data" vector=1536 nowait=1
	io op=check length=$((16 * 4608)) from="$T/data" vector=1536 nowait=1
	is "reads and writes" "$(status mapped_reads) $(status mapped_writes)" "1 2"
	spawn nowait client io $DISK op=write length=$((17 * 4608)) nowait=1
	failed nowait EAGAIN
	io op=write length=$((17 * 4608)) from="$T/data"
	is "reads and writes" "$(status mapped_reads) $(status mapped_writes)" "1 4"
	tail -c +1025 "$T/data" >"$T/part"
	io op=check offset=1K length=$((15 * 4608)) from="$T/part" nowait=1
	for n in {0..16}; do
		tail -c +$((n * 4608 + 1)) "$T/data" >"$T/part"
		io op=check offset=$((n * 4608)) length=4608 from="$T/part" nowait=1
	done
	# Not if a part of it is for servers: then nothing of it is under way.
	_unmap $((3 * 4608)):4608
	spawn nowait client io $DISK op=write length=$((5 * 4608)) nowait=1
	failed nowait EAGAIN
	io op=check length=$((3 * 4608)) from="$T/data" nowait=1
	exec 3<$CTL
	submit write op=write length=$((5 * 4608)) byte=0x7a
	take 3
	is "where it is" "$sector0 $length0" "27 4608"
	answer 3 "$id0"
	finish write
	io op=check length=$((3 * 4608)) byte=0x7a nowait=1
	io op=check offset=$((4 * 4608)) length=4608 byte=0x7a nowait=1
}

fio_finds_every_byte_in_memory_while_what_it_does_not_read_moves() {
	local n
	_ready queues=2
	truncate -s 32M "$T/image"
	serve store="$T/image"
	_map 0:12M:0:memory=12M:w extent_flags=$((WRITE | MEMORY))
	start_load
	for n in {1..30}; do
		client map $CTL extents=$((24 + n % 8))M:1M:0:memory=1M:w extent_flags=$((WRITE | MEMORY)) flags=$REPLACE >"$T/map" ||
			fail "map"
	done
	answering
	end_load "30 changes of the map"
	end
}

# The tool

a_mem_disk_survives_its_server() {
	load
	modprobe -r brd 2>/dev/null || :
	modprobe brd rd_nr=1 rd_size=32768
	setup capacity=32M flags=$((MAPPABLE | WRITE_CACHE | DISCARD | WRITE_ZEROES))
	start server mem
	[[ $(tool maps 0 -n) =~ ^"0B 32M memory:"[0-9]*:[0-9]*:[0-9]*" 0B rwdz"$ ]] || fail "maps: $(tool maps 0)"
	mkfs.ext4 -q $DISK
	mkdir "$T/mnt"
	mount $DISK "$T/mnt"
	cp -r /etc/apt "$T/mnt/1"
	kill9 server
	cp -r /etc/apt "$T/mnt/2" # nobody serves
	sync -f "$T/mnt"
	diff -r "$T/mnt/1" "$T/mnt/2"
	rm -r "$T/mnt/1"
	fstrim "$T/mnt"
	umount "$T/mnt"
	start server mem
	fsck.ext4 -fn $DISK >"$T/fsck" 2>&1 || fail "fsck: $(<"$T/fsck")"
	io op=write offset=16M length=64K byte=0x77
	io op=zeroes offset=16M length=32K
	io op=check offset=16M length=32K byte=0
	io op=check offset=16416K length=32K byte=0x77
	stop server
	io op=check offset=16416K length=32K byte=0x77
	complains 1 "$CTL: is mapped to memory of an earlier server; .*" server 0 null
	complains 1 "$CTL: is mapped to memory of an earlier server; .*" server 0 mem --no-map
	complains 1 "$CTL: is mapped to memory of an earlier server; .*" server 0 file:/dev/ram0
	io op=check offset=16416K length=32K byte=0x77
	tool unmap 0
	start server mem --no-map
	is maps "$(tool maps 0)" ""
	io op=check offset=16416K length=32K byte=0
	stop server
}

a_server_takes_over_no_memory_that_may_be_cut() {
	load
	setup capacity=32M flags=$MAPPABLE
	mkdir "$T/tmpfs"
	mount -t tmpfs tmpfs "$T/tmpfs"
	truncate -s 32M "$T/tmpfs/file"
	_map "0:32M:0:$T/tmpfs/file:w" extent_flags=$((WRITE | MEMORY))
	complains 1 "$CTL: is mapped to memory that is cut, or may be; .*unmap $CTL'" server 0 mem
	_unmap 0:32M
	# It seals what it takes over, if that can be done.
	_map 0:32M:0:memory=32M:w extent_flags=$((WRITE | MEMORY))
	start server mem
	expect EPERM client lent $CTL op=cut
	stop server
}

a_server_that_may_not_lend_so_much_says_so() {
	load
	setup capacity=32M flags=$MAPPABLE
	chown nobody $CTL
	spawn server setpriv --reuid=nobody --regid=nogroup --clear-groups prlimit --memlock=1048576:1048576 \
		"$ABUSECTL" server $CTL mem
	finish server 1
	shows "$T/server" "^abusectl: $CTL: Cannot allocate memory; so much has to stay in memory.*--no-map"
	is maps "$(tool maps 0)" ""
}
