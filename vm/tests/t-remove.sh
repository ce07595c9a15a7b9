# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# ABUSE_REMOVE: removes the disk unless it is open

_remove() { client remove $CTL; }

an_unused_disk_goes() {
	ready
	_remove
	[ ! -e $SYS ] || fail "the disk is still there"
	_remove # no device is set up
	setup
	serve
	io op=write
	kill9 server
	_remove
	is capacity "$(status capacity)" 0
}

an_open_disk_stays() {
	ready
	serve
	exec 5<>$DISK
	is openers "$(status openers)" 1
	expect EBUSY _remove
	io op=write
	exec 5>&-
	wait_for _remove
	finish server 3
}

a_mounted_disk_stays() {
	small_disk
	serve store="$T/image"
	mkfs.ext4 -q $DISK
	mkdir mnt
	mount $DISK mnt
	expect EBUSY _remove
	echo text >mnt/file
	umount mnt
	wait_for _remove
}

# Sets up a served disk with one partition
_partitioned() {
	load max_part=7
	truncate -s 16M image
	printf 'start=64, size=4096\n' | sfdisk -q image
	setup block_size=512
	serve store="$T/image"
	wait_for test -b /dev/abuse0p1
}

an_open_partition_is_an_open_disk() {
	_partitioned
	exec 5</dev/abuse0p1
	expect EBUSY _remove
	exec 5<&-
	wait_for _remove
	[ ! -e /dev/abuse0p1 ] || fail "the partition is still there"
}

# Openers and removers race: a disk that is open never goes away.
nobody_loses_what_is_open() {
	local round lost=0
	load
	for round in {1..40}; do
		setup
		serve
		spawn io client io $DISK op=write threads=4
		_remove 2>"$T/remove" || :
		if wait "${PID[io]}"; then :; else
			has "$T/io" 'ENXIO|ENOENT|ENODEV' || fail "an open disk went away: $(<"$T/io")"
			lost=$((lost + 1))
		fi
		wait_for _remove
		finish server 3
	done
	note "opened too late: $lost of 40"
}

# ABUSE_REMOVE_LAZY: the disk goes when its last user has closed it
_lazily() { client remove-lazy $CTL; }

_gone() {
	wait_for test ! -e $SYS
	is "capacity and conditions" "$(status capacity) $(status conditions)" "0 0"
}

LEAVING=1
_leaves() {
	is conditions "$(status conditions)" $LEAVING
	[ -e $SYS ] || fail "the disk is gone"
}

lazily_an_unused_disk_goes_at_once() {
	ready
	_lazily
	_gone
	_lazily # no device is set up
	setup
	is conditions "$(status conditions)" 0
	serve
	io op=write
	_lazily
	finish server 3
	shows "$T/server" ENODEV
	_gone
	unload
}

lazily_an_open_disk_goes_at_its_last_close() {
	ready
	serve "$(store image 16M)"
	exec 5<>$DISK
	exec 6<$DISK
	_lazily
	_leaves
	_lazily
	expect EBUSY setup
	expect EBUSY setup flags=$RECONNECT
	expect EBUSY legacy setup $CTL flags=$RECONNECT
	expect EBUSY _remove
	# Its users notice nothing, and more may come.
	io op=write byte=3
	client io @5 op=check byte=3
	exec 5>&-
	pause 0.5
	_leaves
	client io @6 op=check byte=3
	exec 6<&-
	_gone
	finish server 3
	# The next disk is another one.
	setup
	serve store="$T/image"
	io op=check byte=3
	pause 0.3
	io op=check byte=3
	is conditions "$(status conditions)" 0
	end
}

lazily_a_mounted_disk_goes_at_the_umount() {
	small_disk
	serve store="$T/image"
	mkfs.ext4 -q $DISK
	mkdir "$T/mnt"
	mount $DISK "$T/mnt"
	_lazily
	_leaves
	cp -r /etc/apt "$T/mnt"
	_leaves
	umount "$T/mnt"
	_gone
	finish server 3
	setup capacity=32M
	serve store="$T/image"
	mount -o ro $DISK "$T/mnt"
	diff -r /etc/apt "$T/mnt/apt" || fail "what was written last is lost"
	umount "$T/mnt"
	end
}

