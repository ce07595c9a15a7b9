# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# A disk in a qcow2 image, whose server is killed; qemu-img looks at what is left
# run.sh: seconds 400
# run.sh: kernels 6.12

# _overlay: an image on top of $T/base
_overlay() {
	rm -f "$T/image"
	qemu-img create -q -f qcow2 -b "$T/base" -F raw "$T/image" 32M
}

# _whole: at worst clusters are lost
_whole() {
	local status=0
	qemu-img check "$T/image" >"$T/check" 2>&1 || status=$?
	[ $status = 0 ] || [ $status = 3 ] || fail "qemu-img check: $(<"$T/check")"
}

fio_verifies_while_the_server_is_killed() {
	local n
	small_disk
	head -c 32M /dev/urandom >"$T/base"
	sha256sum "$T/base" >"$T/sum"
	_overlay
	start server "qcow2:$T/image"
	start_load
	for n in 1 2 3; do
		kill9 server
		_whole
		start server "qcow2:$T/image"
		answering
	done
	end_load "the server of a qcow2 image was killed 3 times"
	stop server
	_whole
	qemu-img check -q -r leaks "$T/image"
	qemu-img check -q "$T/image"
	sha256sum --quiet -c "$T/sum"
}

a_full_filesystem_fails_requests_and_they_work_when_there_is_space() {
	small_disk
	mkdir "$T/fs"
	mount -t tmpfs -o size=6M none "$T/fs"
	qemu-img create -q -f qcow2 "$T/fs/image" 32M
	start server "qcow2:$T/fs/image"
	dd if=/dev/zero of=$DISK bs=1M count=2 oflag=direct status=none
	bytes $((1 << 20)) 7 | dd of=$DISK bs=64k seek=32 oflag=direct iflag=fullblock status=none
	! dd if=/dev/urandom of=$DISK bs=64k seek=48 oflag=direct status=none 2>"$T/dd" || fail "more was written than there is space for"
	shows "$T/dd" 'Input/output error|No space left'
	shows "$T/server" "$T/fs/image: No space left on device"
	mount -o remount,size=64M "$T/fs"
	bytes $((1 << 20)) 8 | dd of=$DISK bs=64k seek=400 oflag=direct,sync iflag=fullblock status=none
	dd if=$DISK of="$T/seven" bs=64k skip=32 count=16 iflag=direct status=none
	holds "$T/seven" $((1 << 20)) 7
	dd if=$DISK of="$T/eight" bs=64k skip=400 count=16 iflag=direct status=none
	holds "$T/eight" $((1 << 20)) 8
	stop server
	qemu-img check "$T/fs/image"
	umount "$T/fs"
}

a_filesystem_grows_in_an_overlay_and_its_snapshot_stays() {
	load
	truncate -s 32M "$T/base"
	mkfs.ext4 -q "$T/base"
	sha256sum "$T/base" >"$T/sum"
	_overlay
	spawn run "$ABUSECTL" run "qcow2:$T/image"
	wait_for has "$T/run" "^$DISK\$"
	mkdir "$T/mnt"
	mount -o discard $DISK "$T/mnt"
	head -c 8M /dev/urandom >"$T/mnt/old"
	(cd "$T/mnt" && sha256sum old) >"$T/old"
	umount "$T/mnt"
	stop run
	is "output" "$(<"$T/run")" $DISK
	qemu-img check -q "$T/image"
	qemu-img snapshot -c first "$T/image"
	spawn run "$ABUSECTL" run "qcow2:$T/image"
	wait_for has "$T/run" "^$DISK\$"
	mount -o discard $DISK "$T/mnt"
	(cd "$T/mnt" && sha256sum --quiet -c "$T/old")
	rm "$T/mnt/old"
	head -c 6M /dev/urandom >"$T/mnt/new"
	sync "$T/mnt/new"
	fstrim "$T/mnt"
	(cd "$T/mnt" && sha256sum new) >"$T/new"
	umount "$T/mnt"
	stop run
	qemu-img check -q "$T/image"
	sha256sum --quiet -c "$T/sum"
	modprobe loop
	local name
	local -A snapshot=([old]='-l first' [new]='')
	for name in old new; do
		qemu-img convert -f qcow2 -O raw ${snapshot[$name]} "$T/image" "$T/raw"
		fsck.ext4 -fn "$T/raw" >"$T/fsck" 2>&1 || fail "$(<"$T/fsck")"
		mount -o loop,ro "$T/raw" "$T/mnt"
		(cd "$T/mnt" && sha256sum --quiet -c "$T/$name")
		umount "$T/mnt"
	done
}
