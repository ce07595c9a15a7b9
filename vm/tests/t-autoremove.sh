# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# ABUSE_FLAGS_AUTOREMOVE: the disk lives as long as the open file that set it up
# run.sh: seconds 300

# shellcheck source=vm/tests/map.sh
. "${BASH_SOURCE[0]%/*}/map.sh"

_gone() {
	is capacity "$(status capacity)" 0 # that waits until it is gone, if its maker has ended
	[ ! -e $SYS ] || fail "the disk is still there"
}

_there() {
	[ -e $SYS ] || fail "the disk is gone"
	is capacity "$(status capacity)" 16777216
}

_make() { client setup @"$1" flags=$AUTOREMOVE "${@:2}"; } # FD

the_disk_goes_with_the_open_file_that_made_it() {
	load
	exec 3<$CTL
	_make 3
	is flags "$(status flags)" $AUTOREMOVE
	# Others come and go.
	exec 4<$CTL
	exec 4<&-
	serve
	io op=check
	end
	_there
	exec 3<&-
	_gone
	unload
}

it_goes_when_its_maker_is_killed() {
	load
	spawn maker bash -c 'exec 3<'$CTL' && "$0/client" setup @3 flags='$AUTOREMOVE' && echo made && read -r _ <> <(:)' "$ABUSE_BUILD"
	wait_for has "$T/maker" made
	_there
	kill9 maker
	_gone
	# Its maker ends by itself.
	spawn maker client setup $CTL flags=$AUTOREMOVE
	finish maker
	_gone
}

# It serves /dev/abuse1, is asked for a write there, and closes the disk that is mapped to it.
_server_of_its_own_target() { # FD FD-OF-OTHER [COMMAND]
	spawn maker bash -c "exec $1<$CTL $2</dev/abctl1"'
		"$0/client" setup @'"$1"' capacity=8M flags='$((MAPPABLE | WRITE_CACHE | AUTOREMOVE))' &&
		"$0/client" setup @'"$2"' capacity=8M && "$0/client" map @'"$1"' extents=0:1M:0:/dev/abuse1:w && echo made &&
		"$0/client" xfer @'"$2"' gets=1 min=1 timeout=-1 && echo owned &&
		'"${3-:}"' && read -r _ <> <(:)' "$ABUSE_BUILD"
	wait_for has "$T/maker" made
	spawn write dd if=/dev/zero of=$DISK bs=4096 count=1 conv=notrunc,fsync status=none
	wait_for has "$T/maker" owned
}

the_end_of_a_process_waits_for_nothing_that_it_serves_itself() {
	local how
	load
	for how in ends ends-in-another-order closes; do
		case $how in
		ends) _server_of_its_own_target 3 4 ;;
		ends-*) _server_of_its_own_target 4 3 ;;
		closes)
			# A kernel whose reset waits for the write keeps it for five seconds.
			_server_of_its_own_target 4 3 'exec 4<&- && echo closed'
			wait_for has "$T/maker" closed
			;;
		esac
		kill -KILL "${PID[maker]}"
		wait_for eval '! running maker'
		spawn server client server /dev/abctl1
		soon client status $CTL
		_gone
		wait "${PID[write]}" || :
		end
		client reset /dev/abctl1
	done
}

an_inherited_open_file_keeps_it() {
	load
	exec 3<$CTL
	_make 3
	exec 4<&3
	exec 3<&-
	_there
	exec 4<&-
	_gone
}

who_uses_or_serves_it_has_errors() {
	load
	exec 3<$CTL
	_make 3 capacity=64M
	serve "$(store image 64M)"
	mkfs.ext4 -q $DISK
	mkdir "$T/mnt"
	mount $DISK "$T/mnt"
	exec 5<>$DISK
	freeze server
	spawn read client io $DISK op=read offset=32M
	wait_for eval '[ "$(status pending)$(status owned)" != 00 ]'
	exec 3<&-
	_gone
	failed read 'EIO|ENXIO|ENODATA'
	expect 'EIO|ENODATA|ENXIO|ENODEV' client io @5 op=read
	kill -CONT "${PID[server]}"
	finish server 3
	exec 5<&-
	umount "$T/mnt"
	wait_for unload
}

