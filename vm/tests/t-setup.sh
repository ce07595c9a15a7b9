# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# ABUSE_SETUP and ABUSE_STATUS, and what sysfs shows of a setup

_disk_size() { io op=size | sed 's/size=//'; }

status_before_setup_is_zero() {
	load
	client status /dev/abctl4 >"$T/status"
	shows "$T/status" '^number=4$'
	shows "$T/status" '^tail=untouched$'
	is "fields that are not 0" "$(grep -vE '=0$|^number|^tail' "$T/status")" ""
	is state "$(status state)" 0
}

status_tells_what_setup_said() {
	ready capacity=64M block_size=512 queue_depth=33 queues=2 max_request=64K timeout_ms=77000 \
		flags=$((RO | WRITE_CACHE | DISCARD | WRITE_ZEROES))
	client status $CTL >"$T/status"
	cat >"$T/expected" <<-EOF
		flags=29
		device=0x3c00
		capacity=67108864
		number=0
		block_size=512
		queue_depth=33
		queues=2
		max_request=65536
		timeout_ms=77000
		pending=0
		owned=0
		gets=0
		puts=0
		redelivered=0
		stale=0
		timeouts=0
		errors=0
		tail=untouched
	EOF
	diff "$T/expected" "$T/status" || fail "other than expected"
}

defaults_are_one_queue_and_1_MiB_requests() {
	ready
	is queues "$(status queues)" 1
	is max_request "$(status max_request)" 1048576
	is timeout "$(status timeout_ms)" 0
}

# Every field has bounds on both sides, and no value divides by 0.
nonsense_is_refused_and_changes_nothing() {
	load
	for bad in block_size=0 block_size=1 block_size=3 block_size=256 block_size=1000 block_size=131072 \
		block_size=0x80000000 capacity=0 capacity=512 capacity=16777215 queue_depth=0 queue_depth=4097 \
		queue_depth=0xffffffff queues=3 queues=0xffffffff max_request=512 max_request=6000 \
		max_request=2M max_request=0xffffffff timeout_ms=86400001 timeout_ms=0xffffffff \
		orphan_ms=86400001 orphan_ms=0xffffffff unserved_ms=86400001 unserved_ms=0xffffffff \
		physical_block_size=1 physical_block_size=512 physical_block_size=6000 physical_block_size=2M flags=512 flags=0x80000000 size=0 size=8 size=39; do
		expect EINVAL setup $bad
	done
	expect EFBIG setup capacity=0x8000000000000000
	expect EFBIG setup capacity=0xfffffffffffff000
	is capacity "$(status capacity)" 0
	[ ! -e $SYS ] || fail "there is a disk"
}

structures_may_grow() {
	load
	expect E2BIG setup size=80 tail=1
	setup size=80
	is capacity "$(status capacity)" 16777216
	expect EINVAL client status $CTL size=0
	expect EINVAL client status $CTL size=8
	expect EINVAL client status $CTL size=928
	client status $CTL size=936 >"$T/status" # the size in its first release
	shows "$T/status" '^tail=untouched$'
	reset
	setup size=40 orphan_ms=1000 # that of its first version: the rest counts as 0
	is orphan_ms "$(status orphan_ms)" 0
	client status $CTL size=2000 >"$T/status"
	shows "$T/status" '^capacity=16777216$'
	shows "$T/status" '^tail=untouched$'
}

each_block_size_becomes_that_of_the_disk() {
	load
	for size in 512 1024 2048 4096; do
		setup block_size=$size capacity=$((size * 99))
		is logical_block_size "$(<$QUEUE/logical_block_size)" $size
		is "size of the disk" "$(_disk_size)" $((size * 99))
		expect EINVAL io offset=$((size / 2)) length=$size
		reset
	done
}

the_queue_tells_its_limits() {
	ready queue_depth=32 max_request=128K queues=2
	is max_hw_sectors_kb "$(<$QUEUE/max_hw_sectors_kb)" 128
	is rotational "$(<$QUEUE/rotational)" 0
	is "hardware queues" "$(cd $SYS/mq && echo *)" "0 1"
	echo none >$QUEUE/scheduler
	is nr_requests "$(<$QUEUE/nr_requests)" 32
}

