# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Calls of a control node that make no sense or try to do harm; see fuzz.c
# run.sh: seconds 120
# run.sh: torture
# run.sh: kernels 6.12 debug kcsan

_fuzz() { # CALLS CONTROL-NODE DISK [COMMAND...]
	"${@:4}" "$ABUSE_BUILD/fuzz$WIDTH" $2 disk="$3" calls=$(($1 * ${TORTURE:-1} / SLOW)) >"$T/result" 2>&1 ||
		fail "$(<"$T/result")"
	note "$(paste -sd' ' "$T/result")"
}

random_calls_change_no_memory_that_they_do_not_name() {
	load
	_fuzz 300000 $CTL $DISK
}

calls_of_32_bit_clients() {
	load
	WIDTH=32
	_fuzz 100000 $CTL $DISK
}

calls_that_map_the_disk() {
	modprobe brd rd_nr=1 rd_size=16384
	client io /dev/ram0 op=write length=16M byte=0x74
	load
	_fuzz 100000 "$CTL target=/dev/ram0" $DISK
	wait_for modprobe -r brd
}

# The user nobody owns the control node and the disk of the second device.
an_unprivileged_user_with_a_node_reaches_that_device_alone() {
	load
	setup flags=$WRITE_CACHE
	serve "$(store image 16M)"
	spawn fio "${FIO[@]}" --name=verify --rw=randwrite --bsrange=4k-64k --iodepth=8 --size=16M --loops=1000 --runtime=5 \
		--time_based --verify=crc32c --verify_backlog=64 --verify_fatal=1
	client status $CTL | grep -vE 'gets|puts|pending|owned' >"$T/before"
	client setup /dev/abctl1 block_size=512 flags=$((WRITE_CACHE | DISCARD | WRITE_ZEROES))
	chown nobody /dev/abctl1 /dev/abuse1
	cp "$ABUSE_BUILD/fuzz" "$ABUSE_BUILD/client" "$T"
	nobody=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
	expect EACCES "${nobody[@]}" "$T/client" status $CTL
	expect EACCES "${nobody[@]}" "$T/client" io $DISK op=read
	expect EACCES "${nobody[@]}" "$T/client" status /dev/abctl2
	ABUSE_BUILD=$T _fuzz 50000 /dev/abctl1 /dev/abuse1 "${nobody[@]}"
	finish fio
	client status $CTL | grep -vE 'gets|puts|pending|owned' | diff "$T/before" - || fail "the other device changed"
	end
}
