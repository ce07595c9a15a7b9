# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# The ABI of 2009: how a request is got and put
# run.sh: widths 64 32
# shellcheck source=vm/tests/legacy.sh
. "${BASH_SOURCE[0]%/*}/legacy.sh"

LENGTH=$((2 * PAGE + 512)) # of a request with two pieces and a part of one

# A write of 3 pieces, taken through descriptor 3 and not answered
_owned_write() {
	ready block_size=512
	exec 3<$CTL
	submit io op=write offset=1M length=$LENGTH byte=0x61
	_get
}

_owned_read() {
	ready block_size=512
	exec 3<$CTL
	submit io op=check offset=1M length=$LENGTH byte=0x62
	_get
}

# A get without a request leaves the caller's transfer address as it was.
get_with_nothing_to_get_is_ENOMSG() {
	ready
	expect ENOMSG legacy get $CTL
	legacy get $CTL garbage=1 >"$T/request" 2>"$T/error" || :
	is id "$(_field id)" 0
	is vec_count "$(_field vec_count)" 0
	is transfer_address "$(_field transfer_address)" same
	is "vectors written" "$(_field written)" 0
}

# The server's memory does not change the data of a write.
a_write_is_a_write_and_its_data_arrives() {
	_owned_write
	is command "$(_field command)" 1
	is sector "$(_field sector)" 2048
	is vec_count "$(_field vec_count)" 3
	is lengths "$(_field len0) $(_field len1) $(_field len2)" "$PAGE $PAGE 512"
	still_waits io
	_put fill=0x11 out="$T/data"
	finish io
	holds "$T/data" $LENGTH 0x61
}

a_read_gets_the_bytes_that_were_put() {
	_owned_read
	is command "$(_field command)" 0
	is sector "$(_field sector)" 2048
	is vec_count "$(_field vec_count)" 3
	_put fill=0x62
	finish io
}

each_piece_has_its_own_place() {
	ready block_size=512
	exec 3<$CTL
	head -c $LENGTH /dev/urandom >"$T/random"
	spawn dd dd if=$DISK of="$T/read" bs=$LENGTH count=1 iflag=direct status=none
	pending 1
	_get
	_put in="$T/random"
	finish dd
	cmp "$T/random" "$T/read"
	spawn dd dd if="$T/random" of=$DISK bs=$LENGTH count=1 oflag=direct status=none
	pending 1
	_get
	_put out="$T/written"
	finish dd
	cmp "$T/random" "$T/written"
}

# The vectors that a get fills tell lengths only: no kernel offset, no address that an earlier caller used.
pieces_tell_no_addresses() {
	_owned_write
	_put
	finish io
	submit io op=write offset=1M length=$((4 * PAGE))
	_get
	for n in 0 1 2 3; do
		is "piece $n" "$(_field len$n) $(_field offset$n) $(_field address$n)" "$PAGE 0 0"
	done
	_put
	finish io
}

# A get never writes more vectors than max_vecs.
the_largest_request_fits_in_the_room_that_info_tells() {
	ready
	exec 3<$CTL
	submit io op=write length=1M byte=0x33
	_get
	is vec_count "$(_field vec_count)" $((1048576 / PAGE))
	is "vectors written" "$(_field written)" $((1048576 / PAGE))
	is max_vecs "$(_info max_vecs)" 256
	_put out="$T/data"
	finish io
	holds "$T/data" 1048576 0x33
}

get_without_room_tells_the_header() {
	ready
	exec 3<$CTL
	submit io op=write length=$((2 * PAGE))
	_get transfer=null
	is vec_count "$(_field vec_count)" 2
	_put
	finish io
}

get_with_a_bad_address_takes_nothing() {
	ready
	exec 3<$CTL
	submit io op=write
	expect EFAULT legacy get @3 transfer=bad
	pending 1
	_get
	_put
	finish io
}

# An id is no kernel address and is never used twice.
ids_are_neither_addresses_nor_used_again() {
	ready
	exec 3<$CTL
	for n in 1 2 3 4 5; do
		submit io op=write
		_get
		case $(_field id) in
		0 | 0xffff????????????) fail "id $(_field id)" ;;
		esac
		_field id >>"$T/ids"
		_put
		finish io
	done
	is "ids that repeat" "$(sort "$T/ids" | uniq -d)" ""
}

# Only the exact id finds a request; 0 does not mean "the first one".
put_with_a_wrong_id_is_ENOMSG() {
	_owned_write
	expect ENOMSG _put id=0
	expect ENOMSG _put id=1
	expect ENOMSG _put id=0xffffffffffffffff
	expect ENOMSG _put id=$(($(_field id) ^ 1))
	expect ENOMSG _put id=$(($(_field id) ^ (1 << 40)))
	_put
	expect ENOMSG _put
	finish io
}

