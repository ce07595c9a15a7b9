# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Mapped extents: the kernel carries out what is mapped, and servers get the rest

# shellcheck source=vm/tests/map.sh
. "${BASH_SOURCE[0]%/*}/map.sh"

a_disk_that_may_be_mapped_works_as_any_other() {
	_ready queues=2
	truncate -s 32M "$T/image"
	serve store="$T/image"
	start_load
	answering
	end_load "nothing is mapped"
	mkfs.ext4 -q $DISK
	mkdir "$T/mnt"
	mount $DISK "$T/mnt"
	cp -r /etc/apt "$T/mnt"
	umount "$T/mnt"
	fsck.ext4 -fn $DISK >"$T/fsck" 2>&1 || fail "fsck: $(<"$T/fsck")"
	end
}

what_is_mapped_needs_no_server() {
	_ready
	N=2 _map 0:1M:0:/dev/ram0:w,1M:64K:64K:/dev/ram1
	is extents "$(_extents)" "0 1048576 0 0x100 1
1048576 65536 65536 0x101 0"
	io op=check length=64K byte=0x41
	io op=check offset=1M length=64K byte=0x42
	io op=write length=64K offset=64K byte=0x61
	client io /dev/ram0 op=check length=64K offset=64K byte=0x61
	is gets "$(status gets)" 0
	# A write where only reads are mapped, and what is not mapped, are for servers.
	submit write op=write offset=1M byte=0x62
	submit read op=read offset=2M
	exec 3<$CTL
	take 3 gets=2
	answer 3 "$id0"
	answer 3 "$id1"
	finish write
	finish read
	client io /dev/ram1 op=check length=64K offset=64K byte=0x42
}

a_request_over_several_extents_is_cut() {
	_ready max_request=256K
	N=3 _map 0:64K:0:/dev/ram0:w,64K:64K:512K:/dev/ram1:w,192K:4K:0:/dev/ram1:w
	truncate -s 32M "$T/image"
	serve store="$T/image"
	io op=write length=256K byte=0x63
	io op=check length=256K byte=0x63
	client io /dev/ram0 op=check length=64K byte=0x63
	client io /dev/ram1 op=check length=64K offset=512K byte=0x63
	client io /dev/ram1 op=check length=4K byte=0x63
	client io /dev/ram0 op=check length=64K offset=64K byte=0x41
	is "what the server has" "$(tr -d '\0' <"$T/image" | wc -c)" $(((256 - 64 - 64 - 4) * 1024))
	end
}

neighbours_merge_and_are_cut() {
	_ready
	_map 0:64K:0:/dev/ram0:w
	_map 128K:64K:128K:/dev/ram0:w
	_map 64K:64K:64K:/dev/ram0:w
	is extents "$(_extents)" "0 196608 0 0x100 1"
	_unmap 64K:4K
	is extents "$(_extents)" "0 65536 0 0x100 1
69632 126976 69632 0x100 1"
	expect EEXIST client map $CTL extents=60K:8K:0:/dev/ram1
	_map 60K:16K:0:/dev/ram1 flags=$REPLACE
	is extents "$(_extents)" "0 61440 0 0x100 1
61440 16384 0 0x101 0
77824 118784 77824 0x100 1"
	_unmap 0:32M
	is extents "$(_extents)" ""
	# Nobody has the targets any more.
	modprobe -r brd
}

# _blocks FIRST: every other block of 512 bytes, from it on, to the same one of a target
_blocks() { seq "$1" 2 5000 | awk '{ printf "%s%d:512:%d", (NR > 1 ? "," : ""), $1 * 512, $1 * 512 }'; }