flush_and_fua_are_offered_with_a_write_cache_only() {
	ready
	is write_cache "$(<$QUEUE/write_cache)" "write through"
	is fua "$(<$QUEUE/fua)" 0
	reset
	setup flags=$WRITE_CACHE
	is write_cache "$(<$QUEUE/write_cache)" "write back"
	is fua "$(<$QUEUE/fua)" 1
}

discard_and_write_zeroes_are_offered_when_set_up() {
	ready
	is discard_max_bytes "$(<$QUEUE/discard_max_bytes)" 0
	is write_zeroes_max_bytes "$(<$QUEUE/write_zeroes_max_bytes)" 0
	expect EOPNOTSUPP io op=discard
	reset
	setup flags=$DISCARD
	[ "$(<$QUEUE/discard_max_bytes)" -gt 0 ] || fail "no discard"
	is write_zeroes_max_bytes "$(<$QUEUE/write_zeroes_max_bytes)" 0
	reset
	setup flags=$WRITE_ZEROES
	is discard_max_bytes "$(<$QUEUE/discard_max_bytes)" 0
	[ "$(<$QUEUE/write_zeroes_max_bytes)" -gt 0 ] || fail "no write zeroes"
}

a_live_device_needs_reconnect() {
	ready
	expect EBUSY setup capacity=32M
	expect EBUSY setup
	is capacity "$(status capacity)" 16777216
	reset
	setup block_size=512
	expect EBUSY setup block_size=4096
}

reconnect_may_grow_and_not_shrink() {
	ready
	exec 3<$DISK
	setup capacity=32M flags=$RECONNECT
	is capacity "$(status capacity)" 33554432
	is "size that an old opener sees" "$(client io @3 op=size)" size=33554432
	expect EINVAL setup capacity=16M flags=$RECONNECT
	is capacity "$(status capacity)" 33554432
	is flags "$(status flags)" 0
}

# The depth may rise again to what the first setup said.
reconnect_may_lower_the_depth_and_raise_it_again() {
	ready queue_depth=64
	setup queue_depth=2 flags=$RECONNECT
	is queue_depth "$(status queue_depth)" 2
	setup queue_depth=64 flags=$RECONNECT
	is queue_depth "$(status queue_depth)" 64
	expect EINVAL setup queue_depth=65 flags=$RECONNECT
	expect EINVAL setup queue_depth=0 flags=$RECONNECT
}

a_lowered_depth_holds() {
	ready queue_depth=64
	setup queue_depth=2 flags=$RECONNECT
	spawn writers client io $DISK op=write threads=20 stride=64K
	pending 2
	pause 0.3
	is pending "$(status pending)" 2
	exec 3<$CTL
	take 3 gets=20
	is "requests to be had" "$nr_gets" 2
	setup queue_depth=64 flags=$RECONNECT
	pending 18
	exec 3<&-
	serve
	finish writers
	end
}

# The failure is still at work in many slots and in two queues when the reconnect comes.
what_comes_after_a_reconnect_knows_nothing_of_the_failure_before() {
	ready queue_depth=4096 queues=2
	client failure-race $CTL disk=$DISK rounds=30 >"$T/race"
	shows "$T/race" '^failed=0$'
}

reconnect_keeps_what_may_not_change() {
	load
	local now="flags=$((RECONNECT | WRITE_CACHE))"
	setup flags=$WRITE_CACHE max_request=64K queues=2
	for bad in block_size=512 queues=1 max_request=128K flags=$RECONNECT \
		flags=$((RECONNECT | WRITE_CACHE | DISCARD)) flags=$((RECONNECT | WRITE_CACHE | WRITE_ZEROES)); do
		expect EINVAL setup "$now" "$bad"
	done
	setup "$now"
	setup "$now" queues=2 max_request=64K timeout_ms=5000
	is "queues, max_request, timeout_ms" "$(status queues) $(status max_request) $(status timeout_ms)" "2 65536 5000"
}

reconnect_sets_up_what_is_not() {
	ready flags=$((RECONNECT | DISCARD))
	is flags "$(status flags)" $DISCARD
}

# I/O in flight survives a reconnect.
reconnect_leaves_requests_alone() {
	ready
	exec 3<$CTL
	submit owned op=write byte=1
	take 3
	submit pending op=write byte=2
	setup flags=$RECONNECT capacity=32M queue_depth=64
	pause 0.2
	running owned && running pending || fail "requests ended"
	answer 3 $id0 out="$T/first:4096"
	finish owned
	holds "$T/first" 4096 1
	take 3
	answer 3 $id0
	finish pending
}

