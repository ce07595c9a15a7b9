# shellcheck shell=bash disable=SC2034,SC2119,SC2120,SC2154
# The functions that tests are written with. A test works on $CTL and $DISK, and in a
# directory $T of its own. Afterwards run.sh ends what the test started, resets every
# device and unloads the module, which has to work.
#
# Starting a program takes 50 ms in an emulated VM. So what tests do often is done by
# the shell itself, or by one call of a client, which is linked statically.

CTL=/dev/abctl0
DISK=/dev/abuse0
SYS=/sys/block/abuse0
QUEUE=$SYS/queue
MODULE=$ABUSE_BUILD/abuse.ko
PAGE=$(getconf PAGE_SIZE)
# enum abuse_flags
RO=1 RECONNECT=2 WRITE_CACHE=4 DISCARD=8 WRITE_ZEROES=16 AUTOREMOVE=32 PARTSCAN=64 ROTATIONAL=128 MAPPABLE=256
# enum abuse_get_flags
FUA=1 REDELIVERED=2 NOUNMAP=4 META=8 RAHEAD=16

fail() {
	echo "$*" >&2
	exit 1
}

# note TEXT: shows it below the result of the test, good or bad
note() { echo "$*" >>"$T/notes"; }

# The clients, of the width that run.sh chooses for the test
client() { "$ABUSE_BUILD/client$WIDTH" "$@"; }
legacy() { "$ABUSE_BUILD/legacy$WIDTH" "$@"; }

load() { client load "$MODULE" "$@"; }
unload() { client unload abuse; }
setup() { client setup $CTL "$@"; }
reset() { client reset $CTL; }
status() { client status $CTL only="$1"; }
io() { client io $DISK "$@"; }

# ready KEY=VALUE ...: loads the module and sets one device up
ready() {
	load
	setup "$@"
}

is() { # WHAT VALUE EXPECTED
	[ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"
}

# expect ERRNO COMMAND...: the command fails with this errno (or one of several: A|B)
expect() {
	local expected=$1 output
	shift
	if output=$("$@" 2>&1); then
		fail "succeeded instead of $expected: $* ${output:+($output)}"
	fi
	[[ $output =~ :\ ($expected)(,|$|[[:space:]]) ]] || fail "instead of $expected: $* gave: $output"
}

# pause SECONDS: sleeps without starting a program, by reading from a pipe that nobody writes to
exec {never}<> <(:)
pause() { read -rt "$1" -u "$never" || :; }

# A limit must find hangs and must not fail on a busy machine, so it counts the VM's own time; see vm/run.sh.
# vm_time: puts that time in milliseconds into $vm_time; outside such a VM, that of the clock
vm_time() {
	if [ -r /out/clock ]; then
		read -r vm_time </out/clock
		vm_time=$((10#$vm_time))
	else
		vm_time=$((${EPOCHREALTIME/./} / 1000))
	fi
}

# wait_for COMMAND...: waits until it succeeds, at most $WAIT seconds
WAIT=240
wait_for() {
	local end vm_time
	vm_time
	end=$((vm_time + WAIT * SLOW * 1000))
	until "$@" >"$T/wait_for" 2>&1; do
		vm_time
		[ "$vm_time" -lt $end ] || fail "$((WAIT * SLOW)) seconds passed without: $* $(<"$T/wait_for")" \
			"$(find "$T" -maxdepth 1 -type f -size -64k -exec tail -n 5 {} +)" "$(stacks D)"
		pause 0.05
	done
}

# soon COMMAND...: the command succeeds and does not hang
soon() {
	spawn soon "$@"
	wait_for eval '! running soon'
	finish soon
}

# has FILE REGEX: a line of the file matches
has() {
	local line
	while IFS= read -r line || [ "$line" ]; do
		[[ ! $line =~ $2 ]] || return 0
	done <"$1"
	return 1
}
# shows FILE REGEX: a line of the file matches, or one will while the program runs whose output it is
shows() {
	local name=${1##*/}
	[ ! "${PID[$name]-}" ] || wait_for _has_or_ended "$name" "$@"
	has "$@" || fail "no '$2' in: $(<"$1")"
}
_has_or_ended() { has "$2" "$3" || ! running "$1"; }

pending() { client status $CTL only=pending until="$1"; }
owned() { client status $CTL only=owned until="$1"; }

declare -A PID

# spawn NAME COMMAND...: runs it in the background, with its output in $T/NAME. It
# inherits only those of the descriptors 3 to 9 that are named as @N, because it would
# keep the open files of the test open.
spawn() {
	local name=$1 n
	shift
	: >"$T/$name" # nobody may read the output of an earlier program of that name
	(
		for n in 3 4 5 6 7 8 9; do
			[[ " $* " == *" @$n "* ]] || eval "exec $n<&-"
		done
		case $1 in
		client | legacy) exec "$ABUSE_BUILD/$1$WIDTH" "${@:2}" ;;
		*) exec "$@" ;;
		esac
	) >"$T/$name" 2>&1 &
	PID[$name]=$!
}

# finish NAME [STATUS]: waits until it exits with this status (0)
finish() {
	local status=0
	wait "${PID[$1]}" || status=$?
	is "the exit status of $1 ($(<"$T/$1"))" $status "${2-0}"
}

# failed NAME ERRNO: waits until it fails with this errno
failed() {
	local status=0
	wait "${PID[$1]}" || status=$?
	[ $status != 0 ] || fail "$1 succeeded instead of $2"
	has "$T/$1" "$2" || fail "$1 did not fail with $2 but: $(<"$T/$1")"
}

# blocked NAME NUMBER: waits until so many of its threads wait for a device (state D)
blocked() { wait_for _blocked "${PID[$1]}" "$2"; }
_blocked() {
	local stat file number=0
	for file in /proc/"$1"/task/*/stat; do
		read -r stat <"$file" || { echo "a thread has ended"; return 1; }
		[[ $stat != *') D '* ]] || number=$((number + 1))
	done
	[ $number = "$2" ] || { echo "only $number wait"; return 1; }
}

# null_disks KEY=VALUE ...: null_blk may be there already, with other parameters
null_disks() {
	modprobe -r null_blk 2>/dev/null || :
	modprobe null_blk "$@"
}

# running NAME: it has not ended. In a loop that starts no other process, bash at times never notices that one has.
running() {
	local stat
	{ read -r stat <"/proc/${PID[$1]}/stat"; } 2>"$T/running" && [[ $stat != *') Z '* ]]
}
# freeze NAME: none of its threads runs any more, nor takes a request that it was woken for
freeze() {
	kill -STOP "${PID[$1]}"
	wait_for eval '! grep -L "^State:.*T" /proc/'"${PID[$1]}"'/task/*/status | grep -q .'
}
still_waits() { # NAME
	pause 0.3
	running "$1" || fail "$1 did not wait: $(<"$T/$1")"
}

# serve [NAME] KEY=VALUE ...: starts a server, which is ready when this returns
serve() {
	local name=server
	case ${1-} in
	'' | *=*) ;;
	*)
		name=$1
		shift
		;;
	esac
	spawn "$name" client server $CTL "$@"
	wait_for has "$T/$name" '^ready$'
}

