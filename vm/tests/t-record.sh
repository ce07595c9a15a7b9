# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# What the 'record' filter writes, read by a program in C, and by abusectl beside what dm-log-writes writes of the same
# requests
# run.sh: seconds 240
# run.sh: kernels 6.12

export DM_DISABLE_UDEV=1

# _is_what FILE: the file has the bytes of the server's image
_is_what() {
	cmp "$T/image" "$1" >&2 || fail "$1 is not what the disk has, in $(cmp -l "$T/image" "$1" | wc -l) bytes: $(<"$T/replay")"
}

# _fresh: a new image of zeros to replay onto
_fresh() {
	rm -f "$T/copy"
	truncate -s 32M "$T/copy"
}

# _replay LOG [OPTION ...]: onto a fresh image
_replay() {
	_fresh
	tool replay "$1" --onto "$T/copy" "${@:2}" >"$T/replay" 2>&1 || fail "replay $*: $(<"$T/replay")"
}

# _write DISK: fio writes to that disk and to no other; what it flushes at its end may be a flush that ran beside the last
# writes, so another one follows it
_write() {
	fio --direct=1 --ioengine=io_uring --iodepth=16 --name=w --filename="$1" --rw=randwrite --bsrange=4k-128k --size=8M --fsync=16 >"$T/fio" 2>&1 ||
		fail "fio: $(<"$T/fio")"
	sync "$1"
}

a_record_is_read_by_another_program() {
	small_disk
	start server "file:$T/image" --filter "record:$T/log"
	_write $DISK
	io op=zeroes offset=1M length=16M
	io op=write byte=7 offset=2M length=64K fua=1
	io op=sync
	[ "$(du -k "$T/log" | cut -f1)" -lt 20000 ] || fail "zeroes take space: $(du -k "$T/log")"
	_fresh
	: >"$T/replay"
	"$ABUSE_BUILD/replay" "$T/log" "$T/copy" 1000000 # while the server is there
	_is_what "$T/copy"
	io op=discard offset=4M length=1M
	kill9 server
	_replay "$T/log"
	_is_what "$T/copy"
	is "the flushes" "$(tool replay "$T/log" -no flags | grep -c flush)" \
		"$(od -An -v -t x8 -w512 "$T/log" | awk '$1 == 0 && $2 == 0 && $3 == 1 && $4 == 0' | wc -l)"
}

the_log_of_log_writes_says_the_same() {
	modprobe -r brd
	modprobe brd rd_nr=1 rd_size=65536
	small_disk
	start server "file:$T/image" --filter "record:$T/log"
	dmsetup create logged --table "0 65536 log-writes $DISK /dev/ram0"
	_write /dev/mapper/logged
	dmsetup message logged 0 mark here
	tool mark $CTL here
	cp --sparse=always "$T/image" "$T/then"
	dd if=/dev/urandom of=/dev/mapper/logged bs=64k count=4 seek=3 oflag=direct status=none
	dmsetup remove logged
	_replay "$T/log"
	_is_what "$T/copy"
	_replay /dev/ram0
	_is_what "$T/copy"
	_replay /dev/ram0 --to-mark here
	cmp "$T/then" "$T/copy" >&2 || fail "the log of log-writes differs at the mark"
	_replay "$T/log" --to-mark here --durable
	cmp "$T/then" "$T/copy" >&2 || fail "the record differs at the mark"
	note "$(tool replay /dev/ram0 -n | wc -l) entries of log-writes, $(tool replay "$T/log" -n | wc -l) of record"
	stop server
	modprobe -r brd
}

a_record_that_cannot_be_written_ends_and_the_disk_goes_on() {
	small_disk
	mkdir "$T/small"
	mount -t tmpfs -o size=256k tmpfs "$T/small"
	start server "file:$T/image" --filter "record:$T/small/log"
	io op=write byte=1 length=64K
	io op=write byte=2 length=1M offset=1M
	io op=write byte=3 length=4K offset=4M
	io op=sync
	io op=check byte=2 length=1M offset=1M
	told server "record: $T/small/log: No space left on device; the record ends before that" 1
	complains 1 "$CTL: $T/small/log: No space left on device; the record ends before that" mark $CTL late
	_replay "$T/small/log"
	holds <(head -c 65536 "$T/copy") 65536 1
	holds <(tail -c +65537 "$T/copy") $(((32 << 20) - 65536)) 0
	tool replay "$T/small/log" >"$T/entries" 2>"$T/complaint"
	shows "$T/complaint" ': ends where it could not be written, '
	stop server
	umount "$T/small"
}

# A disk that is mounted is not replayed onto
nothing_is_replayed_onto_a_disk_in_use() {
	small_disk
	start server "file:$T/image" --filter "record:$T/log"
	mkfs.ext4 -q -E nodiscard $DISK
	mkdir "$T/mnt"
	mount $DISK "$T/mnt"
	complains 1 "--onto=$DISK: is mounted, or used by something else; end that first" replay "$T/log" --onto $DISK
	umount "$T/mnt"
	stop server
	start server mem
	tool replay "$T/log" --onto $DISK
	mount $DISK "$T/mnt"
	umount "$T/mnt"
	stop server
}

# A disk refuses to discard a part of a block
a_disk_with_larger_blocks_is_replayed_onto() {
	local loop
	small_disk block_size=512
	start server "file:$T/image" --filter "record:$T/log"
	io op=write byte=1 length=64K
	io op=discard offset=4608 length=512
	tool replay "$T/log" -no length,flags | grep -q '512B discard' || fail "no small discard: $(tool replay "$T/log")"
	_fresh
	: >"$T/replay"
	modprobe loop
	loop=$(losetup -b 4096 -f --show "$T/copy")
	tool replay "$T/log" --onto "$loop"
	losetup -d "$loop"
	_is_what "$T/copy"
	stop server
}