thousands_of_extents_become_one_and_wait_for_nobody() {
	_ready block_size=512
	_slow_target /dev/ram1
	_map 16M:1M:0:/dev/dm-0
	dmsetup suspend --nolockfs abuse-slow
	spawn read client io $DISK op=read offset=16M
	wait_for _under_way 1
	exec 4</dev/ram0
	N=2501 _map "$(_blocks 0)" fd=4
	N=2500 _map "$(_blocks 1)" fd=4
	# The same once more replaces nothing
	_map 0:2560512:0 fd=4 flags=$REPLACE
	exec 4<&-
	is extents "$(_extents | head -n 1)" "0 2560512 0 0x100 0"
	client io $DISK op=check length=1M byte=0x41
	still_waits read
	dmsetup resume abuse-slow
	finish read
	_unmap 0:32M
	dmsetup remove abuse-slow
}

a_flush_reaches_targets_and_servers() {
	_ready
	null_disks nr_devices=1 memory_backed=1 cache_size=4 gb=1
	_map 0:1M:0:/dev/nullb0:w
	truncate -s 32M "$T/image"
	serve store="$T/image"
	before=$(awk '{ print $16 }' /sys/block/nullb0/stat)
	io op=write byte=0x65
	io op=write offset=2M byte=0x65
	io op=sync
	is "flushes of the target" "$(awk '{ print $16 }' /sys/block/nullb0/stat)" $((before + 1))
	io op=write offset=2M fua=1
	io op=write offset=2M byte=0x66
	end
	io op=write byte=0x66
	submit flush op=sync
	serve store="$T/image"
	finish flush
	end
	# Nothing has changed where servers are, so none is needed.
	before=$(awk '{ print $16 }' /sys/block/nullb0/stat)
	io op=write byte=0x67
	io op=sync
	is "flushes of the target" "$(awk '{ print $16 }' /sys/block/nullb0/stat)" $((before + 1))
	reset
	modprobe -r null_blk
}

it_outlives_its_servers_and_ends_with_a_reset() {
	_ready orphan_ms=200
	exec 3<$CTL
	client xfer @3 gets=1 >"$T/none"
	client map @3 extents=0:64K:0:/dev/ram0:w >"$T/map"
	exec 3<&-
	spawn orphan client io $DISK op=read offset=2M
	failed orphan EIO
	io op=check length=64K byte=0x41
	reset
	modprobe -r brd
}

who_served_what_is_over_neither_maps_nor_lists() {
	_ready
	exec 3<$CTL
	client serve @3
	reset
	setup capacity=32M flags=$MAPPABLE
	_map 0:4K:0:/dev/ram0
	expect ENODEV client extents @3
	expect ENODEV client map @3 extents=4K:4K:0:/dev/ram0
	expect ENODEV client lent @3
	is extents "$(_extents)" "0 4096 0 0x100 0"
}

what_does_not_fit_is_refused() {
	_ready block_size=4096
	: >"$T/file"
	expect ENOTBLK client map $CTL "extents=0:4K:0:$T/file"
	expect EACCES client map $CTL extents=0:4K:0:/dev/ram0:w mode=r
	expect EBADF client map $CTL extents=0:4K fd=99
	expect ELOOP client map $CTL extents=0:4K:0:$DISK
	expect ENOSPC client map $CTL extents=0:4K:8M:/dev/ram0
	expect EINVAL client map $CTL extents=0:512:0:/dev/ram0
	expect EINVAL client map $CTL extents=0:4K:512:/dev/ram0
	expect EINVAL client map $CTL extents=32M:4K:0:/dev/ram0
	expect EINVAL client map $CTL extents=0:0:0:/dev/ram0
	expect EINVAL client map $CTL extents=0:4K:0:/dev/ram0 flags=2
	expect EINVAL client map $CTL extents=0:4K:0:/dev/ram0 extent_flags=16
	expect EMEDIUMTYPE client map $CTL extents=0:4K:0:/dev/ram0 extent_flags=$MEMORY
	expect EINVAL client map $CTL extents=0:4K:0:/dev/ram0 extent_filesystem=1
	expect EINVAL client map $CTL extents=0:4K:0:/dev/ram0 reserved=1
	expect EINVAL client map $CTL extents=0:4K:0:/dev/ram0 element_size=32
	expect E2BIG client map $CTL extents=0:4K:0:/dev/ram0 size=40 tail=1
	expect EFAULT client map $CTL extents=0:4K:0:/dev/ram0 arg=bad
	expect EFAULT client map $CTL extents=0:4K:0:/dev/ram0 array=bad
	expect EINVAL client unmap $CTL extents=0:4K flags=1
	client map $CTL extents=0:4K:0:/dev/ram0,4K:4K:8M:/dev/ram0 >"$T/map" 2>&1 && fail "beyond the end"
	shows "$T/map" '^done=1$'
	is extents "$(_extents)" "0 4096 0 0x100 0"
	exec 5<>/dev/ram1
	client setup /dev/abctl1
	expect EOPNOTSUPP client map /dev/abctl1 extents=0:4K:0:/dev/ram1
	expect ENODEV client map /dev/abctl2 extents=0:4K:0:/dev/ram1
	expect EOPNOTSUPP client extents /dev/abctl1
	expect EINVAL setup capacity=32M block_size=4096 flags=$RECONNECT
}

