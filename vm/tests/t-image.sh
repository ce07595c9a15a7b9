# shellcheck shell=bash disable=SC2034,SC2119,SC2120,SC2154
# Images that were made elsewhere, and what run says when the disk is not there
# for who asked for it.
# run.sh: seconds 240
WAIT=100

_run() { # NAME ARGUMENT...: a disk, as run prints it
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