put_by_another_open_file_is_ENOMSG() {
	_owned_write
	expect ENOMSG legacy put $CTL from="$T/request"
	_put
	finish io
}

# A request has one owner, so no other get returns it.
a_request_is_got_once() {
	_owned_write
	expect ENOMSG legacy get $CTL
	expect ENOMSG legacy get @3
	is queue_size "$(_info queue_size)" 1
	_put
	finish io
	is queue_size "$(_info queue_size)" 0
}

# Each field of a put is checked against the request before any data is copied.
a_put_that_does_not_fit_is_EINVAL_and_may_be_repeated() {
	_owned_write
	for bad in sector=2049 sector=0 command=0 command=2 vec_count=2 vec_count=4 vec_count=0 \
		vec_count=100000 result=3 result=0xffffffff len0=$((PAGE - 1)) len1=0 len2=$PAGE len0=$((2 * PAGE)); do
		expect EINVAL _put $bad
	done
	running io || fail "the write was answered"
	_put out="$T/data"
	finish io
	holds "$T/data" $LENGTH 0x61
}

a_put_with_bad_addresses_is_EFAULT_and_may_be_repeated() {
	_owned_read
	expect EFAULT _put transfer=bad
	expect EFAULT _put transfer=null
	for piece in 0 1 2; do
		expect EFAULT _put bad=$piece fill=0x11
	done
	running io || fail "the read was answered"
	_put fill=0x62
	finish io
}

a_write_with_bad_addresses_is_EFAULT_and_may_be_repeated() {
	_owned_write
	expect EFAULT _put transfer=bad
	expect EFAULT _put bad=1
	running io || fail "the write was answered"
	_put transfer=null
	finish io
}

# A request that fails is counted in ab_errors.
media_failure_is_an_error_of_one_request() {
	_owned_read
	_put result=1
	failed io EIO
	is errors "$(_info errors)" 1
	submit io op=write
	_get
	_put
	finish io
	is errors "$(_info errors)" 1
}

# A device failure counts only with a good id, and then it lasts.
device_failure_fails_everything_until_reset() {
	_owned_write
	submit second op=write
	expect ENOMSG _put id=12345 result=2
	running io && running second || fail "a bad id failed the device"
	_put result=2
	failed io EIO
	failed second EIO
	expect EIO io op=read
	reset
	setup
	submit io op=write
	_get
	_put
	finish io
}

device_failure_ends_with_reconnect() {
	_owned_write
	_put result=2
	failed io EIO
	expect EIO io op=write
	legacy setup $CTL blocksize=512 flags=2
	submit io op=write
	_get
	_put
	finish io
}

# A flush moves no data.
a_flush_has_no_pieces() {
	ready flags=$WRITE_CACHE
	exec 3<$CTL
	submit io op=sync
	_get
	is "command, sector, pieces" "$(_field command) $(_field sector) $(_field vec_count)" "2 0 0"
	_put
	finish io
}

a_discard_has_one_piece_with_its_length() {
	ready flags=$((DISCARD | WRITE_ZEROES))
	exec 3<$CTL
	for what in 'discard 3' 'zeroes 4'; do
		submit io op=${what% *} offset=1M length=128K
		_get
		is "command, sector, pieces, length" \
			"$(_field command) $(_field sector) $(_field vec_count) $(_field len0)" "${what#* } 2048 1 131072"
		expect EINVAL _put len0=4096
		_put
		finish io
	done
}

closing_gives_the_request_back() {
	_owned_write
	exec 3<&-
	expect ENOMSG legacy put $CTL from="$T/request"
	exec 3<$CTL
	old=$(_field id)
	_get
	[ "$(_field id)" != "$old" ] || fail "the id did not change"
	expect ENOMSG _put id="$old"
	_put out="$T/data"
	finish io
	holds "$T/data" $LENGTH 0x61
}

poll_tells_POLLMSG_while_something_is_unanswered() {
	ready
	exec 3<$CTL
	is "poll of an idle device" "$(legacy poll @3 timeout=0)" "0 0"
	submit io op=write
	is "poll of a pending request" "$(legacy poll @3)" "1 400"
	_get
	is "poll of an owned request" "$(legacy poll @3)" "1 400"
	_put
	finish io
	is "poll of an answered request" "$(legacy poll @3 timeout=0)" "0 0"
}
