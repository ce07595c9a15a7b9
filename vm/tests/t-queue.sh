# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Who owns a request, and where it goes when its owner is gone

# Four writes, one after the other
_four() {
	submit a op=write offset=0 byte=1
	submit b op=write offset=4K byte=2
	submit c op=write offset=8K byte=3
	submit d op=write offset=12K byte=4
}
_finish_four() {
	for name in a b c d; do
		finish $name
	done
}

# A full queue is no I/O error: the writer waits.
a_full_queue_makes_writers_wait() {
	ready queue_depth=1
	serve
	io op=write threads=200
	end
	is errors "$(status errors)" 0
}

queue_depth_requests_can_be_pending_and_no_more() {
	ready queue_depth=5
	spawn writers client io $DISK op=write threads=12 stride=64K
	pending 5
	pause 0.3
	is pending "$(status pending)" 5
	serve
	finish writers
	end
}

# A get hands a request to one open file; no other get finds it.
two_open_files_never_get_the_same_request() {
	ready
	exec 3<$CTL 4<$CTL
	_four
	take 3 gets=2
	is "first owner" "$nr_gets $sector0 $sector1" "2 0 8"
	first=$id0 second=$id1
	take 4 gets=10
	is "second owner" "$nr_gets $sector0 $sector1" "2 16 24"
	is "pending, owned" "$(status pending) $(status owned)" "0 4"
	refused 4 ENOMSG "$first"
	refused 3 ENOMSG "$id0"
	is stale "$(status stale)" 2
	answer 3 "$first"
	answer 3 "$second"
	answer 4 "$id0"
	answer 4 "$id1"
	_finish_four
	is "gets, puts" "$(status gets) $(status puts)" "4 4"
}

# When an owner is gone, its requests go to the next server, without a reset.
what_a_closed_file_owned_comes_back_first_and_in_order() {
	ready
	exec 3<$CTL 4<$CTL
	_four
	take 3 gets=2
	old=$id0
	exec 3<&-
	is "pending, owned" "$(status pending) $(status owned)" "4 0"
	take 4 gets=4
	is sectors "$sector0 $sector1 $sector2 $sector3" "0 8 16 24"
	is flags "$flags0 $flags1 $flags2 $flags3" "$REDELIVERED $REDELIVERED 0 0"
	[ "$old" != "$id0" ] || fail "the id did not change"
	refused 4 ENOMSG "$old"
	answer 4 "$id0" out="$T/data:4096"
	holds "$T/data" 4096 1
	exec 4<&-
	serve
	_finish_four
	end
	is redelivered "$(status redelivered)" 5
}

a_file_stays_open_until_its_last_descriptor_is_closed() {
	ready
	exec 3<$CTL
	_four
	take 3 gets=4
	exec 4<&3 3<&-
	is owned "$(status owned)" 4
	answer 4 "$id3"
	exec 4<&-
	is "pending, owned" "$(status pending) $(status owned)" "3 0"
	serve
	_finish_four
	end
}

a_killed_process_gives_its_requests_back() {
	ready
	serve holder hold=100
	for name in a b c d; do
		spawn $name client io $DISK op=write
	done
	owned 4
	kill9 holder
	pending 4
	serve
	_finish_four
	end
	is redelivered "$(status redelivered)" 4
}

answers_may_come_in_any_order() {
	ready
	store=$(store image 16M)
	serve "$store" order=reverse
	io op=write threads=40 byte=7
	io op=check threads=40 byte=7
	end
	serve "$store" order=random
	io op=write threads=40 byte=8
	io op=check threads=40 byte=8
	end
}

# A late put must not finish a newer request.
stale_puts_are_refused() {
	ready
	serve twice=1 batch=8
	io op=write threads=50 stride=64K
	end
	shows "$T/server" '^gets=50$'
	shows "$T/server" '^puts=50$'
	shows "$T/server" '^stale=50$'
	is "stale, puts, errors" "$(status stale) $(status puts) $(status errors)" "50 50 0"
}

every_third_request_fails_and_no_other() {
	ready
	serve fail=3
	expect EIO io op=write threads=30 stride=64K
	end
	is "puts, errors" "$(status puts) $(status errors)" "30 10"
}

