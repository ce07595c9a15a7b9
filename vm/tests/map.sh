# shellcheck shell=bash disable=SC2034,SC2086,SC2119,SC2120,SC2154
# What the tests of mapped extents share; to be sourced.

WRITE=1 MEMORY=2 REPLACE=1 RETRY=7 FAULT=64 NO_SPACE=4

# Disks in memory, with 8 MiB each
_targets() {
	modprobe -r brd 2>/dev/null || :
	modprobe brd rd_nr=2 rd_size=8192
	[ -b /dev/ram1 ] || fail "no /dev/ram1"
	client io /dev/ram0 op=write length=1M byte=0x41
	client io /dev/ram1 op=write length=1M byte=0x42
}
_ready() {
	_targets
	ready capacity=32M flags=$((MAPPABLE | WRITE_CACHE | DISCARD)) "$@"
}
_map() { is "what is mapped" "$(client map $CTL "extents=$1" "${@:2}")" "done=${N-1}"; }
_unmap() { is "what is unmapped" "$(client unmap $CTL "extents=$1" "${@:2}")" "done=${N-1}"; }
# _extents: lines of OFFSET LENGTH TARGET_OFFSET TARGET FLAGS, and for memory FILESYSTEM
_extents() {
	client extents $CTL | sed -n 's/^offset=\([0-9]*\) length=\([0-9]*\) target_offset=\([0-9]*\) target=\(.*\) flags=\(.*\) filesystem=\(.*\)$/\1 \2 \3 \4 \5 \6/; T; s/ 0$//; p'
}

# Targets that are slow, or that the test answers for
_slow_target() { # [DEVICE]
	dmsetup remove -f abuse-slow 2>"$T/dmsetup" || : # a test that failed may have left it
	dmsetup create abuse-slow --table "0 16384 linear ${1-/dev/ram0} 0"
	[ "$(</sys/block/dm-0/dm/name)" = abuse-slow ] || fail "another dm-0"
}
_under_way() { [ "$(awk '{ print $9 }' /sys/block/abuse0/stat)" = "$1" ]; }
_second() { # a disk that descriptor 3 serves
	client setup /dev/abctl1 capacity=8M flags=$WRITE_CACHE
	exec 3</dev/abctl1
}
# _answer_second [RESULT]: answers what comes to it next
_answer_second() {
	take 3 min=1 timeout=60000000000
	answer 3 "$id0${1+:$1}"
}
_asked_second() { client status /dev/abctl1 only=pending until=1; }
_write_to_second() { # [KEY=VALUE ...]
	spawn second client io $DISK op=write "$@"
	_answer_second
	finish second
}
_nothing_mapped() { [ -z "$(_extents)" ]; }
# What was written there is lost when it is given up
_lose() {
	_map 0:1M:0:/dev/abuse1:w
	_write_to_second
	spawn lose client unmap $CTL extents=0:1M
	_answer_second $NO_SPACE
	failed lose EIO
}
