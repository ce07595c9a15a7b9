# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# ABUSE_XFER: answers and requests in one call

_read() { ready block_size=512; exec 3<$CTL; submit io op=check offset=1M length=8704 byte=0x62; take 3; }
_write() { ready block_size=512; exec 3<$CTL; submit io op=write offset=1M length=8704 byte=0x61; take 3; }

structure_rules() {
	ready
	for bad in size=0 size=8 size=63 flags=4 flags=0x80000000 queue=1 queue=0xfffffffe gets=4097 nr_puts=4097 \
		"buffer=2M buffer_shift=1" "buffer=2M buffer_shift=512" buffer=4096 \
		"buffer=2M buffer_size=0xfffffffffffff000"; do
		# shellcheck disable=SC2086
		expect EINVAL client xfer $CTL gets=1 $bad
	done
	expect E2BIG client xfer $CTL gets=1 size=80 tail=1
	client xfer $CTL gets=1 size=80
	client xfer $CTL
	client xfer $CTL gets=4096
}

a_wrong_structure_puts_nothing() {
	_write
	for bad in flags=4 queue=7 size=8; do
		expect EINVAL client xfer @3 put=$id0 $bad
	done
	running io || fail "it was put"
	answer 3 $id0
	finish io
}

bad_addresses_are_EFAULT_and_lose_nothing() {
	_write
	expect EFAULT client xfer @3 put=$id0 puts=bad
	submit second op=write
	expect EFAULT client xfer @3 gets=1 gets_at=bad
	expect EFAULT client xfer @3 gets=1 arg=bad
	expect EFAULT client xfer @3 gets=1 arg=readonly
	pending 1
	answer 3 $id0
	finish io
	take 3
	answer 3 $id0
	finish second
}

a_write_brings_its_data_at_the_put() {
	_write
	is "the request" "$command0 $sector0 $length0 $flags0 $address0" "1 2048 8704 0 0"
	still_waits io
	answer 3 $id0 out="$T/data:8704"
	finish io
	holds "$T/data" 8704 0x61
}

a_write_can_bring_its_data_at_the_get() {
	ready block_size=512
	exec 3<$CTL
	submit a op=write offset=1M length=8704 byte=0x61
	submit b op=write offset=2M length=512 byte=0x62
	submit c op=check offset=3M length=4096 byte=0x63
	take 3 gets=10 buffer=1M dump="$T/buffer"
	is "pieces of the buffer" "$nr_gets $address0 $address1 $address2" "3 buffer+0 buffer+12288 buffer+16384"
	head -c 8704 "$T/buffer" >"$T/a"
	holds "$T/a" 8704 0x61
	tail -c +12289 "$T/buffer" | head -c 512 >"$T/b"
	holds "$T/b" 512 0x62
	tail -c +12801 "$T/buffer" >"$T/rest"
	holds "$T/rest" $((1048576 - 12800)) 0xa5
	answer 3 $id0:0:0
	answer 3 $id1:0:0
	answer 3 $id2 fill=0x63
	for name in a b c; do
		finish $name
	done
}

what_does_not_fit_in_the_buffer_stays_pending() {
	ready max_request=64K
	exec 3<$CTL
	for name in a b c; do
		submit $name op=write length=64K
	done
	take 3 gets=10 buffer=$((128 << 10))
	is "requests handed out, pending" "$nr_gets $(status pending)" "2 1"
	exec 3<&-
	serve
	for name in a b c; do
		finish $name
	done
	end
}

a_read_gets_the_bytes_that_were_put() {
	_read
	is "the request" "$command0 $sector0 $length0" "0 2048 8704"
	answer 3 $id0 fill=0x62
	finish io
}

# A short or missing answer must not leak kernel memory.
a_put_from_a_bad_address_is_EFAULT_and_may_be_repeated() {
	_read
	refused 3 EFAULT $id0:0:bad fill=1
	refused 3 EFAULT $id0:0:half fill=2
	refused 3 EFAULT $id0:0:0
	still_waits io
	answer 3 $id0 fill=0x62
	finish io
}

