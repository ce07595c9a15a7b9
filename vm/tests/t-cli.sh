# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154,SC2317
# abusectl from setup to server
# run.sh: seconds 240

# The main job, and a server that is stopped during I/O
a_file_is_a_disk_with_a_filesystem() {
	load
	"$ABUSECTL" setup $CTL sz=64M
	start first "file:$T/image" --create
	is "size of the image" "$(stat -c %s "$T/image")" 67108864
	mkfs.ext4 -q $DISK
	mkdir "$T/mnt"
	mount $DISK "$T/mnt"
	cp -r /etc/apt /etc/security /etc/pam.d "$T/mnt"
	head -c 5M /dev/urandom >"$T/mnt/random"
	(cd "$T/mnt" && find . -type f -exec sha256sum {} + >"$T/sums")
	spawn dd dd if=/dev/urandom of="$T/mnt/more" bs=64K count=200 conv=fsync
	pause 0.3
	stop first
	start second "file:$T/image"
	finish dd
	umount "$T/mnt"
	fsck.ext4 -fn $DISK >"$T/fsck" 2>&1 || fail "fsck: $(<"$T/fsck")"
	mount $DISK "$T/mnt"
	(cd "$T/mnt" && sha256sum --quiet -c "$T/sums") || fail "files differ"
	umount "$T/mnt"
	stop second
	is errors "$(status errors)" 0
	fsck.ext4 -fn "$T/image" >"$T/fsck" 2>&1 || fail "fsck of the image: $(<"$T/fsck")"
	"$ABUSECTL" reset $CTL
	is capacity "$(status capacity)" 0
}

info_prints_what_the_tool_of_2009_printed_first() {
	load
	legacy setup $CTL size=32M blocksize=512 max_queue=77 flags=1
	tool info $CTL >"$T/info"
	head -7 "$T/info" | diff - <(legacy 2009 info $CTL) || fail "not the lines of 2009"
	tool info --json $CTL >"$T/json"
	is "size in JSON" "$(perl -MJSON::PP -0e 'print decode_json(<>)->{devices}[0]{size}' "$T/json")" 33554432
	"$ABUSECTL" info >"$T/table"
	shows "$T/table" 'abctl0.*32'
}

setup_refuses_and_leaves_the_device() {
	ready
	client status $CTL >"$T/before"
	complains 2 '.*nonsense.*' setup $CTL nonsense=1
	complains 2 ".*must be from $PAGE to 1048576.*" setup $CTL mr=$((PAGE / 2))
	complains 1 '.*reconnect.*' setup $CTL sz=32M
	complains 1 '.*' setup $CTL sz=8M reconnect
	client status $CTL | diff "$T/before" - || fail "the device changed"
	tool setup $CTL sz=32M reconnect
	is capacity "$(status capacity)" 33554432
}

without_the_module_it_says_what_to_do() {
	tool() { "$ABUSECTL" "$@"; }
	complains 1 '.*No such file or directory.*(module|modprobe).*' info $CTL
}

a_person_can_be_a_disk() {
	ready
	bytes 4096 0x61 >"$T/data"
	submit write op=write offset=4096 byte=0x77
	tool get $CTL >"$T/get"
	diff "$T/get" - <<-EOF || fail "get: other than expected"
		WRITE
		sector = 8
		vcnt = 1
		len0 = 4096, offset = 0
	EOF
	running write || fail "get answered"
	tool put $CTL --out "$T/out" >"$T/put"
	diff "$T/get" "$T/put" || fail "put printed something else than get"
	finish write
	holds "$T/out" 4096 0x77
	submit read op=check byte=0x61
	tool put $CTL --data "$T/data" >"$T/put"
	shows "$T/put" READ
	finish read
	submit fails op=read
	tool put $CTL --fail media >"$T/put"
	failed fails EIO
	is errors "$(status errors)" 1
}

a_null_server_reads_zeros_and_ends_when_its_device_is_reset() {
	ready
	start server null
	io op=write byte=1
	io op=check byte=0 length=1M threads=4
	reset
	finish server 1
	shows "$T/server" "$CTL"
}

a_memory_server_keeps_data_and_punches_holes() {
	ready capacity=64M flags=$((DISCARD | WRITE_ZEROES | WRITE_CACHE)) queues=2
	start server mem
	"${FIO[@]}" --name=verify --rw=randwrite --bsrange=4k-64k --iodepth=16 --size=16M --verify=crc32c \
		--verify_fatal=1 >"$T/fio" 2>&1 || fail "fio: $(<"$T/fio")"
	io op=zeroes offset=4M length=1M
	io op=check offset=4M length=1M byte=0
	io op=discard offset=0 length=8M
	stop server
	is errors "$(status errors)" 0
}

a_file_server_punches_holes_and_locks_its_image() {
	ready flags=$((DISCARD | WRITE_ZEROES))
	start server "file:$T/image" --create
	io op=write length=1M threads=8 byte=5
	before=$(stat -c %b "$T/image")
	client setup /dev/abctl1
	complains 1 ".*$T/image: it is served as $DISK already.*--shared.*" server 1 "file:$T/image"
	io op=discard length=8M
	after=$(stat -c %b "$T/image")
	[ "$after" -lt $((before / 2)) ] || fail "blocks before the discard: $before, after: $after"
	stop server
	truncate -s 1M "$T/small"
	complains 1 ".*$T/small.*" server $CTL "file:$T/small"
}

an_image_error_is_an_error_of_one_request() {
	ready capacity=64M
	mkdir "$T/full"
	mount -t tmpfs -o size=8M tmpfs "$T/full"
	start server "file:$T/full/image" --create
	expect ENOSPC io op=write length=1M threads=12
	[ "$(status errors)" -gt 0 ] || fail "no error was counted"
	io op=check offset=32M byte=0
	running server || fail "the server ended: $(<"$T/server")"
	stop server
	umount "$T/full"
}