fio_finds_every_byte_while_extents_move() {
	local n
	_ready queues=2
	truncate -s 32M "$T/image"
	serve store="$T/image"
	start_load
	for n in {1..60}; do
		# Blocks that lie where the disk's do stay themselves only if they move with their data, so reads
		# are mapped where the load does not write.
		client map $CTL extents=$((24 + n % 8))M:1M:0:/dev/ram$((n % 2)) flags=$REPLACE >"$T/map" || fail "map"
		[ $((n % 3)) != 0 ] || client unmap $CTL extents=24M:8M >"$T/map" || fail "unmap"
	done
	answering
	end_load "60 changes of the map"
	end
}

a_user_has_no_more_extents_than_he_may_have() {
	local n nobody=uid=65534
	load
	setup capacity=80M block_size=512 flags=$MAPPABLE
	_targets
	for n in {0..14}; do N=4096 _map $((n * 4))M:512:0:/dev/ram0 times=4096 step=1K; done
	N=4095 _map 60M:512:0:/dev/ram0 times=4095 step=1K
	_map 70M:4K:0:/dev/ram1 $nobody
	is extents "$(status extents)" 65536
	expect EPERM client map $CTL extents=72M:512:0:/dev/ram1 $nobody
	expect EPERM client unmap $CTL extents=71681K:512 $nobody # it would make two of one
	expect EPERM client map $CTL extents=71681K:512:0:/dev/ram1 flags=$REPLACE $nobody
	is extents "$(_extents | tail -n 1)" "73400320 4096 0 0x101 0"
	_map 71684K:4K:4K:/dev/ram1 $nobody # it leads on
	_unmap 71686K:2K $nobody
	_unmap 71680K:512 $nobody
	is extents "$(_extents | tail -n 1)" "73400832 5632 512 0x101 0"
	_unmap 0:512 $nobody
	expect EPERM client map $CTL extents=71681K:512:0:/dev/ram1 flags=$REPLACE $nobody # three of one
	_unmap 71681K:512 $nobody
	is extents "$(status extents)" 65536
	_map 1K:8K:0:/dev/ram1 flags=$REPLACE $nobody # there are less after that
	is extents "$(status extents)" 65529
	N=4096 _map 72M:512:0:/dev/ram1 times=4096 step=1K # root may have more
	is extents "$(status extents)" 69625
}

thousands_of_extents_are_taken_away_at_once() {
	_ready block_size=512
	N=4096 _map 0:512:0:/dev/ram0:w times=4096 step=1K
	_map 0:4M:0:/dev/ram1:w flags=$REPLACE
	is extents "$(_extents)" "0 4194304 0 0x101 1"
	N=4096 _map 0:512:0:/dev/ram0:w times=4096 step=1K flags=$REPLACE
	is "how many extents" "$(_extents | wc -l)" 8192
	_unmap 512:4193280
	is extents "$(_extents)" "0 512 0 0x100 1
4193792 512 4193792 0x101 1"
	_unmap 0:32M
	modprobe -r brd
}