# end [NAME]: drains the server; it answers everything, and each of its puts had the status that it should have
end() {
	kill -TERM "${PID[${1-server}]}"
	finish "${1-server}"
	has "$T/${1-server}" '^odd=0$' || fail "odd answers to puts: $(<"$T/${1-server}")"
}

kill9() {
	kill -KILL "${PID[$1]}"
	wait "${PID[$1]}" 2>"$T/kill" || :
}

# submit NAME KEY=VALUE ...: starts I/O in the background, which is pending when this returns
submit() {
	local before name=$1
	shift
	before=$(status pending)
	spawn "$name" client io $DISK "$@"
	pending $((before + 1))
}

# submit_soon NAME KEY=VALUE ...: the same, if a server waits that may take the request at once
submit_soon() { spawn "$1" client io $DISK "${@:2}"; }

# take FD [gets=N ...]: gets requests, and sets $id0, $sector0, ... and their number, $nr_gets
take() {
	local output
	output=$(client xfer "@$1" gets=1 "${@:2}") || fail "no request: $output"
	eval "$output"
}

# answer FD PUT [KEY=VALUE ...]: puts a request, with status 0
answer() {
	local output
	output=$(client xfer "@$1" "put=$2" "${@:3}") || fail "put failed: $output"
	[[ $output == *"put0=0"* ]] || fail "put refused: $output"
}

# refused FD ERRNO PUT [KEY=VALUE ...]: makes a put that is refused with this errno
refused() {
	local output
	output=$(client xfer "@$1" "put=$3" "${@:4}") || fail "xfer failed: $output"
	[[ $output == *"put0=$2"* ]] || fail "put was not refused with $2: $output"
}

# bytes LENGTH BYTE: prints that many bytes of one value
bytes() { head -c "$1" /dev/zero | tr '\0' "\\$(printf %03o "$2")"; }

# holds FILE LENGTH BYTE: the file is LENGTH bytes of that value
holds() { bytes "$2" "$3" | cmp - "$1" >&2 || fail "$1 is not $2 bytes of $3"; }

# store NAME SIZE: makes a file for a server to keep its bytes in, and prints the option for it
store() {
	truncate -s "$2" "$T/$1"
	echo "store=$T/$1"
}

FIO=(fio --direct=1 --ioengine=io_uring --group_reporting --output-format=terse --terse-version=3 --filename="$DISK")

# small_disk [KEY=VALUE ...]: a disk of 32 MiB with every feature, and $T/image as its store
small_disk() {
	ready capacity=32M queue_depth=64 flags=$((WRITE_CACHE | DISCARD | WRITE_ZEROES)) "$@"
	truncate -s 32M "$T/image"
}

