# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# The power fails at any moment, and afterwards everything that was flushed is there.
# The device mapper's log-writes logs all writes to the server's storage; only writes
# that were answered before a flush are durable in that log. Then the disk is built
# again from the log, up to some entry.
# run.sh: seconds 400
# run.sh: kernels 6.12

export DM_DISABLE_UDEV=1
FILES=12

# The disk of 64 MiB below the server, and a log of its writes
_logged() {
	dmsetup remove_all --force
	modprobe -r brd
	modprobe brd rd_nr=2 rd_size=131072
	dmsetup create lower --table "0 131072 log-writes /dev/ram0 /dev/ram1"
	mkdir "$T/lower" "$T/upper"
}

# Writes files to the upper disk; the log gets mark N when the first N of them are
# durable. At the same time other files are written, which nothing makes durable.
_write_files() {
	local n
	mkfs.ext4 -q -E nodiscard $DISK
	mount $DISK "$T/upper"
	echo 00 >"$T/upper/number"
	sync "$T/upper/number"
	for ((n = 1; n <= FILES; n++)); do
		head -c 150000 /dev/urandom >"$T/upper/unsynced$((n % 3))"
		head -c $((1 + RANDOM * 4)) /dev/urandom >"$T/upper/f$n"
		sync "$T/upper/f$n"
		# This writes in place, too, where no journal helps.
		printf '%02d\n' $n | dd of="$T/upper/number" conv=notrunc,fdatasync status=none
		dmsetup message lower 0 mark $n
		(cd "$T/upper" && sha256sum f$n) >>"$T/sums"
	done
	umount "$T/upper"
}

# _survives ENTRIES N: with that many entries of the log the first N files are intact; the
# image is the disk itself or a file in a filesystem on it
_survives() {
	local image=$T/cut number good=0
	rm -f "$T/cut"
	truncate -s 64M "$T/cut"
	"$ABUSE_BUILD/replay" /dev/ram1 "$T/cut" "$1"
	if [ "$nested" ]; then
		mount -o loop "$T/cut" "$T/lower" || return
		image=$T/lower/image
	fi
	if mount -o loop "$image" "$T/upper"; then
		head -n "$2" "$T/sums" | (cd "$T/upper" && sha256sum --quiet -c -) || good=1
		number=$(<"$T/upper/number")
		[ "${number#0}" -ge "$2" ] || good=1
		umount "$T/upper"
		fsck.ext4 -fn "$image" || good=1
	else
		good=1
	fi
	[ ! "$nested" ] || umount "$T/lower"
	return $good
}

# _cuts COMMAND ...: runs it for some entries of the log, each with the number of the last mark before it
_cuts() {
	local kind at name last=0 files=0
	modprobe loop
	"$ABUSE_BUILD/replay" /dev/ram1 >"$T/marks"
	while read -r kind at name; do
		# Right after a mark, and at some entry before the next one
		if [ $files -gt 0 ]; then
			"$@" $last $files
			"$@" $((last + RANDOM % (at - last + 1))) $files
		fi
		[[ $name == [0-9]* ]] || break
		last=$at files=$name
	done <"$T/marks"
	is "files marked" $files $FILES
	note "$((2 * FILES)) cuts${lost:+, $lost lost something}"
}

_must_survive() {
	_survives "$@" >"$T/survives" 2>&1 || fail "cut at entry $1, $2 files flushed: $(<"$T/survives")"
}

_may_survive() { _survives "$@" >"$T/survives" 2>&1 || lost=$((lost + 1)); }

# With a filesystem below the image
_nested() {
	_logged
	nested=yes
	mkfs.ext4 -q -E nodiscard /dev/mapper/lower
	mount /dev/mapper/lower "$T/lower"
	truncate -s 40M "$T/lower/image"
	ready capacity=40M flags=$WRITE_CACHE
}

_power_off() {
	[ ! "$nested" ] || umount "$T/lower"
	dmsetup remove lower
	is errors "$(status errors)" 0
}

what_was_flushed_is_there_after_a_power_cut() {
	_nested
	start server "file:$T/lower/image"
	_write_files
	stop server
	_power_off
	_cuts _must_survive
}

without_a_write_cache_what_was_written_is_there() {
	_logged
	nested=''
	ready capacity=64M
	start server file:/dev/mapper/lower --direct
	_write_files
	stop server
	_power_off
	_cuts _must_survive
}

a_server_that_lies_about_a_flush_is_found_out() {
	local lost=0
	_nested
	serve "store=$T/lower/image"
	_write_files
	end
	_power_off
	_cuts _may_survive
	[ $lost -gt 5 ] || fail "only $lost of $((2 * FILES)) cuts lost what was flushed"
}
