# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# What the tracepoints of the module say, as abuse(4) describes them

TRACING=/sys/kernel/tracing

_trace() { # begins, with an empty buffer
	echo 0 >$TRACING/tracing_on
	echo 1 >$TRACING/events/abuse/enable
	echo >$TRACING/trace
	echo 1 >$TRACING/tracing_on
}

# Ends, with one line for each event in $T/events: its name, then its fields but for a tag and an id
_traced() {
	echo 0 >$TRACING/tracing_on
	sed -n 's/.* abuse_\([a-z]*\): \(.*\)/\1 \2/p' $TRACING/trace |
		sed -E 's/ tag=[0-9]+//; s/ id=0x[0-9a-f]+//' >"$T/events"
	echo 0 >$TRACING/events/abuse/enable
}

_tell() { # LINE...: all that was traced
	printf '%s\n' "$@" >"$T/expected"
	diff "$T/expected" "$T/events" >&2 || fail "traced is not what is expected"
}

a_request_is_traced_from_its_submission_to_its_answer() {
	load
	_trace
	setup capacity=16M flags=$WRITE_CACHE
	exec 3<$CTL
	submit write op=write offset=4K length=8K byte=1
	take 3
	answer 3 "$id0"
	finish write
	submit sync op=sync
	take 3
	answer 3 "$id0:1"
	failed sync EIO
	exec 3<&-
	setup capacity=32M flags=$((RECONNECT | WRITE_CACHE))
	reset
	_traced
	has "$T/events" '^put .* nsecs=[1-9]' || fail "no latency in: $(<"$T/events")"
	sed -Ei 's/ nsecs=[0-9]+//; s/ flags=0x[0-9a-f]+//' "$T/events"
	_tell 'setup abuse0 capacity=16777216 block_size=4096 queues=1 queue_depth=128' \
		'submit abuse0 queue=0 write sector=8 bytes=8192' \
		'get abuse0 queue=0 write sector=8 bytes=8192' \
		'put abuse0 queue=0 write sector=8 bytes=8192 okay' \
		'submit abuse0 queue=0 flush sector=0 bytes=0' \
		'get abuse0 queue=0 flush sector=0 bytes=0' \
		'put abuse0 queue=0 flush sector=0 bytes=0 media-failure' \
		'setup abuse0 reconnect capacity=33554432 block_size=4096 queues=1 queue_depth=128' \
		'reset abuse0'
}

what_is_mapped_is_traced() {
	modprobe -r brd 2>/dev/null || :
	modprobe brd rd_nr=1 rd_size=8192
	ready capacity=16M flags=256
	_trace
	client map $CTL extents=1M:64K:0:/dev/ram0:w >"$T/map"
	io op=write offset=1M length=8K
	client unmap $CTL extents=1M:64K >"$T/map"
	_traced
	_tell 'map abuse0 offset=1048576 length=65536 target=0x100 target_offset=0 flags=0x1 filesystem=0x0' \
		'mapped abuse0 write sector=2048 bytes=8192 target=0x100 target_sector=0 filesystem=0x0' \
		'unmap abuse0 offset=1048576 length=65536'
}

a_lost_request_is_traced() {
	ready timeout_ms=0
	exec 3<$CTL 4<$CTL
	submit read op=read
	_trace
	take 3
	first=$id0
	exec 3<&-
	pending 1
	take 4
	refused 4 ENOMSG "$first"
	reset
	_traced
	failed read EIO
	_tell 'get abuse0 queue=0 read flags=0x0 sector=0 bytes=4096' \
		'requeue abuse0 queue=0 read flags=0x2 sector=0 bytes=4096' \
		'get abuse0 queue=0 read flags=0x2 sector=0 bytes=4096' \
		'stale abuse0 queue=0' \
		'reset abuse0' \
		'cancel abuse0 queue=0 read flags=0x2 sector=0 bytes=4096'
}

a_request_that_nobody_answers_is_traced_as_expired() {
	ready timeout_ms=1000
	_trace
	spawn read client io $DISK op=read
	failed read EIO
	_traced
	has "$T/events" '^expire abuse0 queue=0 read flags=0x0 sector=0 bytes=4096$' || fail "not expired: $(<"$T/events")"
}