lazily_an_open_partition_is_an_open_disk() {
	_partitioned
	exec 5<>/dev/abuse0p1
	_lazily
	client io @5 op=write byte=4
	_leaves
	exec 5<&-
	_gone
	[ ! -e /dev/abuse0p1 ] || fail "the partition is still there"
	finish server 3
}

lazily_a_disk_waits_for_its_partition_scan() {
	load max_part=7
	setup block_size=512
	serve holder hold=100
	owned 1
	_lazily
	pause 0.5
	_leaves
	kill9 holder
	pause 0.5
	_leaves
	serve "$(store image 16M)"
	_gone
	finish server 3
}

lazily_requests_wait_for_the_next_server() {
	ready orphan_ms=86400000
	serve holder hold=1
	submit_soon read op=read
	owned 1
	_lazily
	kill9 holder
	pending 1
	_leaves
	still_waits read
	serve
	finish read
	_gone
	finish server 3
}

lazily_a_disk_that_nobody_serves_goes_when_its_users_give_up() {
	ready orphan_ms=300
	serve holder hold=1
	submit_soon write op=write
	owned 1
	_lazily
	kill9 holder
	failed write EIO
	_gone
	unload
}

lazily_and_then_at_once() {
	ready
	serve
	exec 5<>$DISK
	_lazily
	soon client reset $CTL
	_gone
	finish server 3
	# The old disk's last close does not take away the next one.
	setup
	exec 5>&-
	pause 0.5
	is "capacity and conditions" "$(status capacity) $(status conditions)" "16777216 0"
	exec 5<$DISK
	_lazily
	exec 5<&-
	_gone
}

lazily_the_module_stays_as_long_as_the_disk() {
	ready
	exec 5<$DISK
	_lazily
	expect 'EAGAIN|EWOULDBLOCK' client unload abuse
	exec 5<&-
	wait_for unload
}

lazily_what_was_reset_is_no_longer_meant() {
	ready
	exec 3<$CTL
	client serve @3
	reset
	setup
	expect ENODEV client remove-lazy @3
	is conditions "$(status conditions)" 0
}

# Openers and the removal race: whoever has the disk open keeps it.
lazily_nobody_loses_what_is_open() {
	local round lost=0
	load
	for round in {1..30}; do
		setup
		serve
		spawn io client io $DISK op=write threads=4
		[ $((round % 3)) = 0 ] || spawn other client io $DISK op=read
		_lazily
		for name in io other; do
			if [ "${PID[$name]-}" ] && ! wait "${PID[$name]}"; then
				has "$T/$name" 'ENXIO|ENOENT|ENODEV' || fail "an open disk went away: $(<"$T/$name")"
				lost=$((lost + 1))
			fi
			unset "PID[$name]"
		done
		_gone
		finish server 3
	done
	note "opened too late: $lost of 50"
}

# Other resets, removals and setups at the same time
lazily_at_any_moment() {
	local n
	load
	for name in a b c; do
		spawn $name bash -c 'for n in {1..20}; do
			"$0/client" setup '$CTL' || :
			"$0/client" io '$DISK' op=size || :
			"$0/client" remove-lazy '$CTL'
			[ $((n % 4)) != 0 ] || "$0/client" remove '$CTL' || :
			[ $((n % 5)) != 0 ] || "$0/client" reset '$CTL'
		done' "$ABUSE_BUILD"
	done
	for name in a b c; do
		finish $name
	done
	_gone
	setup
	serve
	io op=check
	end
	unset "PID[server]"
	reset
	unload
}

lazily_with_the_tool() {
	ready
	serve
	exec 5<$DISK
	tool reset --lazy 0 >"$T/out"
	is "the output" "$(<"$T/out")" ""
	tool list -n -o PROBLEM >"$T/out"
	shows "$T/out" '^leaving$'
	tool info 0 >"$T/out"
	shows "$T/out" '^problem = leaving$'
	complains 1 '/dev/abctl0: Device or resource busy; .*leaving.*' setup 0 reconnect
	exec 5<&-
	_gone
	finish server 3
	setup
	! tool reset --lazy --force 0 2>"$T/err" || fail "both are taken"
	shows "$T/err" "'--lazy' and '--force'"
	[ -e $SYS ] || fail "the disk is gone"
}