a_partition_scan_that_waits_does_not_keep_it() {
	load max_part=7
	exec 3<$CTL
	_make 3 block_size=512
	serve holder hold=100
	owned 1
	exec 3<&-
	_gone
	finish holder 3
}

a_later_setup_is_another_disk() {
	load
	exec 3<$CTL
	_make 3
	reset
	setup
	exec 3<&-
	_there
	reset
	exec 3<$CTL 4<$CTL
	_make 3
	reset
	_make 4
	exec 3<&-
	_there
	# The same open file may make it again.
	reset
	_make 4
	_there
	exec 4<&-
	_gone
}

a_reconnect_may_let_the_disk_stay_and_not_the_reverse() {
	load
	exec 3<$CTL
	_make 3
	setup flags=$((RECONNECT | AUTOREMOVE)) capacity=16M
	legacy setup $CTL flags=$RECONNECT size=16M blocksize=4096
	is flags "$(status flags)" $AUTOREMOVE
	setup flags=$RECONNECT
	is flags "$(status flags)" 0
	expect EINVAL setup flags=$((RECONNECT | AUTOREMOVE))
	expect EINVAL client setup @3 flags=$((RECONNECT | AUTOREMOVE))
	exec 3<&-
	_there
	setup flags=$RECONNECT
	reset
	# With nothing to reconnect to, it is a setup.
	exec 3<$CTL
	client setup @3 flags=$((RECONNECT | AUTOREMOVE))
	exec 3<&-
	_gone
}

# Closed, reset, removed and made anew by others at once, under load
at_any_moment() {
	local n
	load
	spawn load bash -c 'for ((n = 0; n < 150; n++)); do "$0/client" io '$DISK' op=write threads=4 || :; done' "$ABUSE_BUILD"
	for name in a b c; do
		spawn $name bash -c 'for n in {1..20}; do
			exec 3<'$CTL'
			"$0/client" setup @3 flags='$AUTOREMOVE' queue_depth=$((n + 1)) || :
			"$0/client" xfer '$CTL' gets=4 min=1 timeout=$((n % 3 * 1000000)) || :
			[ $((n % 4)) != 0 ] || "$0/client" remove @3 || :
			[ $((n % 5)) != 0 ] || "$0/client" reset @3 || :
			exec 3<&-
		done' "$ABUSE_BUILD"
	done
	for name in a b c; do
		finish $name
	done
	_gone
	finish load
	setup
	serve
	io op=check
	end
}

_run() { # ARGUMENT...
	spawn run "$ABUSECTL" run "$@"
	wait_for has "$T/run" '^/dev/abuse0$'
}

run_that_is_killed_leaves_no_disk() {
	local fd flags before
	load
	_run sz=16M mem
	is flags "$(status flags)" $((WRITE_CACHE | AUTOREMOVE))
	# No program that it starts keeps the disk: each is opened with O_CLOEXEC.
	for fd in /proc/"${PID[run]}"/fd/*; do
		[[ $(readlink "$fd") == "$CTL" ]] || continue
		flags=$(sed -n 's/^flags:\t*//p' "${fd/\/fd\///fdinfo/}")
		[ $((flags & 02000000)) != 0 ] || fail "a child would have $fd open: $flags"
		before=yes
	done
	[ "$before" ] || fail "it has no control node open"
	mkfs.ext4 -q $DISK
	mkdir "$T/mnt"
	mount $DISK "$T/mnt"
	kill9 run
	_gone
	umount "$T/mnt"
	wait_for unload
}

run_that_is_killed_leaves_the_disk_if_told_to() {
	load
	_run sz=16M,autoremove=off "file:$T/image" --create
	io op=write byte=9
	kill9 run
	_there
	start server "file:$T/image"
	io op=check byte=9
	stop server
	reset
	_run sz=16M mem
	tool setup $CTL reconnect,autoremove=off
	kill9 run
	_there
	submit read op=read
	still_waits read
	reset
	failed read EIO
}