what_is_read_only_is_not_written() {
	_ready
	exec 4<>/dev/ram0
	blockdev --setro /dev/ram0
	expect EACCES client map $CTL extents=0:4K fd=4 extent_flags=1
	blockdev --setrw /dev/ram0
}

what_is_mapped_is_counted() {
	local n
	_ready
	N=2 _map 0:1M:0:/dev/ram0,1M:1M:0:/dev/ram1:w
	is extents "$(status extents)" 2
	io op=read length=64K threads=3
	io op=write offset=1M length=8K
	io op=read offset=1020K length=8K # cut in two
	truncate -s 32M "$T/image"
	serve store="$T/image"
	io op=read offset=2M
	io op=write length=4K # it is mapped for reads
	io op=discard length=4K
	io op=sync
	end
	for n in mapped_reads=5 mapped_writes=1 mapped_read_bytes=$((3 * 65536 + 8192)) mapped_written_bytes=8192 misses=2 faults=0; do
		is "${n%=*}" "$(status "${n%=*}")" "${n#*=}"
	done
	dmsetup create "abuse-map" --table "0 16384 error"
	_map 4M:1M:0:/dev/dm-0
	serve
	io op=read offset=4M
	end
	is faults "$(status faults)" 1
	is mapped_reads "$(status mapped_reads)" 6
	is misses "$(status misses)" 2
	# What is submitted anew is counted where it went first.
	exec 3<$CTL
	submit read op=read offset=2M
	take 3
	answer 3 "$id0:$RETRY"
	take 3 min=1 timeout=60000000000
	_map 2M:64K:0:/dev/ram0
	answer 3 "$id0:$RETRY"
	finish read
	submit read op=read offset=4M
	take 3
	answer 3 "$id0:$RETRY" # it fails once more
	take 3 min=1 timeout=60000000000
	_map 4M:64K:0:/dev/ram0 flags=$REPLACE
	answer 3 "$id0:$RETRY"
	finish read
	exec 3<&-
	is misses "$(status misses)" 3
	is mapped_reads "$(status mapped_reads)" 7
	is faults "$(status faults)" 2
	_unmap 0:32M
	is extents "$(status extents)" 0
	dmsetup remove "abuse-map"
}

# Each of them is there so that the disk goes on when there is no memory for another.
a_mappable_disk_has_few_threads() {
	local before
	_targets
	null_disks nr_devices=3 memory_backed=1 gb=1
	load
	before=$(_threads)
	setup capacity=32M flags=$((MAPPABLE | WRITE_CACHE))
	is "threads without a target" $(($(_threads) - before)) 2
	_map 0:1M:0:memory=1M extent_flags=$MEMORY
	is "threads with memory" $(($(_threads) - before)) 2
	_map 1M:1M:0:/dev/ram0:w
	is "threads with a device" $(($(_threads) - before)) 4
	N=4 _map 2M:1M:0:/dev/ram1:w,3M:1M:0:/dev/nullb0:w,4M:1M:0:/dev/nullb1:w,5M:1M:0:/dev/nullb2:w
	is "threads with four devices, and more" $(($(_threads) - before)) 7
	reset
	wait_for eval "[ \$(_threads) = $before ]"
	modprobe -r null_blk
}
_threads() { cat /proc/[0-9]*/comm 2>/dev/null | grep -cE '^(kworker/R-)?(abuse|bioset)' || :; }

# The tool

_nothing_taken() { # since $gets
	is gets "$(status gets)" "$gets"
}