# start_load [OPTION...]: until end_load, fio writes with all sizes and fsync, then reads
# and compares all of it, again and again; and it discards in another place
start_load() {
	local -a before
	read -ra before <$SYS/stat
	spawn verify "${FIO[@]}" --name=verify --size=24M --rw=randwrite --bsrange=4k-1m --iodepth=32 --fsync=40 \
		--loops=1000000 --verify=crc32c --verify_fatal=1 --verify_dump=0 "$@"
	spawn trim "${FIO[@]}" --name=trim --offset=24M --size=8M --rw=randtrim --bs=64k --iodepth=1 --ioengine=sync \
		--loops=1000000
	wait_for _written_and_trimmed "${before[4]}" "${before[11]}" # or a signal would end one that knows none yet
	answering
}
_written_and_trimmed() { # MORE-WRITES-THAN MORE-DISCARDS-THAN
	local -a now
	read -ra now <$SYS/stat
	[ "${now[4]}" -gt "$1" ] && [ "${now[11]}" -gt "$2" ]
}

# answering: waits until requests are being answered
answering() {
	local before
	before=$(status puts)
	wait_for answered $((before + 20))
}
answered() { [ "$(status puts)" -gt "$1" ]; } # MORE-THAN

# end_load WHAT-HAPPENED: ends the load; neither it nor the device had an error. Notes
# the longest time that a read or write took
end_load() {
	local name longest
	for name in verify trim; do
		running $name || fail "$name ended early: $(<"$T/$name")"
		kill -TERM "${PID[$name]}"
		finish $name 128
		awk -F';' '$1 == 3 { n++; bad += $5 } END { exit n != 1 || bad }' "$T/$name" || fail "$name: $(<"$T/$name")"
	done
	longest=$(awk -F';' '$1 == 3 { print int(($39 > $80 ? $39 : $80) / 1000) }' "$T/verify")
	is errors "$(status errors)" 0
	note "$1, $(status puts) answers, $(status redelivered) redelivered, longest I/O $longest ms"
}

# abusectl
ABUSECTL=$(cd "${BASH_SOURCE[0]%/*}/../../cli" && pwd)/abusectl

# tool ARGUMENT...: runs a command that does not wait in a JVM that lives until the last test, because Java takes
# seconds to start here. "$ABUSECTL" is for tests of the start itself, for servers, and for commands that wait.
RESIDENT=/tmp/abuse.resident
tool() {
	local status in out err
	if ! [ -e $RESIDENT.pid ] || ! kill -0 "$(<$RESIDENT.pid)" 2>/dev/null; then
		rm -f $RESIDENT.*
		mkfifo $RESIDENT.in $RESIDENT.out
		(
			exec 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&- # these belong to the test
			cd / # the folder of a test will be gone
			exec setsid java -Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
				-cp "${ABUSECTL%/*}/target/abusectl.jar:$ABUSE_BUILD/resident" Resident $RESIDENT.in $RESIDENT.out
		) </dev/null >$RESIDENT.log 2>&1 &
		echo $! >$RESIDENT.pid
	fi
	exec {in}<&0 {out}>&1 {err}>&2 # the shell uses 0 to 2 for its own redirections below
	printf '%s\0' "/proc/$BASHPID/fd/"{"$in","$out","$err"} "$@" >$RESIDENT.request
	echo $RESIDENT.request >$RESIDENT.in
	read -r status <$RESIDENT.out
	exec {in}<&- {out}>&- {err}>&-
	return "$status"
}

# start NAME [ARGUMENT ...]: starts abusectl server on $CTL, which is ready when this returns
start() {
	spawn "$1" "$ABUSECTL" server $CTL "${@:2}"
	wait_for eval "has '$T/$1' ': serving ' || ! running '$1'"
	shows "$T/$1" ': serving '
}

stop() { # NAME: ends a server, which answers what it has first
	kill -TERM "${PID[$1]}"
	finish "$1"
}

# told NAME TEXT TIMES: that many lines of its output contain the text, or will while it runs
told() {
	wait_for eval "[ \$(grep -cF -- '$2' '$T/$1') -ge $3 ] || ! running '$1'"
	is "lines with '$2' in: $(<"$T/$1")" "$(grep -cF -- "$2" "$T/$1")" "$3"
}

# complains STATUS REGEX ARGUMENT...: abusectl exits with that status, one matching line on stderr and nothing on stdout
complains() {
	local status=0
	tool "${@:3}" >"$T/stdout" 2>"$T/stderr" || status=$?
	is "the exit status of abusectl ${*:3} ($(<"$T/stderr"))" $status "$1"
	is "stdout of abusectl ${*:3}" "$(<"$T/stdout")" ""
	shows "$T/stderr" "^abusectl: $2\$"
	[ "$1" = 2 ] || is "lines on stderr" "$(wc -l <"$T/stderr")" 1
}