a_request_that_nobody_answers_times_out() {
	ready timeout_ms=1000
	expect EIO io op=write
	is "timeouts, errors" "$(status timeouts) $(status errors)" "1 1"
	exec 3<$CTL
	spawn take client xfer @3 gets=1 min=1 timeout=-1
	spawn io client io $DISK op=read
	finish take
	eval "$(<"$T/take")"
	failed io EIO
	is "timeouts, errors" "$(status timeouts) $(status errors)" "2 2"
	refused 3 ENOMSG "$id0"
	is "pending, owned" "$(status pending) $(status owned)" "0 0"
	serve
	io op=check
	end
}

without_a_timeout_a_request_waits() {
	ready timeout_ms=1000
	setup flags=$RECONNECT timeout_ms=0
	submit io op=write
	pause 3
	running io || fail "it did not wait: $(<"$T/io")"
	serve
	finish io
	end
}

two_hardware_queues_are_served_apart() {
	ready queues=2 queue_depth=16
	spawn even taskset -c 0 "$ABUSE_BUILD/client" io $DISK op=write offset=0
	spawn odd taskset -c 1 "$ABUSE_BUILD/client" io $DISK op=write offset=4K
	pending 2
	exec 3<$CTL
	take 3 gets=5 queue=0
	first="$nr_gets $sector0" one=$id0
	take 3 gets=5 queue=1
	is "the requests of both queues" "$(printf '%s\n' "$first" "$nr_gets $sector0" | sort | paste -sd,)" "1 0,1 8"
	answer 3 "$one"
	answer 3 "$id0"
	finish even
	finish odd
}

any_queue_means_all_of_them() {
	ready queues=2
	spawn even taskset -c 0 "$ABUSE_BUILD/client" io $DISK op=write offset=0
	spawn odd taskset -c 1 "$ABUSE_BUILD/client" io $DISK op=write offset=4K
	pending 2
	serve
	finish even
	finish odd
	end
}

a_thread_for_each_queue_serves_all() {
	ready queues=2
	serve threads=2 queue=own "$(store image 16M)"
	io op=write threads=64 byte=9
	io op=check threads=64 byte=9
	end
}

the_second_device_has_its_own_requests() {
	ready
	client setup /dev/abctl1
	submit io op=write
	expect ENOMSG legacy get /dev/abctl1
	exec 3<$CTL 4</dev/abctl1
	take 3
	refused 4 ENOMSG "$id0"
	client reset /dev/abctl1
	running io || fail "the reset of another device ended it"
	answer 3 "$id0"
	finish io
}

what_is_requeued_goes_to_others_and_its_owner_is_refused() {
	ready
	expect ENODEV client requeue /dev/abctl5
	exec 3<$CTL 4<$CTL
	_four
	take 3 gets=3
	late="$id0 $id1 $id2"
	client requeue $CTL
	is "pending, owned" "$(status pending) $(status owned)" "4 0"
	take 4 gets=4
	is sectors "$sector0 $sector1 $sector2 $sector3" "0 8 16 24"
	is "flags: redelivered" "$flags0 $flags2 $flags3" "2 2 0"
	for id in $late; do
		refused 3 ENOMSG "$id"
	done
	is "stale, redelivered" "$(status stale) $(status redelivered)" "3 3"
	for id in $id0 $id1 $id2 $id3; do
		answer 4 "$id"
	done
	_finish_four
	is errors "$(status errors)" 0
}

requeue_finds_nothing_to_do() {
	ready
	client requeue $CTL
	is "pending, redelivered" "$(status pending) $(status redelivered)" "0 0"
}

servers_are_counted_while_they_are_there() {
	ready
	is servers "$(status servers)" 0
	exec 3<$CTL 4<$CTL
	is "after an open" "$(status servers)" 0
	client xfer @3 gets=1 min=0
	client xfer @3 gets=1 min=0
	is "after a get" "$(status servers)" 1
	client xfer @4 gets=1 min=0
	is "another one" "$(status servers)" 2
	exec 3<&-
	is "after a close" "$(status servers)" 1
}

answers_are_counted_by_how_long_they_took() {
	local iostats start took=0
	ready
	is latencies "$(status latencies)" 0
	serve
	for iostats in 1 0; do # the block layer has no use for a time without them
		echo $iostats >$QUEUE/iostats
		start=${EPOCHREALTIME/./}
		io op=write threads=20
		took=$((${EPOCHREALTIME/./} - start > took ? ${EPOCHREALTIME/./} - start : took))
		[ $iostats = 0 ] || pause 3
	done
	end
	is latencies "$(status latencies)" "$(status puts)"
	[ "$(status longest)" -le "$took" ] || fail "an answer took $(status longest) us of $took"
}

