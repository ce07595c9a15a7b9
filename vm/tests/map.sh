# shellcheck shell=bash disable=SC2034,SC2086,SC2119,SC2120,SC2154
# What the tests of mapped extents share; to be sourced.

MAPPABLE=256 WRITE=1 MEMORY=2 REPLACE=1 RETRY=7 FAULT=64

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
