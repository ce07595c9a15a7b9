# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Loading, parameters, nodes and unloading

nodes_abctl0_to_abctl7_appear_for_root_alone() {
	load
	for n in 0 1 2 3 4 5 6 7; do
		is "/dev/abctl$n" "$(stat -c '%F %a %U %t:%T' /dev/abctl$n)" "character special file 600 root 3d:$n"
		[ -e /sys/class/abuse/abctl$n ] || fail "no /sys/class/abuse/abctl$n"
	done
	[ ! -e /dev/abctl8 ] || fail "there is an abctl8"
}

a_disk_exists_from_setup_to_reset_only() {
	load
	[ ! -e $SYS ] || fail "disk before setup"
	setup
	is "$DISK" "$(stat -c '%F %t:%T' $DISK)" "block special file 3c:0"
	client setup /dev/abctl3
	is /dev/abuse3 "$(stat -c '%F %t:%T' /dev/abuse3)" "block special file 3c:3"
	reset
	[ ! -e $DISK ] || fail "disk after reset"
	[ -e /dev/abuse3 ] || fail "reset took another device's disk"
}

max_abuse_is_a_hard_limit() {
	load max_abuse=2
	[ -e /dev/abctl1 ] && [ ! -e /dev/abctl2 ] || fail "not two nodes"
	mknod "$T/node" c 61 2
	expect 'ENXIO|ENODEV' legacy info "$T/node"
}

# A minor number that no device has yet makes a new device.
without_max_abuse_a_node_is_made_on_demand() {
	load
	mknod "$T/node" c 61 12
	exec 3<"$T/node"
	legacy info @3 >"$T/info"
	shows "$T/info" '^number=12$'
	shows "$T/info" '^size=0$'
	client setup @3
	[ -e /dev/abuse12 ] || fail "no disk of the node made on demand"
	client reset @3
}

# add N [KEY=VALUE]: the device that a call makes is N, and works
_add() {
	is "the new device" "$(client add $CTL "${@:2}")" "number=$1"
	[ -c /dev/abctl$1 ] || fail "no /dev/abctl$1"
	client setup /dev/abctl$1
	[ -b /dev/abuse$1 ] || fail "no /dev/abuse$1"
	client reset /dev/abctl$1
}

a_call_makes_another_device() {
	load
	_add 8
	_add 12 number=12
	_add 9
	expect EEXIST client add $CTL number=12
	expect EEXIST client add $CTL number=0
	expect ENOSPC client add $CTL number=1048576
	chmod 666 $CTL
	expect EPERM setpriv --reuid=nobody --clear-groups --bounding-set=-all "$ABUSE_BUILD/client" add $CTL
	_add 10
	unload
	load max_abuse=2
	expect ENOSPC client add $CTL
	expect EEXIST client add $CTL number=1
	expect ENOSPC client add $CTL number=2
}

max_part_spreads_the_minors() {
	load max_part=5
	client setup /dev/abctl3
	is "abuse3 with 5 partitions, 8 minors a disk" "$(stat -c %t:%T /dev/abuse3)" 3c:18
}

bad_parameters_are_EINVAL_and_leave_nothing() {
	for bad in max_abuse=-1 max_part=-1 max_part=256 max_part=1000000000 max_abuse=100000000 \
		"max_abuse=1048576 max_part=15"; do
		# shellcheck disable=SC2086
		expect EINVAL load $bad
		[ ! -e /sys/class/abuse ] || fail "class left after $bad"
		! grep -q abuse /proc/devices || fail "major left after $bad"
	done
	load
}

majors_that_are_taken_are_replaced() {
	client load "$ABUSE_BUILD/busy.ko"
	load
	setup
	[ "$(stat -c %t $CTL)" != 3d ] || fail "major 61 is not taken"
	[ "$(stat -c %t $DISK)" != 3c ] || fail "major 60 is not taken"
	serve
	io op=check
	end
}

the_module_stays_while_a_node_is_open() {
	load
	exec 3<$CTL
	expect EAGAIN unload
	exec 3<&-
	wait_for unload
}

the_module_stays_while_a_device_is_set_up() {
	ready
	expect EAGAIN unload
	reset
	wait_for unload
}

the_module_stays_while_a_dead_disk_is_open() {
	ready
	exec 3<$DISK
	reset
	expect EAGAIN unload
	exec 3<&-
	wait_for unload
}

it_is_loaded_and_unloaded_20_times() {
	for n in {1..20}; do
		load max_part=$((n % 4))
		setup
		serve
		io op=check
		end
		reset
		wait_for unload
		[ ! -e $CTL ] && [ ! -e /sys/class/abuse ] || fail "something is left in round $n"
	done
}

# No request is worth a line in the kernel log.
requests_are_not_logged() {
	ready
	serve
	before=$(dmesg | wc -l)
	io op=read length=64K threads=50
	end
	is "lines in the kernel log" "$(dmesg | wc -l)" "$before"
}

modinfo_describes_the_module() {
	modinfo "$MODULE" >"$T/modinfo"
	for what in 'license:.*GPL' 'description:' 'parm:.*max_abuse:[^:]' 'parm:.*max_part:[^:]'; do
		shows "$T/modinfo" "$what"
	done
}
