# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Devices that nobody serves: requests wait as long as setup said, then they fail until
# somebody serves again. Whatever comes first, server or end of the time, these hold.

LIVE=1 FAILED=2 ORPHANED=3

_state() { client status $CTL only=state until=$1; }

# Longer than the times that the tests set
_stays() { # STATE
	pause 1
	is state "$(status state)" $1
}

# Asks for requests once, through a descriptor, and gets none
_ask() { client xfer "@$1" gets=1 timeout=0 >"$T/ask" || fail "$(<"$T/ask")"; }

_works() {
	_state $LIVE # a server is ready before it has asked
	io op=write byte=7
	io op=check byte=7
	is state "$(status state)" $LIVE
}

a_disk_that_nobody_has_ever_served_fails() {
	load
	setup unserved_ms=400
	spawn read client io $DISK op=read
	spawn write client io $DISK op=write threads=5
	failed read EIO
	failed write EIO
	_state $ORPHANED
	# At once
	spawn again client io $DISK op=read
	failed again EIO
	is "pending and owned" "$(status pending) $(status owned)" "0 0"
	[ "$(status errors)" -ge 3 ] || fail "errors: $(status errors)"
	serve "$(store image 16M)"
	_works
	end
}

the_time_counts_from_setup_and_not_from_the_request() {
	load
	setup unserved_ms=200
	_state $ORPHANED
	is errors "$(status errors)" 0
	expect EIO io op=read
	is errors "$(status errors)" 1
}

without_a_limit_requests_wait_for_ever() {
	load
	setup
	submit read op=read
	still_waits read
	serve "$(store image 16M)"
	finish read
	kill9 server
	submit again op=read
	_stays $LIVE
	still_waits again
	reset
	failed again EIO
	# Each limit is for its own time alone.
	setup orphan_ms=100
	submit read op=read
	_stays $LIVE
	still_waits read
	reset
	failed read EIO
	setup unserved_ms=100
	exec 3<$CTL
	_ask 3
	exec 3<&-
	_stays $LIVE
	submit read op=read
	still_waits read
	reset
	failed read EIO
}

requests_fail_when_the_last_server_is_gone() {
	load
	setup orphan_ms=300
	serve one "$(store image 16M)"
	serve two store="$T/image"
	_works
	kill9 one
	_stays $LIVE
	_works
	kill9 two
	spawn read client io $DISK op=read
	failed read EIO
	_state $ORPHANED
	serve three store="$T/image"
	_works
	end three
	_state $ORPHANED
	serve four store="$T/image"
	_works
	end four
}

what_a_dead_server_had_fails_too() {
	load
	setup orphan_ms=300
	serve holder hold=100
	spawn write client io $DISK op=write threads=4 stride=1M
	owned 4
	_stays $LIVE
	is owned "$(status owned)" 4
	kill9 holder
	failed write EIO
	is "errors and redelivered" "$(status errors) $(status redelivered)" "4 0"
}

a_full_queue_and_those_who_wait_for_it_fail() {
	load
	setup queue_depth=2 queues=2 unserved_ms=500
	spawn write client io $DISK op=write threads=20 stride=64K
	failed write EIO
	is "pending and owned" "$(status pending) $(status owned)" "0 0"
	reset
	setup queue_depth=64 orphan_ms=500
	setup queue_depth=2 orphan_ms=500 flags=$RECONNECT
	exec 3<$CTL
	_ask 3
	spawn write client io $DISK op=write threads=20 stride=64K
	pending 2
	exec 3<&-
	failed write EIO
	is "pending and owned" "$(status pending) $(status owned)" "0 0"
}

who_has_only_opened_or_polled_does_not_serve() {
	load
	setup unserved_ms=300
	exec 3<$CTL
	client poll @3 timeout=100 events=1 >"$T/poll"
	client status @3 only=state >"$T/state"
	_state $ORPHANED
}

who_only_drains_does_not_serve() {
	load
	setup unserved_ms=300
	exec 3<$CTL
	client xfer @3 flags=1 gets=1 >"$T/xfer"
	is servers "$(status servers)" 0
	_state $ORPHANED
	client xfer @3 gets=1 >"$T/xfer"
	is "state and servers" "$(status state) $(status servers)" "$ORPHANED 0"
	# But who has served, serves until it is closed.
	setup flags=$RECONNECT orphan_ms=200
	exec 4<$CTL
	_ask 4
	client xfer @4 flags=1 gets=1 >"$T/xfer"
	is servers "$(status servers)" 1
	_stays $LIVE
	exec 4<&-
	_state $ORPHANED
}

a_get_of_nothing_serves() {
	load
	exec 3<$CTL
	setup unserved_ms=300
	_ask 3
	_stays $LIVE
	submit read op=read
	still_waits read
	reset
	failed read EIO
	setup unserved_ms=300
	expect ENOMSG legacy get @3
	_stays $LIVE
}

