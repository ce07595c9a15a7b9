# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Disks that threads of a Java program serve: the library, and its extension of JUnit
# run.sh: seconds 400
# run.sh: kernels 6.12
LIBRARY=${ABUSECTL%/*}/junit/target

# Starts the program of library/DiskProgram.java, whose input is descriptor 9
_program() {
	rm -f "$T/input"
	mkfifo "$T/input"
	exec 9<>"$T/input"
	spawn program bash -c 'exec java -Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "$@" <"$0"' "$T/input" \
		-cp "$LIBRARY/classes:$LIBRARY/lib/*:$ABUSE_BUILD/library" DiskProgram
}

# _tell LINE REGEX: tells it something, and waits for its answer
_tell() {
	echo "$1" >&9
	wait_for has "$T/program" "$2"
}

_no_disk() { # NUMBER
	# This waits for the disk of a process that has ended.
	is "capacity" "$(client status /dev/abctl$1 only=capacity)" 0
	[ ! -e /sys/block/abuse$1 ] || fail "disk $1 is still there"
}

several_disks_in_one_program() {
	load
	_program
	_tell 'start 16777216' '^started /dev/abuse0 16777216$'
	_tell 'start 33554432' '^started /dev/abuse1 33554432$'
	io op=write byte=3
	client io /dev/abuse1 op=write byte=4
	io op=check byte=3
	client io /dev/abuse1 op=check byte=4
	_tell 'byte 0' '^byte 3$'
	_tell 'byte 1' '^byte 4$'
	_tell close '^closed$'
	_no_disk 1
	io op=check byte=3
	_tell 'start 4194304' '^started /dev/abuse1 4194304$'
	# The program ends, and the disks that it did not close go with it.
	exec 9>&-
	finish program
	_no_disk 0
	_no_disk 1
	unload
}

a_program_that_is_killed_leaves_no_disk() {
	load
	_program
	_tell 'start 16777216' '^started /dev/abuse0'
	_tell 'start 16777216' '^started /dev/abuse1'
	mkfs.ext4 -q $DISK
	mkdir "$T/mnt"
	mount $DISK "$T/mnt"
	kill9 program
	_no_disk 0
	_no_disk 1
	umount "$T/mnt"
	wait_for unload
}

# Its own thread waits for a request that nobody will answer, and a process with such a thread cannot end
a_program_that_waits_for_its_own_disk_is_killed() {
	load
	_program
	_tell 'start 16777216' '^started /dev/abuse0'
	_tell own '^blocked$'
	blocked program 1
	kill -KILL "${PID[program]}"
	wait_for eval '[ ! -e $SYS ]'
	wait "${PID[program]}" 2>"$T/kill" || :
	_no_disk 0
	unload
}

a_reset_by_somebody_else_is_told() {
	load
	_program
	_tell 'start 16777216' '^started /dev/abuse0'
	io op=write byte=3
	reset
	wait_for has "$T/program" '^ended: /dev/abctl0: No such device; somebody has reset it$'
	_tell wait '^failed: /dev/abctl0: No such device; somebody has reset it$'
	setup capacity=8M
	_tell close '^closed$'
	is "the capacity of a disk that another made" "$(status capacity)" 8388608
	reset
	_tell 'start 16777216' '^started /dev/abuse0'
	kill9 program
	_no_disk 0
	unload
}

a_disk_in_use_is_taken_away_and_the_program_told() {
	load
	_program
	_tell 'start 16777216' '^started /dev/abuse0'
	mkfs.ext4 -q $DISK
	mkdir "$T/mnt"
	mount $DISK "$T/mnt"
	_tell close "^failed: /dev/abuse0: in use, mounted on $T/mnt; it was taken away all the same\$"
	_no_disk 0
	umount "$T/mnt"
	kill9 program
	wait_for unload
}

without_the_module_it_says_so() {
	_program
	_tell 'start 16777216' "^failed: there are no devices in /dev; is the module loaded\\? try 'modprobe abuse'\$"
	kill9 program
}

# _tests CLASS NUMBER: runs so many tests with JUnit
_tests() {
	java -Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$LIBRARY/classes:$LIBRARY/lib/*:$ABUSE_BUILD/library" \
		DiskTests "$1" >"$T/tests" 2>&1 || :
	has "$T/tests" "^$2 passed, 0 failed\$" || fail "$(<"$T/tests")"
}

junit_gives_each_test_a_disk() {
	load
	_tests DiskTests 4
	for number in 0 1 2 3 4; do
		[ ! -e /sys/block/abuse$number ] || fail "disk $number is left"
	done
	unload
}

junit_finds_the_flush_that_a_program_forgets() {
	local line recipe="${ABUSECTL%/*}/../man/abuse-testing.7" tests="${ABUSECTL%/*}/../vm/tests/library/CrashTests.java"
	sed -n '/^import static/,/^\.EE$/p' "$recipe" | sed '/^\.EE$/d; s/\\-/-/g' >"$T/recipe"
	[ "$(wc -l <"$T/recipe")" -gt 40 ] || fail "the manual has no test in Java"
	while IFS= read -r line; do
		grep -qF -- "$line" "$tests" || fail "the manual has another test: $line"
	done <"$T/recipe"
	load
	_tests CrashTests 3
	unload
}
