# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# The ABI of 2009: setup and status of a device, and what the tool of 2009 does with it
# run.sh: widths 64 32
# shellcheck source=vm/tests/legacy.sh
. "${BASH_SOURCE[0]%/*}/legacy.sh"

# _tells DEVICE: info prints the lines of stdin first, and the kernel wrote nothing behind the structure
_tells() {
	legacy info "$1" >"$T/info"
	diff <(head -n 8 "$T/info") - || fail "other than expected"
	shows "$T/info" '^tail=untouched$'
}

info_of_a_device_that_is_not_set_up_is_zero() {
	load
	_tells /dev/abctl5 <<-EOF
		device=0
		size=0
		number=5
		flags=0
		blocksize=0
		max_queue=0
		queue_size=0
		errors=0
	EOF
	max=$(_info max_vecs)
	[ "$max" -ge 1 ] && [ "$max" -le 256 ] || fail "max_vecs is $max"
}

# info prints every field that setup sets, and ab_device, the number of the disk.
setup_then_info_tells_all() {
	load
	legacy setup $CTL size=64M blocksize=1024 max_queue=77 flags=1
	_tells $CTL <<-EOF
		device=0x3c00
		size=67108864
		number=0
		flags=1
		blocksize=1024
		max_queue=77
		queue_size=0
		errors=0
	EOF
	is "size of the disk" "$(<$SYS/size)" 131072
	is "block size of the disk" "$(<$QUEUE/logical_block_size)" 1024
	is "read-only" "$(<$SYS/ro)" 1
}

setup_refuses_nonsense_and_changes_nothing() {
	load
	for bad in blocksize=0 blocksize=3 blocksize=256 blocksize=1536 blocksize=131072 blocksize=0x80000000 \
		size=0 size=4095 size=16777217 max_queue=0 max_queue=4097 max_queue=0xffffffff \
		flags=4 flags=8 flags=16 flags=32 flags=0x80000000 arg=null; do
		expect EINVAL legacy setup $CTL $bad
	done
	for bad in 0x8000000000000000 0xfffffffffffff000; do
		expect EFBIG legacy setup $CTL size=$bad
	done
	expect EFAULT legacy setup $CTL arg=bad
	is size "$(_info size)" 0
	[ ! -e $SYS ] || fail "there is a disk"
}

the_largest_size_works() {
	load
	legacy setup $CTL size=0x7ffffffffffff000
	is size "$(_info size)" 9223372036854771712
	exec 3<$CTL
	submit io op=check offset=0x7fffffffffffe000
	_get
	is sector "$(_field sector)" 18014398509481968
	_put
	finish io
}

# A device that is set up changes only with RECONNECT.
reconnect_works_and_is_needed() {
	load
	legacy setup $CTL size=16M
	expect EBUSY legacy setup $CTL size=32M
	is size "$(_info size)" 16777216
	legacy setup $CTL size=32M flags=2
	is size "$(_info size)" 33554432
	is "size of the disk" "$(<$SYS/size)" 65536
	is "flags, RECONNECT never reported" "$(_info flags)" 0
	expect EINVAL legacy setup $CTL size=16M flags=2
	expect EINVAL legacy setup $CTL size=32M flags=2 blocksize=512
	legacy setup $CTL size=32M flags=3 max_queue=5
	is flags "$(_info flags)" 1
	is max_queue "$(_info max_queue)" 5
	expect EINVAL legacy setup $CTL size=32M flags=2 max_queue=129
}

reconnect_sets_up_what_is_not() {
	load
	legacy setup $CTL flags=2
	[ -e $DISK ] || fail "no disk"
}

# SET_POLL is in the header of 2009 but was never written; ioctls that are in no header are unknown.
unknown_ioctls_are_ENOTTY_and_SET_POLL_is_EOPNOTSUPP() {
	ready
	expect ENOTTY legacy ioctl $CTL nr=0x411f
	expect ENOTTY legacy ioctl $CTL nr=0x4140
	expect ENOTTY legacy ioctl $CTL nr=0x5401
	expect EOPNOTSUPP legacy set-poll $CTL
}

bad_arguments_are_refused() {
	ready
	for call in info setup get put; do
		expect EINVAL legacy $call $CTL arg=null
		expect EFAULT legacy $call $CTL arg=bad
	done
	expect EFAULT client status $CTL arg=bad
	expect EFAULT client setup $CTL arg=bad
	expect EFAULT client xfer $CTL arg=bad
}

get_and_put_without_setup_are_ENODEV() {
	load
	expect ENODEV legacy get $CTL
	expect ENODEV legacy put $CTL id=1
	expect ENODEV client xfer $CTL gets=1
	legacy reset $CTL
}

# The tests of the tool of 2009 make its calls and compare its output.
tool_setup_and_info() {
	load
	legacy 2009 setup $CTL
	legacy 2009 info $CTL >"$T/info"
	diff "$T/info" - <<-EOF || fail "other than expected"
		ab_size = 16777216
		ab_number = 0
		ab_flags = 0
		ab_blocksize = 4096
		ab_max_queue = 128
		ab_queue_size = 0
		ab_errors = 0
	EOF
	expect EBUSY legacy 2009 setup $CTL
	legacy 2009 reset $CTL
	legacy 2009 setup $CTL
}

tool_get_put_and_poll() {
	load
	legacy 2009 setup $CTL
	expect ENOMSG legacy 2009 get $CTL
	expect ENOMSG legacy 2009 put $CTL
	spawn poll legacy 2009 poll $CTL
	still_waits poll
	submit io op=write offset=4096 length=$((2 * PAGE)) byte=0x61
	finish poll
	is poll "$(<"$T/poll")" "1 400"
	printf 'WRITE\nsector = 8\nvcnt = 2\nlen0 = %d, offset = 0\nlen1 = %d, offset = 0\n' $PAGE $PAGE >"$T/expected"
	legacy 2009 get $CTL | diff "$T/expected" - || fail "get: other than expected"
	running io || fail "get answered the request"
	legacy 2009 put $CTL | diff "$T/expected" - || fail "put: other than expected"
	finish io
	submit io op=check byte=0x42
	legacy 2009 put $CTL | diff - <(printf 'READ\nsector = 0\nvcnt = 1\nlen0 = 4096, offset = 0\n') ||
		fail "put: other than expected"
	finish io
}

tool_server() {
	load
	legacy 2009 setup $CTL
	spawn server legacy 2009 server $CTL
	io op=check byte=0x42 length=256K threads=16
	io op=write byte=0x11 length=1M threads=8
	dd if=$DISK of=/dev/null bs=64K status=none
	running server || fail "the server ended: $(tail -3 "$T/server")"
	kill9 server
	is queue_size "$(_info queue_size)" 0
	is errors "$(_info errors)" 0
}
