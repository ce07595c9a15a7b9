# shellcheck shell=bash disable=SC2034,SC2086,SC2119,SC2120,SC2154
# Images that were made elsewhere, and what run says if the caller cannot have the
# disk
# run.sh: seconds 240
# run.sh: kernels 6.1 newest rt debug kcsan

_run() { # NAME ARGUMENT...: starts run, which prints its disk when this returns
	spawn "$1" "$ABUSECTL" run "${@:2}"
	wait_for has "$T/$1" '^/dev/abuse[0-9]+$'
}

an_image_of_a_disk_with_small_blocks_is_used_as_it_was_made() {
	load max_part=4
	truncate -s 64M "$T/image"
	echo ,40M | sfdisk -q -X dos "$T/image"
	mkfs.fat --offset=2048 "$T/image" 20480 >"$T/mkfs"
	_run small "file:$T/image"
	is "block size" "$(<$QUEUE/logical_block_size)" 512
	wait_for [ -b ${DISK}p1 ]
	mkdir "$T/mnt"
	mount ${DISK}p1 "$T/mnt"
	echo hello >"$T/mnt/file"
	umount "$T/mnt"
	stop small
	is "output" "$(<"$T/small")" $DISK

	_run large bs=4096 "file:$T/image"
	shows "$T/large" 'MBR is for blocks of 512 bytes, .* bs=512$'
	stop large
}

# _spoiled WHAT: run says so in one line and takes the disk away
_spoiled() {
	spawn run "$ABUSECTL" run sz=32M
	finish run 1
	is "lines of run" "$(wc -l <"$T/run")" 1
	shows "$T/run" "^abusectl: $DISK: $1"
	is capacity "$(status capacity)" 0
}

run_prints_no_path_that_is_not_its_disk() {
	load
	echo precious >$DISK
	_spoiled 'this is not a block device'
	is "the file" "$(<$DISK)" precious
	rm $DISK
	mknod $DISK b 7 0
	_spoiled 'this is not the disk [0-9]+:0, but the device 7:0'
	rm $DISK
	# As in a container
	mkdir "$T/dev"
	cp -a /dev/null /dev/zero /dev/urandom /dev/random $CTL "$T/dev"
	cat >"$T/private" <<-EOF
		#!/bin/sh
		mount --bind $T/dev /dev
		exec $ABUSECTL "\$@"
	EOF
	chmod +x "$T/private"
	spawn run unshare -m "$T/private" run sz=32M
	finish run 1
	is "lines of run" "$(wc -l <"$T/run")" 1
	shows "$T/run" "^abusectl: $DISK: the kernel has the disk, but there is no node for it;"
	is capacity "$(status capacity)" 0
}

run_takes_the_one_device_that_a_user_may_open() {
	load
	chown nobody /dev/abctl2
	spawn run setpriv --reuid=nobody --clear-groups "$ABUSECTL" run sz=32M
	wait_for has "$T/run" '^/dev/abuse2$'
	spawn second setpriv --reuid=nobody --clear-groups "$ABUSECTL" run sz=32M
	finish second 1
	shows "$T/second" '^abusectl: no device is free: 1 is set up, 7 cannot be used, such as /dev/abctl0: Permission denied;'
	stop run
	is "output" "$(<"$T/run")" /dev/abuse2
}