a_disk_made_read_only_refuses_writes() {
	ready
	exec 5<>$DISK
	client io @5 op=write buffered=1 length=$PAGE # a part of a page would be read first
	setup flags=$((RECONNECT | RO))
	is ro "$(<$SYS/ro)" 1
	is flags "$(status flags)" $RO
	expect 'EIO|EPERM|EROFS' client io @5 op=write buffered=1 length=$PAGE
	serve
	# A page that was already dirty reaches the driver as a write.
	expect EIO client io @5 op=sync
	exec 5<&-
	expect 'EACCES|EPERM|EROFS' io op=write
	io op=check
	setup flags=$RECONNECT
	is ro "$(<$SYS/ro)" 0
	io op=write
	end
}

a_read_only_disk_is_readable() {
	ready flags=$RO
	is ro "$(<$SYS/ro)" 1
	serve
	io op=check
	expect 'EACCES|EPERM|EROFS' io op=write
	end
}

# The owner and the mode of the control node decide who may use the device.
a_node_can_be_given_to_a_user() {
	ready
	chown nobody /dev/abctl1
	cp "$ABUSE_BUILD/client" "$T/client"
	chmod 755 "$T" "$T/client"
	setpriv --reuid nobody --clear-groups "$T/client" setup /dev/abctl1
	expect EACCES setpriv --reuid nobody --clear-groups "$T/client" status $CTL
	[ -e /dev/abuse1 ] || fail "no disk"
}

many_setups_and_resets_leave_nothing() {
	load
	for n in {1..30}; do
		setup queue_depth=$((n * 10)) queues=$((n % 2 + 1))
		reset
	done
	reset
	reset
}

the_physical_block_size_becomes_that_of_the_disk() {
	load
	setup block_size=512 physical_block_size=4096
	is physical_block_size "$(<$QUEUE/physical_block_size) $(status physical_block_size)" "4096 4096"
	is logical_block_size "$(<$QUEUE/logical_block_size)" 512
	expect EINVAL setup block_size=512 physical_block_size=8192 flags=$RECONNECT
	setup block_size=512 flags=$RECONNECT
	setup block_size=512 physical_block_size=4096 flags=$RECONNECT
	reset
	setup block_size=4096
	is physical_block_size "$(<$QUEUE/physical_block_size) $(status physical_block_size)" "4096 4096"
	expect EINVAL setup block_size=4096 physical_block_size=512 flags=$RECONNECT
}

# hints VALUE...: what status tells of the hints, and the disk of most of them
_hints() {
	local what value
	for what in io_min io_opt discard_granularity max_discard max_write_zeroes; do
		value=$(status $what)
		is $what "$value" "$1"
		case $what in
		io_min) is $what "$(<$QUEUE/minimum_io_size)" "$1" ;;
		io_opt) is $what "$(<$QUEUE/optimal_io_size)" "$1" ;;
		discard_granularity) is $what "$(<$QUEUE/$what)" "$1" ;;
		*) is "${what}_bytes" "$(<$QUEUE/${what/max_}_max_bytes)" "$1" ;;
		esac
		shift
	done
}

