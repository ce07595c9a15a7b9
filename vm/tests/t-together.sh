# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Several servers of one disk: those with the same content share it, and any other is
# refused before it gets a request
# run.sh: seconds 300
# run.sh: kernels 6.12 newest rt debug kcsan

_is_refused() { # TEXT-OF-THE-OTHER PROCESS BACKEND...
	complains 1 "$CTL: Device or resource busy; process $2 serves '$1' there, .* add --shared" server $CTL "${@:3}"
}

# Two servers with their content in memory would each have only the writes that they answered.
content_of_another_server_does_not_get_onto_a_disk() {
	ready flags=$((WRITE_CACHE | DISCARD)) queues=2
	start first mem
	_is_refused mem "${PID[first]}" mem
	_is_refused mem "${PID[first]}" null
	_is_refused mem "${PID[first]}" "file:$T/image" --create
	"${FIO[@]}" --name=verify --rw=randwrite --bsrange=4k-64k --iodepth=16 --size=8M --verify=crc32c \
		--verify_fatal=1 >"$T/fio" 2>&1 || fail "fio: $(<"$T/fio")"
	is errors "$(status errors)" 0
	kill9 first
	start second null
	_is_refused null "${PID[second]}" mem
	start third --shared mem
	start fourth null
	stop second
	stop third
	stop fourth
}

a_mounted_filesystem_is_not_served_from_elsewhere() {
	ready capacity=64M flags=$WRITE_CACHE
	start first "file:$T/image" --create
	mkfs.ext4 -q $DISK
	mkdir "$T/mnt"
	mount $DISK "$T/mnt"
	truncate -s 64M "$T/other"
	_is_refused "file:$T/image" "${PID[first]}" mem
	_is_refused "file:$T/image" "${PID[first]}" "file:$T/other"
	ln "$T/image" "$T/same"
	start second "file:$T/same"
	cp -r /etc/apt "$T/mnt"
	stop first
	_is_refused "file:$T/(image|same)" '[0-9]+' "file:$T/other"
	umount "$T/mnt"
	mount $DISK "$T/mnt"
	diff -r /etc/apt "$T/mnt/apt" || fail "files differ"
	umount "$T/mnt"
	stop second
	fsck.ext4 -fn "$T/image" >"$T/fsck" 2>&1 || fail "fsck of the image: $(<"$T/fsck")"
}

requests_are_taken_by_hand_beside_a_server() {
	ready
	start server mem
	freeze server
	submit write op=write byte=7
	tool put --out "$T/out" >"$T/put"
	finish write
	holds "$T/out" 4096 7
	_signal CONT
	io op=check byte=0
	stop server
}

_signal() { kill -"$1" "${PID[server]}"; }

# The open files of a server belong to the disk that it served, not to the next one.
a_server_does_not_serve_the_disk_after_a_reset() {
	ready queues=2
	start server mem
	freeze server
	reset
	setup queues=2
	submit read op=check byte=0
	_signal CONT
	finish server 1
	shows "$T/server" "^abusectl: $CTL: No such device; it was reset, so the server ends\$"
	is "pending, puts" "$(status pending) $(status puts)" "1 0"
	start next null
	finish read
	stop next
}
