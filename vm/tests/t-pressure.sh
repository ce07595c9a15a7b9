# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Memory is full and can only be freed by writing to the disk, which has the swap,
# and the files whose mapped pages are dirty
# run.sh: seconds 300
# run.sh: torture
# run.sh: kernels 6.12

# With TORTURE each of them takes three minutes.
HOG_SECONDS=$((${TORTURE:-1} == 1 ? 6 : 18 * TORTURE))

_available() { awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo; }
_counter() { awk -v name="$1" '$1 == name { print $2 }' /proc/vmstat; }

# Takes all memory but that many MB
_shrink() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	echo $((($(_available) - $1) / 2)) >/proc/sys/vm/nr_hugepages
	note "$(_available) MB left"
}

# _grew NAME BEFORE PAGES: the counter has grown by at least that many pages
_grew() {
	local now
	now=$(_counter "$1")
	note "$1 $((now - $2))"
	[ $((now - $2)) -ge "$3" ] || fail "only $((now - $2)) of $3 pages: $1"
}

_hog() {
	"$ABUSE_BUILD/hog" "$1" $HOG_SECONDS "${@:2}" >"$T/hog" 2>&1 || fail "hog $*: status $?: $(<"$T/hog")"
	note "$(paste -sd' ' "$T/hog")"
}

_swap() {
	local out in
	mkswap $DISK >/dev/null
	swapon $DISK
	out=$(_counter pswpout) in=$(_counter pswpin)
	_hog 360
	_grew pswpout "$out" 35000
	_grew pswpin "$in" 10000
	swapoff $DISK
}

_dirty() {
	local written
	mkfs.ext4 -q $DISK
	mkdir "$T/mnt"
	mount $DISK "$T/mnt"
	written=$(_counter nr_written)
	_hog 260 "$T/mnt/file"
	_grew nr_written "$written" 51200
	umount "$T/mnt"
	fsck.ext4 -fn $DISK >"$T/fsck" 2>&1 || fail "fsck: $(<"$T/fsck")"
}

# _hogs KIND...
_hogs() {
	local kind kills
	kills=$(_counter oom_kill)
	_shrink 220
	for kind; do
		_$kind
	done
	echo 0 >/proc/sys/vm/nr_hugepages
	is "processes killed" $(($(_counter oom_kill) - kills)) 0
}

# _pressure "KIND..." BACKEND OPTION...
_pressure() {
	start server "${@:2}"
	note "$(awk '/^VmLck|^VmRSS/ { printf "%s %d MB ", $1, $2 / 1024 }' "/proc/${PID[server]}/status")"
	_hogs $1
	stop server
	is "errors, redelivered" "$(status errors) $(status redelivered)" "0 0"
	told server : 1
}

_vda() {
	modprobe virtio_blk
	wait_for test -b /dev/vda
}

_images() {
	_vda
	mkfs.ext4 -q /dev/vda
	mkdir "$T/images"
	mount /dev/vda "$T/images"
}

memory_runs_out_with_the_disk_in_locked_memory() {
	ready capacity=384M queue_depth=64 flags=$WRITE_CACHE
	_pressure "swap dirty" mem --pin
}

memory_runs_out_with_the_disk_mapped_and_no_server_alive() {
	_vda
	ready capacity=1G flags=$((WRITE_CACHE | MAPPABLE))
	"$ABUSECTL" map $CTL 0 - /dev/vda
	_hogs swap dirty
	is "errors, servers" "$(status errors) $(status servers)" "0 0"
}

dirty_pages_fill_memory_with_the_disk_in_a_mapped_file() {
	_images
	ready capacity=384M queue_depth=64 flags=$WRITE_CACHE
	_pressure dirty "file:$T/images/image" --create
}

pinning_needs_privileges_and_says_which() {
	status=0
	setpriv --reuid=65534 --clear-groups "$ABUSECTL" server --pin >"$T/out" 2>&1 || status=$?
	is "exit status" $status 1
	is output "$(<"$T/out")" "abusectl: --pin: PR_SET_IO_FLUSHER: Operation not permitted; it takes root, or CAP_IPC_LOCK and CAP_SYS_RESOURCE"
}

a_disk_larger_than_memory_is_refused() {
	ready capacity=1T
	status=0
	"$ABUSECTL" server --pin $CTL mem >"$T/out" 2>&1 || status=$?
	is "exit status" $status 1
	shows "$T/out" 'abusectl: mem: no room for 1099511627776 bytes; [0-9]+ are available'
}
