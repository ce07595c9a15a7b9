# shellcheck shell=bash disable=SC2016,SC2034,SC2086,SC2119,SC2120,SC2153,SC2154
# What people put on disks: logical volumes, mirrors, encryption, caches, filesystems of several disks.
# In each test a server dies while files are written, and in the end the stack is taken apart
# run.sh: seconds 300
# run.sh: kernels 6.12

# There is no udev here to make the nodes.
export DM_DISABLE_UDEV=1 LVM_SUPPRESS_FD_WARNINGS=1 MDADM_NO_UDEV=1

PROJECT=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
FEATURES=$((WRITE_CACHE | DISCARD | WRITE_ZEROES))

_server() { CTL=/dev/abctl$1 serve "server$1" "store=$T/image$1"; }
_end() { CTL=/dev/abctl$1 end "server$1"; }

# _disk N SIZE [KEY=VALUE ...]: sets a disk with every feature up, and serves it
_disk() {
	truncate -s "$2" "$T/image$1"
	CTL=/dev/abctl$1 setup capacity="$2" flags=$FEATURES "${@:3}"
	_server "$1"
}

_grow() { # N SIZE
	_end "$1"
	truncate -s "$2" "$T/image$1"
	CTL=/dev/abctl$1 setup capacity="$2" flags=$((FEATURES | RECONNECT))
	_server "$1"
}

# _take_away N: the disk goes as soon as nothing uses it, without force
_take_away() {
	wait_for client remove "/dev/abctl$1"
	finish "server$1" 3
}

# _interrupted N COMMAND...: runs it; meanwhile a server of disk N dies with what it took, and another one comes later
_interrupted() {
	local CTL=/dev/abctl$1
	kill9 "server$1"
	serve holder hold=1000000
	spawn work "${@:2}"
	wait_for _some owned
	kill9 holder
	still_waits work
	_server "$1"
	finish work
	_some redelivered || fail "nothing was handed out twice"
	is "errors of disk $1" "$(status errors)" 0
}
_some() { [ "$(status "$1")" -gt 0 ]; }

_mount() { # NODE [OPTION...]
	mkdir -p "$T/mnt"
	mount "${@:2}" "$1" "$T/mnt" || fail "$1 cannot be mounted"
}
# For a shell of its own: copies files to a folder, and waits until they are there for good
COPY='cp -r /etc/security "$0" && sync -f "$0"'
_compare() { diff -r /etc/security "$1/security" || fail "files differ"; }

# _quietly COMMAND...: its output is of interest if it fails
_quietly() { "$@" >"$T/output" 2>&1 || fail "$*: $(<"$T/output")"; }

# The line is from the manual page.
lvm_needs_one_line_in_its_configuration() {
	modprobe -a dm-mod dm-snapshot
	load
	_disk 0 64M
	if pvcreate $DISK >"$T/lvm" 2>&1; then
		fail "LVM knows the disk already, so the manual page is wrong: $(<"$T/lvm")"
	fi
	line=$(grep -h "lvmlocal.conf$" "$PROJECT/man/abuse@.service.8" | sed -n "s/\\\\(aq/'/g; s/^# \(echo .*\)/\1/p")
	cp /etc/lvm/lvmlocal.conf "$T/lvmlocal.conf"
	eval "$line"
	_quietly lvmconfig --validate
	_quietly pvcreate $DISK
	_quietly vgcreate abuse_test $DISK
	_quietly lvcreate -n volume -L 32M abuse_test
	mkfs.ext4 -q /dev/abuse_test/volume
	_mount /dev/abuse_test/volume
	_interrupted 0 bash -c "$COPY" "$T/mnt"
	_quietly lvcreate --snapshot --ignoremonitoring -n before -L 8M abuse_test/volume
	rm -r "$T/mnt/security"
	umount "$T/mnt"
	_quietly vgchange -an abuse_test
	_quietly vgchange -ay --ignoremonitoring abuse_test
	_mount /dev/abuse_test/before -o ro
	_compare "$T/mnt"
	umount "$T/mnt"
	_quietly vgchange -an abuse_test
	_grow 0 128M
	_quietly pvresize $DISK
	_quietly lvextend -L 80M abuse_test/volume
	_quietly vgremove --force abuse_test
	_quietly pvremove $DISK
	cp "$T/lvmlocal.conf" /etc/lvm/lvmlocal.conf
	_take_away 0
}

a_mirror_of_md_goes_on_without_the_half_that_nobody_serves_and_takes_it_back() {
	local md=/sys/block/md0/md half=/dev/abuse1
	modprobe raid1
	load
	_disk 0 32M
	_disk 1 32M orphan_ms=500
	_quietly mdadm --create /dev/md0 --run --level=1 --raid-devices=2 --bitmap=internal --assume-clean $DISK $half
	mkfs.ext4 -q /dev/md0
	_mount /dev/md0
	_interrupted 0 bash -c "$COPY" "$T/mnt"
	is state "$(<$md/dev-abuse1/state)" in_sync
	kill9 server1
	cp -r /etc/security "$T/mnt/more"
	sync -f "$T/mnt"
	wait_for has $md/dev-abuse1/state faulty
	_server 1
	_quietly mdadm --manage /dev/md0 --remove $half
	_quietly mdadm --manage /dev/md0 --re-add $half
	wait_for has $md/dev-abuse1/state in_sync
	umount "$T/mnt"
	wait_for has $md/sync_action idle
	echo check >$md/sync_action
	wait_for has $md/sync_action idle
	is "sectors in which the halves differ" "$(<$md/mismatch_cnt)" 0
	_quietly mdadm --stop /dev/md0
	_quietly mdadm --assemble /dev/md0 $DISK $half
	_mount /dev/md0
	_compare "$T/mnt"
	diff -r /etc/security "$T/mnt/more" || fail "what was written without the half differs"
	umount "$T/mnt"
	_quietly mdadm --stop /dev/md0
	_quietly mdadm --zero-superblock $DISK $half
	_take_away 0
	_take_away 1
}

