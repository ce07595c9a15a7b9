# shellcheck shell=bash disable=SC2317,SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Neither reset nor the end of run takes away a disk that is in use
# run.sh: seconds 300
# run.sh: kernels 6.12 newest rt debug kcsan

_is_in_use() { # HOW
	complains 1 "$DISK: in use, $1; end that first, or add --lazy, which waits for that, or --force, which loses unwritten data" reset $CTL
	[ -e $SYS ] || fail "the disk is gone"
}

reset_leaves_a_disk_that_is_in_use() {
	ready capacity=64M flags=$WRITE_CACHE
	serve "$(store image 64M)"
	exec 5<>$DISK
	_is_in_use "open in process $BASHPID \([^)]*\)"
	exec 5>&-
	mkswap $DISK >"$T/mkswap"
	swapon $DISK
	_is_in_use 'used as swap'
	swapoff $DISK
	dmsetup create "abuse-ending" --table "0 1024 linear $DISK 0"
	_is_in_use 'held by dm-[0-9]+ \(abuse-ending\)'
	dmsetup remove "abuse-ending"
	mkfs.ext4 -q $DISK
	mkdir "$T/mount point"
	mount $DISK "$T/mount point"
	cp -r /etc/apt "$T/mount point"
	_is_in_use "mounted on $T/mount point"
	sync -f "$T/mount point"
	umount "$T/mount point"
	fsck.ext4 -fn $DISK >"$T/fsck" 2>&1 || fail "fsck: $(<"$T/fsck")"
	tool reset $CTL
	is capacity "$(status capacity)" 0
	finish server 3
	tool reset $CTL
}

reset_takes_a_disk_that_is_in_use_if_forced() {
	ready
	serve
	exec 5<>$DISK
	freeze server
	submit read op=read
	tool reset --force $CTL
	is capacity "$(status capacity)" 0
	failed read EIO
	kill -CONT "${PID[server]}"
	finish server 3
}

# Like udev, this opens the disk for a moment after each write.
reset_waits_for_a_disk_that_is_used_for_a_moment() {
	ready
	spawn user bash -c 'exec 5<>'$DISK'; echo open; read -rt 0.5 _ <> <(:); :'
	wait_for has "$T/user" open
	tool reset $CTL
	is capacity "$(status capacity)" 0
	finish user
}

_run() { # ARGUMENT...
	load
	spawn run "$ABUSECTL" run "$@"
	wait_for has "$T/run" '^/dev/abuse0$'
}

_signal() { kill -"$1" "${PID[run]}"; }

_mounted() {
	mkfs.ext4 -q $DISK
	mkdir "$T/mnt"
	mount $DISK "$T/mnt"
}

_gone() {
	[ ! -e $SYS ] || fail "the disk is still there"
	is capacity "$(status capacity)" 0
}

run_serves_a_mounted_disk_until_it_is_unmounted() {
	_run sz=64M "file:$T/image" --create
	_mounted
	_signal TERM
	wait_for has "$T/run" "^abusectl: $DISK: in use, mounted on $T/mnt; it is served until that ends; a second SIGTERM or SIGINT takes"
	cp -r /etc/apt "$T/mnt"
	sync -f "$T/mnt"
	_signal HUP
	pause 1
	_signal HUP
	head -c 8M /dev/urandom >"$T/mnt/more"
	cp "$T/mnt/more" "$T/more"
	still_waits run
	umount "$T/mnt"
	finish run
	_gone
	fsck.ext4 -fn "$T/image" >"$T/fsck" 2>&1 || fail "fsck of the image: $(<"$T/fsck")"
	setup capacity=64M
	start again "file:$T/image"
	mount $DISK "$T/mnt"
	cmp "$T/more" "$T/mnt/more" || fail "a file is not what was written after the signal"
	diff -r /etc/apt "$T/mnt/apt" || fail "files differ"
	umount "$T/mnt"
	stop again
}

run_takes_a_mounted_disk_away_at_a_second_signal() {
	_run sz=64M mem
	_mounted
	_signal INT
	wait_for has "$T/run" 'in use, mounted'
	_signal TERM
	finish run 1
	shows "$T/run" "^abusectl: $DISK: in use, mounted on $T/mnt; it was taken away all the same\$"
	_gone
	umount "$T/mnt"
}

a_terminal_that_goes_away_takes_the_disk_of_run_with_it() {
	_run mem
	_signal HUP
	_signal HUP
	finish run
	_gone
}

# timeout(1) sends a signal like that.
a_signal_that_is_sent_twice_is_one() {
	_run mem
	exec 5<>$DISK
	_signal TERM
	_signal TERM
	wait_for has "$T/run" "in use, open in process $BASHPID"
	io op=check
	exec 5>&-
	finish run
	_gone
	setup
	start server null
	kill -TERM "${PID[server]}"
	kill -TERM "${PID[server]}"
	finish server
}

run_under_nohup_outlives_its_terminal() {
	load
	spawn run nohup "$ABUSECTL" run mem
	wait_for has "$T/run" '^/dev/abuse0$'
	_signal HUP
	still_waits run
	io op=check
	_signal TERM
	finish run
	_gone
}

run_that_fails_leaves_no_disk() {
	tool() { "$ABUSECTL" "$@"; }
	load
	complains 1 "$T/none: No such file or directory; add --create to make it" run "file:$T/none"
	_gone
	complains 1 'internal error: java.lang.IllegalStateException: no size; .*' run --plugin "$ABUSE_BUILD/bad.jar" bad:sizeless
	_gone
}
