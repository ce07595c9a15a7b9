# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Mapped disks: servers get what is not mapped

# shellcheck source=vm/tests/map.sh
. "${BASH_SOURCE[0]%/*}/map.sh"

what_is_unmapped_is_for_servers_again() {
	_ready
	_map 0:64K:0:/dev/ram0:w
	io op=read
	io op=read nowait=1
	_unmap 0:64K
	exec 3<$CTL
	submit read op=read nowait=1
	take 3
	answer 3 "$id0"
	finish read
}

# However many extents there are, and wherever a node of their tree ends
a_hole_between_two_extents_is_one_request() {
	_ready
	N=128 _map 0:4K:0:/dev/ram0:w times=128 step=64K
	truncate -s 32M "$T/image"
	serve store="$T/image"
	io op=write offset=4K length=60K stride=64K threads=127 byte=0x6f
	io op=check offset=4K length=60K stride=64K threads=127 byte=0x6f
	is "gets and misses" "$(status gets) $(status misses)" "254 254"
	end
}

# Nor by a processor that knew it as a hole
what_is_mapped_in_a_pause_is_not_missed() {
	local cpu=(taskset -c 0 "$ABUSE_BUILD/client" io "$DISK") n
	_ready
	exec 3<$CTL
	for n in 1 2; do
		spawn read "${cpu[@]}" op=read
		pending 1
		take 3
		answer 3 "$id0"
		finish read
	done
	client quiesce $CTL
	spawn read "${cpu[@]}" op=check length=64K byte=0x41
	blocked read 1
	is pending "$(status pending)" 0
	_map 0:64K:0:/dev/ram0
	client quiesce $CTL flags=1
	finish read
	is gets "$(status gets)" 2
}

# A part of it could have to wait when another one is under way, and its submitter would be told too late.
who_must_not_wait_comes_back_before_any_part_is_under_way() {
	_ready
	_map 0:64K:0:/dev/ram0:w
	_map 64K:64K:0:/dev/ram1:w
	spawn nowait client io $DISK op=read length=128K nowait=1
	failed nowait EAGAIN
	exec 3<$CTL
	submit read op=read offset=128K length=4K nowait=1
	take 3
	_map 128K:4K:128K:/dev/ram0
	answer 3 "$id0:$RETRY" # a server had it, so nobody waits who must not
	finish read
	"${FIO[@]}" --name=cut --size=128K --rw=randrw --bs=128k --iodepth=8 --number_ios=50 --loops=50
}

a_server_maps_and_has_the_request_submitted_anew() {
	_ready
	exec 3<$CTL
	submit read op=check length=64K byte=0x41
	take 3
	_map 0:64K:0:/dev/ram0
	answer 3 "$id0:$RETRY"
	finish read
	submit write op=write length=64K byte=0x64
	take 3
	answer 3 "$id0:$RETRY" # it comes back
	take 3 min=1 timeout=60000000000
	_map 0:64K:0:/dev/ram0:w flags=$REPLACE
	answer 3 "$id0:$RETRY"
	finish write
	client io /dev/ram0 op=check length=64K byte=0x64
	submit flush op=sync
	take 3
	refused 3 EINVAL "$id0:$RETRY"
	answer 3 "$id0"
	finish flush
	is "errors" "$(status errors)" 0
}

a_request_that_is_cut_may_be_submitted_anew() {
	local n
	_ready max_request=64K
	exec 3<$CTL
	submit_soon read op=check length=256K byte=0x41
	pending 4
	take 3 gets=4
	_map 0:1M:0:/dev/ram0
	for n in "$id0:0" "$id1:$RETRY" "$id2:0" "$id3:0"; do answer 3 "$n"; done
	finish read
}

what_is_submitted_anew_is_counted_once() {
	_ready
	exec 3<$CTL
	submit read op=check length=64K byte=0x41
	take 3
	_map 0:64K:0:/dev/ram0
	answer 3 "$id0:$RETRY"
	finish read
	is statistics "$(_statistics)" "1 128 0 0 0"
	submit write op=write length=8K byte=0x64
	take 3
	answer 3 "$id0:$RETRY"
	take 3 min=1 timeout=60000000000
	answer 3 "$id0"
	finish write
	is statistics "$(_statistics)" "1 128 1 16 0"
	dmsetup create "abuse-map" --table "0 16384 error"
	_map 1M:1M:0:/dev/dm-0:w
	submit write op=write offset=1M
	take 3
	is flags "$((flags0 & FAULT))" $FAULT
	answer 3 "$id0"
	finish write
	is statistics "$(_statistics)" "1 128 2 24 0"
	_unmap 1M:1M
	dmsetup remove "abuse-map"
}

_statistics() { awk '{ print $1, $3, $5, $7, $9 }' $SYS/stat; }

stuck_requests_do_not_hold_up_what_is_mapped() {
	_ready queue_depth=2
	_map 0:1M:0:/dev/ram0:w
	spawn stuck client io $DISK op=write offset=2M threads=8
	pending 2
	io op=check length=64K byte=0x41
	reset
	failed stuck EIO
}

a_backend_in_java_maps_at_a_miss() {
	_targets
	ready capacity=8M flags=$((MAPPABLE | WRITE_CACHE)) queues=2
	start server --plugin "$ABUSE_BUILD/miss.jar" miss:/dev/ram0
	"${FIO[@]}" --name=verify --size=8M --rw=randwrite --bsrange=4k-256k --iodepth=16 --verify=crc32c \
		--verify_fatal=1 --verify_dump=0 >"$T/fio" || fail "fio: $(<"$T/fio")"
	[ "$(status mapped_writes)" -gt 0 ] || fail "nothing was mapped"
	cmp $DISK /dev/ram0 >"$T/cmp" || fail "not the bytes of the device: $(<"$T/cmp")"
	is errors "$(status errors)" 0
	stop server
	is "what the server said" "$(wc -l <"$T/server")" 1
}