a_write_put_to_a_bad_address_may_be_repeated() {
	_write
	refused 3 EFAULT $id0:0:bad
	refused 3 EFAULT $id0:0:half
	still_waits io
	answer 3 $id0:0:data out="$T/data:8704"
	finish io
	holds "$T/data" 8704 0x61
}

a_failed_read_brings_nothing() {
	ready
	exec 3<$CTL
	submit io op=read length=64K
	take 3
	answer 3 $id0:1 fill=1
	failed io EIO
	! has "$T/io" changed || fail "memory of the reader was changed"
	serve fail=1
	expect EIO io op=read buffered=1
	end
}

an_unknown_result_is_EINVAL() {
	_write
	refused 3 EINVAL $id0:8
	refused 3 EINVAL $id0:4294967295
	running io || fail "it was answered"
	answer 3 $id0
	finish io
}

one_bad_put_does_not_spoil_its_neighbours() {
	ready
	exec 3<$CTL
	submit a op=write
	submit b op=check offset=1M byte=5
	submit c op=write offset=2M
	take 3 gets=3
	client xfer @3 put=0 put=$id0:0:0 put=$id1:0:bad put=$id0 put=$id1:7 put=$id1:0:data put=$id2:1 fill=5 >"$T/xfer"
	is "what became of the puts" "$(sed -n 's/^put[0-9]*=//p' "$T/xfer" | paste -sd' ')" \
		"ENOMSG 0 EFAULT ENOMSG EINVAL 0 0"
	shows "$T/xfer" '^nr_puts=3$'
	finish a
	finish b
	failed c EIO
	is "puts, stale, errors" "$(status puts) $(status stale) $(status errors)" "3 2 1"
}

a_copy_is_no_answer() {
	_write
	for n in 1 2; do
		client xfer @3 put=$id0:3 out="$T/data$n:8704" >"$T/xfer"
		shows "$T/xfer" '^put0=0$'
		holds "$T/data$n" 8704 0x61
	done
	refused 3 EFAULT $id0:3:bad
	still_waits io
	is "owned" "$(status owned)" 1
	answer 3 $id0:0:0
	finish io
	submit read op=check byte=0x62
	take 3
	client xfer @3 put=$id0:3 fill=0x11 >"$T/xfer"
	still_waits read
	answer 3 $id0 fill=0x62
	finish read
}

# ABUSE_XFER_NO_FAULT
a_put_can_refuse_to_wait_for_memory() {
	ready
	exec 3<$CTL
	submit io op=check byte=0
	take 3
	refused 3 EAGAIN $id0:0:absent flags=2
	still_waits io
	answer 3 $id0:0:absent
	finish io
	submit io op=check byte=7
	take 3
	answer 3 $id0 fill=7 flags=2
	finish io
}

after_a_bad_put_the_call_does_not_wait() {
	ready
	client xfer $CTL put=1 gets=1 min=1 timeout=-1 >"$T/xfer"
	shows "$T/xfer" '^put0=ENOMSG$'
	shows "$T/xfer" '^nr_gets=0$'
}

device_failure_fails_all_until_reconnect() {
	_write
	submit second op=write
	answer 3 $id0:2
	failed io EIO
	failed second EIO
	expect EIO io op=read
	expect EIO io op=write
	setup block_size=512 flags=$RECONNECT
	serve
	io op=check
	end
}