# Both queues are full, and each get takes one request from any queue.
any_queue_means_each_in_its_turn() {
	local order='' n
	ready queues=2
	exec 3<$CTL
	for n in 0 1; do
		spawn "io$n" taskset -c $n "$ABUSE_BUILD/client" io $DISK op=read threads=5 offset=${n}M stride=128K
	done
	pending 10
	for n in {1..10}; do
		take 3
		order+=$((id0 >> 12 & 0xfff))
		answer 3 "$id0"
	done
	[[ $order == 0101010101 || $order == 1010101010 ]] || fail "queues were served in the order $order"
	finish io0
	finish io1
}

# A get that is woken leaves a request that does not fit into its buffer to the next one.
what_does_not_fit_is_got_by_the_next_one() {
	ready max_request=64K
	spawn small client xfer $CTL gets=2 min=2 buffer=64K timeout=-1
	submit_soon a op=write length=64K
	owned 1
	spawn large client xfer $CTL gets=1 min=1 buffer=64K timeout=-1
	wait_for eval '[ "$(client servers $CTL | grep -c waiting=1)" = 2 ]'
	spawn b client io $DISK op=write length=64K offset=1M
	finish small
	finish large
	shows "$T/small" '^nr_gets=1$'
	shows "$T/large" '^nr_gets=1$'
	serve
	finish a
	finish b
	end
}

a_requeue_takes_what_is_busy() {
	local round
	ready
	exec 4<$CTL
	for round in {1..20}; do
		spawn copier client copy-loop $CTL
		submit_soon io op=write length=1M
		wait_for has "$T/copier" '^copies$'
		client requeue $CTL
		finish copier
		shows "$T/copier" '^outcome=ENOMSG$'
		take 4
		is "flags" "$flags0" $REDELIVERED
		answer 4 "$id0"
		finish io
	done
	is redelivered "$(status redelivered)" 20
}

what_is_busy_times_out() {
	ready timeout_ms=300
	spawn copier client copy-loop $CTL
	wait_for eval 'client servers $CTL | grep -q waiting=1'
	expect EIO io op=read length=1M
	finish copier
	shows "$T/copier" '^outcome=ENOMSG$'
	is "timeouts, errors" "$(status timeouts) $(status errors)" "1 1"
}

a_timeout_counts_in_milliseconds() {
	local start
	ready timeout_ms=200
	start=${EPOCHREALTIME/./}
	expect EIO io op=write
	[ $((${EPOCHREALTIME/./} - start)) -ge 200000 ] || fail "it came early"
}

a_failed_device_says_so() {
	ready
	is state "$(status state)" 1
	exec 3<$CTL
	submit io op=write
	take 3
	answer 3 "$id0:2"
	failed io EIO
	is state "$(status state)" 2
	setup flags=$RECONNECT
	is state "$(status state)" 1
}

# If a tool only looks at a device, its close must not search all requests.
a_close_looks_for_requests_only_if_it_had_some() {
	local tracing=/sys/kernel/tracing
	ready
	echo abuse_requeue >$tracing/set_ftrace_filter
	echo function >$tracing/current_tracer
	client status $CTL >"$T/told"
	client poll $CTL timeout=0 >"$T/told"
	grep abuse_requeue $tracing/trace >first || :
	exec 3<$CTL
	submit io op=write
	take 3
	exec 3<&-
	grep abuse_requeue $tracing/trace >second || :
	echo nop >$tracing/current_tracer
	echo >$tracing/set_ftrace_filter
	is "looks of those that had none" "$(wc -l <first)" 0
	is "looks of the one that had some" "$(wc -l <second)" 1
	serve
	finish io
	end
}

# With KERNEL=rt its timers are of another kind.
a_server_of_real_time_gathers_too() {
	ready queue_depth=64
	spawn server taskset -c 0 chrt -f 1 "$ABUSE_BUILD/client" server $CTL queue=own
	wait_for has "$T/server" '^ready$'
	taskset -c 0 "${FIO[@]}" --name=read --size=8M --rw=randread --bs=4k --iodepth=16 --loops=4 >fio
	is errors "$(status errors)" 0
	end
}