a_server_that_hangs_serves() {
	load
	setup orphan_ms=200
	serve holder hold=100
	spawn read client io $DISK op=read
	owned 1
	kill -STOP "${PID[holder]}"
	_stays $LIVE
	still_waits read
	kill9 holder
	failed read EIO
}

an_inherited_open_file_serves_until_its_last_close() {
	load
	setup orphan_ms=200
	exec 3<$CTL
	_ask 3
	exec 4<&3
	exec 3<&-
	_stays $LIVE
	exec 4<&-
	_state $ORPHANED
}

a_file_that_served_an_earlier_setup_does_not_serve_the_next() {
	load
	exec 3<$CTL
	setup
	_ask 3
	reset
	setup unserved_ms=200
	_state $ORPHANED
	_ask 3
	is state "$(status state)" $LIVE
	reset
	# And its close is no matter to it.
	setup orphan_ms=200
	exec 4<$CTL
	_ask 4
	exec 3<&-
	_stays $LIVE
	exec 4<&-
	_state $ORPHANED
}

a_reconnect_changes_the_limits() {
	load
	setup unserved_ms=86400000 orphan_ms=86400000
	submit read op=read
	setup flags=$RECONNECT unserved_ms=100 orphan_ms=77
	is limits "$(status unserved_ms) $(status orphan_ms)" "100 77"
	failed read EIO
	_state $ORPHANED
	# The ABI of 2009 cannot say them, and leaves them as they are.
	legacy setup $CTL flags=$RECONNECT
	is limits "$(status unserved_ms) $(status orphan_ms)" "100 77"
	_state $ORPHANED
	setup flags=$RECONNECT
	is state "$(status state)" $LIVE
	submit read op=read
	_stays $LIVE
	still_waits read
	serve "$(store image 16M)"
	finish read
	setup flags=$RECONNECT orphan_ms=100
	_stays $LIVE
	_works
	end
	_state $ORPHANED
}

the_abi_of_2009_waits_for_ever() {
	load
	legacy setup $CTL
	is limits "$(status unserved_ms) $(status orphan_ms)" "0 0"
}

a_failed_device_stays_failed() {
	load
	setup orphan_ms=100
	exec 3<$CTL
	submit read op=read
	take 3
	answer 3 $id0:2
	failed read EIO
	is state "$(status state)" $FAILED
	exec 3<&-
	_stays $FAILED
	exec 3<$CTL
	_ask 3
	is state "$(status state)" $FAILED
	exec 3<&-
	setup flags=$RECONNECT orphan_ms=100
	_state $ORPHANED
}

the_clock_ends_with_the_setup() {
	local n
	load
	for n in {1..20}; do
		setup unserved_ms=$n
		pause 0.0$((n % 4))
		reset
	done
	setup unserved_ms=300
	unload_fails=$(client unload abuse 2>&1 || :)
	[ "$unload_fails" ] || fail "a module in use was unloaded"
	reset
	unload
	load
	setup unserved_ms=200
	reset
	setup
	_stays $LIVE
}

# blkid, fdisk and others read every disk of the machine.
scanners_end() {
	load
	setup unserved_ms=300
	spawn blkid blkid -p $DISK
	spawn fdisk fdisk -l $DISK
	wait_for eval '! running blkid && ! running fdisk'
	is openers "$(status openers)" 0
	client remove $CTL
}

a_partition_scan_ends() {
	load max_part=7
	setup block_size=512 orphan_ms=300
	serve holder hold=100
	owned 1
	# Whoever scans has the disk in use.
	expect EBUSY client remove $CTL
	kill9 holder
	_state $ORPHANED
	wait_for client remove $CTL
}

a_mounted_filesystem_goes_on_after_a_short_absence() {
	small_disk orphan_ms=3600000
	serve store="$T/image"
	mkfs.ext4 -q $DISK
	mkdir "$T/mnt"
	mount $DISK "$T/mnt"
	kill9 server
	spawn copy bash -c 'cp -r /etc/apt "$0" && sync -f "$0"' "$T/mnt"
	still_waits copy
	serve store="$T/image"
	finish copy
	diff -r /etc/apt "$T/mnt/apt" || fail "files differ"
	umount "$T/mnt"
	is errors "$(status errors)" 0
	end
}

# Servers come and go about as often as the time ends, under load.
nothing_hangs_and_nothing_is_answered_twice() {
	local n
	small_disk orphan_ms=10 unserved_ms=10 queues=2
	spawn load bash -c 'for ((n = 0; n < 100; n++)); do "$0/client" io '$DISK' op=write threads=8 || :; done' "$ABUSE_BUILD"
	for n in {1..60}; do
		spawn server client server $CTL store="$T/image" threads=$((n % 2 + 1))
		pause 0.0$((RANDOM % 6))
		kill9 server
		pause 0.0$((RANDOM % 3))
	done
	serve store="$T/image"
	finish load
	_works
	note "$(status errors) of $(($(status errors) + $(status puts))) failed"
	end
	is "pending and owned" "$(status pending) $(status owned)" "0 0"
}