# _begin [MOUNT-OPTION ...]: a filesystem that is recorded; on a busy machine a mark may come after the 5 seconds in which
# ext4 makes all durable by itself
_begin() {
	rm -f "$T/log" "$T/image"
	truncate -s 32M "$T/image"
	mkfs.ext4 -q -b 4096 -E lazy_itable_init=0,lazy_journal_init=0 "$T/image"
	cp --sparse=always "$T/image" "$T/base"
	start server "file:$T/image" --filter "record:$T/log"
	mount -o "commit=600${1-}" $DISK "$T/mnt"
}

_end() {
	umount "$T/mnt"
	stop server
}

# _settings SYNC [MOUNT-OPTIONS]: a program replaces a file three times, and marks when it holds that to be durable
_settings() {
	local n
	_begin ${2-}
	for n in 1 2 3; do
		"$ABUSE_BUILD/durable" "$T/mnt" "settings $n" $1
		tool mark $CTL "$n"
	done
	_end
}

# _transactions SYNCHRONOUS: the same with a database
_transactions() {
	local n
	_begin
	sqlite3 "$T/mnt/db" 'CREATE TABLE entries(n)'
	sync "$T/mnt/db" "$T/mnt"
	for n in 1 2; do
		sqlite3 "$T/mnt/db" "PRAGMA synchronous=$1; INSERT INTO entries VALUES($n)"
		tool mark $CTL "$n"
	done
	_end
}

# _check_crashes STATES: $T/check looks at that many states of each time at most
_check_crashes() {
	tool crashes "$T/log" --base "$T/base" --from-mark 1 --most $1 --work "$T" --check "sh $T/check {}" >"$T/crashes" 2>"$T/complaint"
}

# After mark N the file has the Nth text, or a later one
_crashes() {
	cat >"$T/check" <<-'END'
		fsck.ext4 -fy "$1" >/dev/null 2>&1
		[ $? -lt 4 ] || { echo "fsck finds errors"; exit 1; }
		text=$(debugfs -R "cat settings" "$1" 2>/dev/null)
		text=${text#settings }
		[ "${text:-0}" -ge "$ABUSECTL_MARK" ] || { echo "after mark $ABUSECTL_MARK there is '$text'"; exit 1; }
	END
	_check_crashes 4
}

# After mark N the database is whole, and has N entries or more
_database_crashes() {
	cat >"$T/check" <<-'END'
		fsck.ext4 -fy "$1" >/dev/null 2>&1
		[ $? -lt 4 ] || { echo "fsck finds errors"; exit 1; }
		db=$(dirname "$1")/db
		for file in db db-journal; do
			debugfs -R "dump $file $(dirname "$1")/$file" "$1" >/dev/null 2>&1
		done
		found=$(sqlite3 "$db" 'PRAGMA integrity_check; SELECT count(*) FROM entries' 2>&1 | xargs)
		case $found in
		"ok "[0-9]*) [ "${found#ok }" -ge "$ABUSECTL_MARK" ] && exit ;;
		esac
		echo "after mark $ABUSECTL_MARK there is '$found'"
		exit 1
	END
	_check_crashes 2
}

# _all_good, _is_bad: what the last _crashes or _database_crashes found
_all_good() {
	shows "$T/crashes" '^[0-9]+ states, 0 bad'
	note "$(tail -n 1 "$T/crashes")"
}
_is_bad() {
	shows "$T/complaint" ': a state is bad'
	note "$(tr '\n' ' ' <"$T/crashes")"
}

what_a_check_has_mounted_is_not_deleted() {
	small_disk
	start server "file:$T/image" --filter "record:$T/log"
	io op=write
	stop server
	mkdir "$T/precious"
	: >"$T/precious/file"
	tool crashes "$T/log" --base "$T/image" --work "$T" --jobs=1 \
		--check "m=\$(dirname {})/m; mkdir -p \$m && mount --bind $T/precious \$m" >"$T/crashes" 2>"$T/complaint" &&
		fail "it did not fail: $(<"$T/crashes")"
	shows "$T/complaint" '/m: is still mounted; unmount it, and delete '
	[ -e "$T/precious/file" ] || fail "it was deleted"
	umount "$T"/abusectl-crashes*/*/m
}

a_file_that_was_synced_is_there_after_every_crash() {
	small_disk
	mkdir "$T/mnt"
	_settings sync
	_crashes || fail "$(<"$T/crashes") $(<"$T/complaint")"
	_all_good
}

a_file_that_was_not_synced_is_missing_after_a_crash() {
	small_disk
	mkdir "$T/mnt"
	_settings ''
	! _crashes || fail "$(<"$T/crashes")"
	shows "$T/crashes" "^\| after mark [123] there is ''"
	_is_bad
}

a_filesystem_that_flushes_nothing_loses_a_file_that_was_synced() {
	small_disk
	mkdir "$T/mnt"
	_settings sync ,nobarrier
	! _crashes || fail "$(<"$T/crashes")"
	_is_bad
}

# FULL, the default, leaves out the sync of the folder that ends a transaction for good.
a_database_that_syncs_has_its_transactions_after_every_crash() {
	small_disk
	mkdir "$T/mnt"
	_transactions EXTRA
	_database_crashes || fail "$(<"$T/crashes") $(<"$T/complaint")"
	_all_good
}

a_database_that_does_not_sync_loses_a_transaction() {
	small_disk
	mkdir "$T/mnt"
	_transactions OFF
	! _database_crashes || fail "$(<"$T/crashes")"
	_is_bad
}