an_encrypted_disk_keeps_what_was_written_and_shows_none_of_it() {
	modprobe dm-crypt
	load
	_disk 0 32M
	echo secret >"$T/key"
	_quietly cryptsetup luksFormat --batch-mode --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
		$DISK "$T/key"
	_quietly cryptsetup open --key-file "$T/key" $DISK abuse_test
	mkfs.ext4 -q /dev/mapper/abuse_test
	_mount /dev/mapper/abuse_test
	_interrupted 0 bash -c "$COPY" "$T/mnt"
	umount "$T/mnt"
	_quietly cryptsetup close abuse_test
	! cryptsetup open --key-file /etc/hostname $DISK abuse_test || fail "it opens without its key"
	_grow 0 64M
	_quietly cryptsetup open --allow-discards --key-file "$T/key" $DISK abuse_test
	is size "$(blockdev --getsize64 /dev/mapper/abuse_test)" $((48 << 20))
	_mount /dev/mapper/abuse_test
	_compare "$T/mnt"
	_quietly fstrim "$T/mnt"
	umount "$T/mnt"
	_quietly cryptsetup close abuse_test
	grep -q LUKS "$T/image0" || fail "this is not the image"
	! grep -q pam_ "$T/image0" || fail "the image has text of the files"
	_take_away 0
}

_no_cache_is_left() { [ ! -e /sys/block/bcache0 ] && [ -z "$(find /sys/fs/bcache -name '*-*')" ]; }
_start_bcache() {
	for disk; do
		echo "$disk" >/sys/fs/bcache/register
	done
	wait_for test -b /dev/bcache0
	set=$(echo /sys/fs/bcache/*-*)
}
_stop_bcache() {
	echo 1 >/sys/block/bcache0/bcache/stop
	[ ! -e "$set" ] || echo 1 >"$set/stop"
	wait_for _no_cache_is_left
}

bcache_keeps_what_its_cache_has_and_writes_it_back() {
	local set bcache=/sys/block/bcache0/bcache
	modprobe bcache
	load
	_disk 0 64M
	_disk 1 64M
	_quietly make-bcache --writeback --block 4k --bucket 64k -C $DISK -B /dev/abuse1
	_start_bcache $DISK /dev/abuse1
	echo 0 >$bcache/sequential_cutoff
	# Else it goes past a cache that is slow to write or to read, as each disk may be here
	echo 0 >$bcache/cache/congested_write_threshold_us
	echo 0 >$bcache/cache/congested_read_threshold_us
	echo 0 >$bcache/writeback_running
	mkfs.ext4 -q /dev/bcache0
	_mount /dev/bcache0
	_interrupted 0 bash -c "$COPY" "$T/mnt"
	umount "$T/mnt"
	is state "$(<$bcache/state)" dirty
	_stop_bcache
	! grep -q pam_ "$T/image1" || fail "it was not kept in the cache"
	_start_bcache $DISK /dev/abuse1
	_mount /dev/bcache0
	_compare "$T/mnt"
	umount "$T/mnt"
	_interrupted 1 bash -c 'echo 1 >$0/detach; until grep -q "no cache" $0/state; do sleep 0.1; done' $bcache
	_stop_bcache
	_take_away 0
	_start_bcache /dev/abuse1
	_mount /dev/bcache0
	_compare "$T/mnt"
	umount "$T/mnt"
	_stop_bcache
	_take_away 1
}

btrfs_on_two_disks_survives_and_gives_one_back() {
	local mnt=$T/mnt
	modprobe btrfs
	load
	_disk 0 256M
	_disk 1 256M
	_quietly mkfs.btrfs -q -d raid1 -m raid1 $DISK /dev/abuse1
	_mount $DISK
	_quietly btrfs subvolume create "$mnt/files"
	_interrupted 1 bash -c "$COPY" "$mnt/files"
	_quietly btrfs subvolume snapshot -r "$mnt/files" "$mnt/before"
	rm -r "$mnt/files/security"
	_quietly btrfs scrub start -B "$mnt"
	shows "$T/output" 'no errors found'
	umount "$mnt"
	_quietly btrfs check $DISK
	_mount $DISK
	_quietly btrfs balance start --force -dconvert=single -mconvert=single "$mnt"
	_quietly btrfs device remove /dev/abuse1 "$mnt"
	_take_away 1
	_grow 0 320M
	_quietly btrfs filesystem resize max "$mnt"
	is size "$(df --output=size -B 1M "$mnt" | tail -n 1 | tr -d ' ')" 320
	_compare "$mnt/before"
	umount "$mnt"
	_quietly btrfs device scan --forget
	_mount $DISK
	_compare "$mnt/before"
	umount "$mnt"
	_quietly btrfs device scan --forget
	_take_away 0
}