puts_and_gets_in_one_call() {
	_write
	submit second op=write offset=4K
	client xfer @3 put=$id0 gets=1 >"$T/xfer"
	shows "$T/xfer" '^put0=0$'
	shows "$T/xfer" '^nr_gets=1$'
	shows "$T/xfer" '^sector0=8$'
	finish io
	id0=$(sed -n s/^id0=//p "$T/xfer")
	answer 3 "$id0"
	finish second
}

min_gets_and_timeout() {
	ready
	exec 3<$CTL
	client xfer @3 gets=4 min=2 timeout=200 >"$T/xfer"
	shows "$T/xfer" '^nr_gets=0$'
	submit a op=write
	client xfer @3 gets=4 min=2 timeout=200 >"$T/xfer"
	shows "$T/xfer" '^nr_gets=1$'
	spawn wait client xfer @3 gets=4 min=2 timeout=-1
	spawn b client io $DISK op=write
	pause 0.3
	running wait || fail "it did not wait for two: $(<"$T/wait")"
	spawn c client io $DISK op=write
	finish wait
	shows "$T/wait" '^nr_gets=2$'
	exec 3<&-
	serve
	for name in a b c; do
		finish $name
	done
	end
}

a_signal_interrupts_and_loses_nothing() {
	ready
	serve
	for n in {1..20}; do
		kill -STOP "${PID[server]}"
		kill -CONT "${PID[server]}"
		io op=write
	done
	end
}

drain_ends_waiting_and_lets_puts_through() {
	ready
	exec 3<$CTL
	submit first op=write
	take 3
	spawn wait client xfer @3 gets=1 min=1 timeout=-1
	still_waits wait
	client xfer @3 flags=1
	finish wait
	shows "$T/wait" '^nr_gets=0$'
	submit second op=write
	client xfer @3 gets=1 min=1 timeout=-1 >"$T/xfer"
	shows "$T/xfer" '^nr_gets=0$'
	answer 3 $id0
	finish first
	exec 4<$CTL
	take 4
	answer 4 $id0
	finish second
}

without_setup_it_is_ENODEV() {
	load
	expect ENODEV client xfer $CTL
	expect ENODEV client xfer $CTL gets=1 min=1 timeout=-1
}

a_32_bit_client_has_the_same_abi() {
	ready
	WIDTH=32
	exec 3<$CTL
	submit a op=write byte=6
	take 3 buffer=1M dump="$T/buffer"
	answer 3 $id0 out="$T/data:4096"
	finish a
	holds "$T/data" 4096 6
	head -c 4096 "$T/buffer" >"$T/piece"
	holds "$T/piece" 4096 6
	serve "$(store image 16M)" batch=4
	io op=write byte=8 threads=20
	io op=check byte=8 threads=20
	end
}

the_server_in_the_manual_is_a_disk() {
	load
	spawn example "$ABUSE_BUILD/example" $CTL
	wait_for test -b $DISK
	head -c 16M /dev/urandom >"$T/random"
	dd if="$T/random" of=$DISK bs=1M oflag=direct status=none
	echo 3 >/proc/sys/vm/drop_caches
	cmp "$T/random" $DISK || fail "the disk does not hold what was written"
	reset
	failed example "$CTL: No such device"
}

elements_may_grow() {
	local output
	ready
	exec 3<$CTL
	submit a op=write
	submit b op=write offset=8K
	take 3 gets=2 get_size=64
	is "sectors" "$sector0 $sector1" "0 16"
	is "what the kernel does not know" $get_tail 0
	is "behind the last one" $get_end $((0xa5))
	refused 3 E2BIG "$id0" put_size=80 put_tail=1
	is owned "$(status owned)" 2
	output=$(client xfer @3 put="$id0" put="$id1" put_size=80)
	[[ $output == *put0=0*put1=0* ]] || fail "puts: $output"
	finish a
	finish b
	expect EINVAL client xfer @3 put_size=32
	expect EINVAL client xfer @3 put_size=44
	expect EINVAL client xfer @3 get_size=24
	expect E2BIG client xfer @3 get_size=512
}

a_part_is_copied() {
	ready
	exec 3<$CTL
	serve writer "$(store image 16M)"
	for n in 0 1 2 3; do
		io op=write offset=$((n * 4096)) byte=$((n + 1))
	done
	end writer
	submit io op=write length=16K byte=9
	take 3
	answer 3 "$id0:3" offset=4096 length=8192 out="$T/part:12288"
	{ bytes 8192 9 && bytes 4096 0; } | cmp - part || fail "the part differs"
	answer 3 "$id0:3" offset=12288 fill=1 out="$T/part:8192"
	{ bytes 4096 9 && bytes 4096 1; } | cmp - part || fail "the rest differs"
	refused 3 EINVAL "$id0:3" offset=16385
	refused 3 EINVAL "$id0:3" offset=4096 length=12289
	refused 3 EINVAL "$id0:0" offset=4096
	refused 3 EINVAL "$id0:0" length=4096
	refused 3 EINVAL "$id0:0" reserved=1
	is owned "$(status owned)" 1
	answer 3 "$id0"
	finish io
}

puts_of_one_request_are_carried_out_in_their_order() {
	_write
	client xfer @3 put=$id0:3:data put=$id0:0:0 pieces=8192,512 out="$T/data:12800" >"$T/xfer"
	shows "$T/xfer" '^put0=0$'
	shows "$T/xfer" '^put1=0$'
	finish io
	{ bytes 8192 0x61 && bytes 4096 0 && bytes 512 0x61; } | cmp - data || fail "the data is another"
	submit io op=read offset=1M length=512
	take 3
	client xfer @3 put=$id0:3:data put=$id0:1:bad pieces=512 >"$T/xfer"
	shows "$T/xfer" '^put1=0$'
	failed io EIO
}

data_may_be_in_pieces() {
	ready
	exec 3<$CTL
	submit io op=check length=16K byte=5
	take 3
	refused 3 EINVAL "$id0" pieces=4096,8192 fill=5
	refused 3 EINVAL "$id0" pieces=4096,8192,8192 fill=5
	refused 3 EFAULT "$id0:0:bad" pieces=4096,8192,4096 fill=5
	answer 3 "$id0" pieces=4095,1,0,8193,4095 fill=5
	finish io
	submit io op=write length=16K byte=6
	take 3
	answer 3 "$id0" pieces=8192,8192 out="$T/data:20480"
	{ bytes 8192 6 && bytes 4096 0 && bytes 8192 6; } | cmp - data || fail "the pieces differ"
	finish io
	submit io op=write length=8K
	take 3
	answer 3 "$id0:1" pieces=1
	failed io EIO
}

# Four bios of 256 vectors each are copied in parts whose borders are not those of the bios.
each_byte_of_many_vectors_has_its_place() {
	local lengths=1,511,131071,1,262143,130561 length offset=0
	ready block_size=512
	exec 3<$CTL
	head -c 512K /dev/urandom >"$T/bytes"
	for length in ${lengths//,/ }; do
		tail -c +$((offset + 1)) "$T/bytes" | head -c "$length"
		bytes 4096 0
		offset=$((offset + length))
	done >"$T/pieces"
	submit io op=write length=512K vector=512 from="$T/bytes"
	take 3
	is "the request's length" "$length0" 524288
	answer 3 "$id0:3" pieces=$lengths out="$T/data:$((524288 + 6 * 4096))"
	cmp "$T/pieces" "$T/data" || fail "the pieces differ"
	answer 3 "$id0:3" out="$T/data:524288"
	cmp "$T/bytes" "$T/data" || fail "the bytes differ"
	for offset in 0 511 131071 131072 131073 524287; do
		length=$((524288 - offset < 200000 ? 524288 - offset : 200000))
		answer 3 "$id0:3" offset=$offset length=$length out="$T/data:$length"
		tail -c +$((offset + 1)) "$T/bytes" | head -c $length | cmp - "$T/data" || fail "the part at $offset differs"
	done
	answer 3 "$id0:0:0"
	finish io
	submit io op=check length=512K vector=512 from="$T/bytes"
	take 3
	answer 3 "$id0" pieces=$lengths in="$T/pieces"
	finish io
}

a_request_named_twice_is_put_once() {
	local output
	ready
	exec 3<$CTL
	submit io op=write byte=3
	take 3
	output=$(client xfer @3 put="$id0:3" put="$id0" put="$id0" out="$T/data:4096")
	[[ $output == *put0=0*put1=0*put2=ENOMSG* ]] || fail "puts: $output"
	holds data 4096 3
	finish io
	is "puts, stale" "$(status puts) $(status stale)" "1 1"
}