the_hints_become_those_of_the_disk() {
	local all=$((WRITE_CACHE | DISCARD | WRITE_ZEROES | ROTATIONAL)) bad
	load
	setup
	_hints 4096 0 0 0 0
	is rotational "$(<$QUEUE/rotational)" 0
	reset
	setup block_size=512 physical_block_size=4096 flags=$((DISCARD | WRITE_ZEROES))
	_hints 4096 0 4096 4293918720 4293918720
	reset
	setup io_min=64K io_opt=1M discard_granularity=32K max_discard=1M max_write_zeroes=2M flags=$all
	_hints 65536 1048576 32768 1048576 2097152
	is rotational "$(<$QUEUE/rotational)" 1
	is flags "$(status flags)" $all
	setup flags=$((all | RECONNECT))
	setup io_min=64K io_opt=1M discard_granularity=32K max_discard=1M max_write_zeroes=2M flags=$((all | RECONNECT))
	for bad in io_min=32K io_opt=2M discard_granularity=4K max_discard=2M max_write_zeroes=1M; do
		expect EINVAL setup $bad flags=$((all | RECONNECT))
	done
	expect EINVAL setup flags=$(((all ^ ROTATIONAL) | RECONNECT))
	expect EINVAL setup flags=$((all | PARTSCAN | RECONNECT))
	_hints 65536 1048576 32768 1048576 2097152
	legacy setup $CTL flags=$RECONNECT size=16M blocksize=4096
	is flags "$(status flags)" $all
	reset
	for bad in io_min=6000 io_min=17M io_opt=6000 io_opt=17M discard_granularity=6000 max_discard=6000 max_discard=4294963200 \
		"discard_granularity=1M max_discard=3145732" max_write_zeroes=512 max_write_zeroes=4294963200 reserved=1; do
		expect EINVAL setup $bad flags=$all
	done
	for bad in discard_granularity=4K max_discard=1M max_write_zeroes=1M; do
		expect EINVAL setup $bad
	done
	setup
	expect EINVAL setup max_discard=1M max_write_zeroes=1M flags=$((all | RECONNECT)) # nor was it offered before
}

# A range is cut where the storage's limit is.
no_discard_is_longer_than_the_longest() {
	ready discard_granularity=64K max_discard=256K max_write_zeroes=128K flags=$((DISCARD | WRITE_ZEROES))
	exec 3<$CTL
	spawn discard client io $DISK op=discard length=512K
	pending 2
	take 3 gets=8
	is "discards" "$nr_gets $length0 $length1" "2 262144 262144"
	answer 3 "$id0"
	answer 3 "$id1"
	finish discard
	spawn zeroes client io $DISK op=zeroes length=256K
	pending 2
	take 3 gets=8
	is "write zeroes" "$nr_gets $length0 $length1" "2 131072 131072"
	answer 3 "$id0"
	answer 3 "$id1"
	finish zeroes
}

status_tells_every_limit() {
	local depth
	load
	for depth in 4096 100; do
		is capacity_limit "$(status capacity_limit)" 9223372036854775807
		is queues_limit "$(status queues_limit)" 2
		is max_request "$(status max_request_least) $(status max_request_limit)" "$PAGE 1048576"
		is timeout_limit_ms "$(status timeout_limit_ms)" 86400000
		is batch_limit "$(status batch_limit)" 4096
		is pieces_limit "$(status pieces_limit)" 1024
		is elements "$(status put_size) $(status get_size)" "40 32"
		is queue_depth_limit "$(status queue_depth_limit)" $depth
		[ "$(status block_size_limit)" -ge 4096 ] || fail "block_size_limit"
		setup queue_depth=100 flags=$RECONNECT
		setup queue_depth=10 flags=$RECONNECT
	done
	is requests_limit "$(status requests_limit)" 16777216
}

a_caller_without_privileges_has_a_limit() {
	local poor=(setpriv --bounding-set -sys_resource --inh-caps -sys_resource "$ABUSE_BUILD/client")
	load
	expect EPERM "${poor[@]}" setup $CTL queue_depth=4096 queues=2
	is requests_limit "$("${poor[@]}" status $CTL only=requests_limit)" 4096
	"${poor[@]}" setup $CTL queue_depth=2048 queues=2
	reset
	setup queue_depth=4096 queues=2
	# A reconnect takes no new memory, so the limit does not apply.
	"${poor[@]}" setup $CTL queue_depth=4096 queues=2 flags=$RECONNECT
}

the_memory_of_a_setup_is_charged() {
	local group=/sys/fs/cgroup/abuse before after
	load
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	mkdir $group
	before=$(<$group/memory.current)
	(
		echo $BASHPID >$group/cgroup.procs
		exec "$ABUSE_BUILD/client" setup $CTL queue_depth=4096 queues=2
	)
	after=$(<$group/memory.current)
	reset
	rmdir $group
	[ $((after - before)) -ge $((2 * 4096 * 64)) ] || fail "charged: $((after - before)) bytes"
}

a_server_that_the_uevent_starts_finds_the_device() {
	load
	client uevents $CTL times=50 >"$T/events"
	shows "$T/events" '^good=50$'
	shows "$T/events" '^none=0$'
	shows "$T/events" '^told=50$'
}