a_server_of_a_block_device_leaves_it_to_the_kernel() {
	local gets
	_targets
	ready capacity=8M flags=$((MAPPABLE | WRITE_CACHE | WRITE_ZEROES))
	start server file:/dev/ram0
	[[ $(tool maps 0 -n) =~ ^"0B 8M /dev/ram0 0B rw"d?$ ]] || fail "maps: $(tool maps 0)" # it discards on newer kernels
	gets=$(status gets)
	io op=check length=1M byte=0x41
	io op=write length=64K byte=0x71
	_nothing_taken
	client io /dev/ram0 op=check length=64K byte=0x71
	io op=sync
	_nothing_taken
	# A server has the zeroes to do, which that device cannot, and then a flush.
	io op=zeroes length=64K
	io op=sync
	is gets "$(status gets)" $((gets + 2))
	client setup /dev/abctl1 capacity=8M flags=$MAPPABLE
	complains 1 "/dev/ram0: is in use: .*" map /dev/abctl1 0 - /dev/ram0
	kill9 server
	io op=check offset=64K length=64K byte=0x41
	start server file:/dev/ram0
	stop server
	is maps "$(tool maps 0)" ""
	start server file:/dev/ram0 --no-map
	is maps "$(tool maps 0)" ""
	gets=$(status gets)
	io op=check offset=64K length=64K byte=0x41
	[ "$(status gets)" -gt "$gets" ] || fail "nothing was taken"
	stop server
}

what_is_mapped_by_hand_stays_when_servers_come_and_go() {
	_targets
	ready capacity=8M flags=$((MAPPABLE | WRITE_CACHE))
	start server file:/dev/ram0
	tool map 0 1M 1M /dev/ram1 --replace
	io op=write offset=1M length=64K byte=0x72
	stop server
	[[ $(tool maps 0 -n) =~ ^"1M 1M /dev/ram1 0B rw"$ ]] || fail "maps: $(tool maps 0)"
	complains 1 "$CTL: is mapped to /dev/ram1 at 1048576, which this server would hide; .*" server 0 file:/dev/ram0
	complains 1 "$CTL: is mapped to /dev/ram1 at 1048576, .*" server 0 mem
	io op=check offset=1M length=64K byte=0x72
	start server file:/dev/ram0 --no-map
	io op=check length=1M byte=0x41
	io op=check offset=1M length=64K byte=0x72
	stop server
	tool unmap 0 1M 1M
	start server file:/dev/ram0
	stop server
	is maps "$(tool maps 0)" ""
}

a_server_that_is_killed_leaves_a_filesystem_alone() {
	local n
	modprobe -r brd 2>/dev/null || :
	modprobe brd rd_nr=1 rd_size=32768
	ready capacity=32M flags=$((MAPPABLE | WRITE_CACHE | DISCARD))
	start server file:/dev/ram0
	mkfs.ext4 -q $DISK
	mkdir "$T/mnt"
	mount $DISK "$T/mnt"
	for n in 1 2 3; do
		cp -r /etc/apt "$T/mnt/$n"
		kill9 server
		cp -r /etc/apt "$T/mnt/$n.killed" # not flushed yet
		start server file:/dev/ram0
		sync -f "$T/mnt"
		diff -r "$T/mnt/$n" "$T/mnt/$n.killed"
	done
	umount "$T/mnt"
	stop server
	reset
	fsck.ext4 -fn /dev/ram0 >"$T/fsck" 2>&1 || fail "fsck: $(<"$T/fsck")"
}

the_tool_tells_what_was_mapped() {
	_ready
	tool map 0 0 1M /dev/ram0
	io op=read length=64K
	spawn miss client io $DISK op=read offset=2M
	pending 1
	tool info 0 >"$T/info"
	shows "$T/info" '^mapped_reads = 1$'
	shows "$T/info" '^mapped_read_bytes = 65536$'
	shows "$T/info" '^misses = 1$'
	shows "$T/info" '^extents = 1$'
	is "what list tells" "$(tool list -nb -o mreads,mrbytes,misses,extents | awk '{ $1 = $1; print }')" "1 65536 1 1"
	tool metrics >"$T/metrics"
	shows "$T/metrics" '^abuse_mapped_reads_total.device="abuse0".* 1$'
	reset
	failed miss EIO
}
