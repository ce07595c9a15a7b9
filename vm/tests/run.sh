#!/bin/bash
# run.sh [-l] [FOLDER]: runs the system tests, inside the VM; with -l it only lists them.
# A test is a function in a topic file; its name, with spaces, says what holds.
#
# TESTS	regular expression for "topic: what holds"
# TEST_TIME	seconds of the VM's own time that a test may take if its topic file sets no limit (120)
# CLAIMS	folder where VMs that share the tests note which ones they take, so that none runs twice
# MAX_FAILED	when so many tests have failed, the rest do not run (1000)
# TORTURE	multiplies the work of tests that repeat something (1); if it is not 1, no others run
# ABUSE_BUILD	folder of the module and the clients
# ABUSE_KERNEL	the name of the kernel, for the output
set -eu
here=$(cd "$(dirname "$0")" && pwd)

# Lists topic file, function, width of the clients ("-": 64 bits), time limit and
# name of each test. A topic file may say "run.sh: widths 64 32" to run each test
# with both; "run.sh: seconds N"; "run.sh: torture" if $TORTURE multiplies its
# work and its time, or "run.sh: torture only" if it takes too long otherwise;
# and "run.sh: kernels 6.12 debug" if other kernels would show nothing new, as
# with what abusectl does before it asks the kernel anything. A kernel for arm64
# counts as the one of its version.
list() {
	local kernel=${ABUSE_KERNEL-}
	awk -v kernel="${kernel%-arm64*}" -v torture="${TORTURE:-1}" -v seconds="${TEST_TIME:-120}" '
		function tell(  n, nr, i, width, topic, name) {
			if (kernels && kernel && index(" " kernels " ", " " kernel " ") == 0)
				return
			if (torture == 1 ? how == "torture only" : how !~ /^torture/)
				return
			topic = file
			gsub(/.*\/t-|\.sh$/, "", topic)
			n = split(widths ? widths : 64, width, " ")
			for (i = 1; i <= n; i++)
				for (nr = 1; nr <= functions; nr++) {
					name = function_[nr]
					gsub(/_/, " ", name)
					name = topic (widths ? " " width[i] : "") ": " name
					if (name ~ ENVIRON["TESTS"])
						print file, function_[nr], width[i] == 64 ? "-" : width[i],
							limit * (how ~ /^torture/ ? torture : 1), name
				}
		}
		FNR == 1 {
			tell()
			file = FILENAME
			kernels = widths = how = functions = ""
			limit = seconds
		}
		sub(/^# run\.sh: /, "") {
			if ($1 == "torture")
				how = $0
			else if ($1 == "seconds")
				limit = $2
			else if (sub(/^kernels /, ""))
				kernels = $0
			else if (sub(/^widths /, ""))
				widths = $0
		}
		/^[[:alnum:]][^[:space:]()]*\(\) \{/ {
			function_[++functions] = substr($0, 1, index($0, "(") - 1)
		}
		END { tell() }' "$here/$folder"/t-*.sh
}

if [ "${1-}" = -l ]; then
	folder=${2-}
	list | cut -d' ' -f5-
	exit
fi

folder=${1-}
# shellcheck source=vm/tests/lib.sh
. "$here/lib.sh"

# stacks GROUP|D: prints where each process of the group, or each process in state D, waits
stacks() {
	local task state group
	for task in /proc/[0-9]*; do
		read -r state _ group _ < <(sed 's/.*) //' "$task/stat") || continue
		if [ "$group" = "$1" ] || [ "$state" = "$1" ]; then
			echo "-- $(tr '\0' ' ' <"$task/cmdline") ($state)"
			cat "$task"/task/*/stack | awk '!seen[$0]++'
		fi
	done 2>/dev/null || :
}

# Kernels with many checks are slow, and so is one for another processor.
case ${ABUSE_KERNEL-} in
debug | kcsan) SLOW=5 ;;
*-arm64*) SLOW=2 ;;
*) SLOW=1 ;;
esac
# The limits of tests are for a quiet machine. On a busy one less is done in the VM's own time, too: others use the caches.
PATIENCE=3

# Reads a line from a descriptor into a variable, within that many seconds of the VM's own time
read_within() { # SECONDS FD VARIABLE
	local end vm_time
	vm_time
	end=$((vm_time + $1 * 1000))
	while [ "$vm_time" -lt $end ]; do
		read -rt $(((end - vm_time) / 1000 + 1)) -u "$2" "$3" && return
		[ $? -gt 128 ] || return 1 # end of file
		vm_time
	done
	return 1
}

# Removes what a test left behind: mounts, services, devices, the module
clean() {
	local mount
	while read -r _ mount _; do
		if [[ $mount == "$T"/* ]]; then
			umount -l "$mount" & # it may wait for a server that is gone
		fi
	done </proc/mounts
	if [ -d /etc/abuse ]; then
		systemctl stop 'abuse@*.service' abuse-all.service remote-fs-pre.target
		rm -rf /etc/abuse/* /var/lib/abuse
	fi
	"$ABUSE_BUILD/client" clean abuse busy
	# Whoever wrote to a disk that was not there made a plain file in its place.
	find /dev -maxdepth 1 -name 'abuse*' -type f -delete
}

# Ends the process group of a test, writes what was wrong to $T.out, and succeeds if nothing was. Sets $broken if no
# test can run in this VM any more
verdict() { # GROUP STATUS
	local good=0
	if [ "$2" != 0 ]; then
		good=1
		if [ "$2" = late ]; then
			echo "stopped after $limit seconds of the VM's own time"
			stacks "$1"
			[ ! -e $RESIDENT.pid ] || kill -KILL "$(<$RESIDENT.pid)" || : # or the next test would wait for it
		else
			echo "ended with status $2" # what it ran may have failed without a word
		fi
	fi
	kill -KILL -- "-$1" 2>/dev/null || :
	# This does not wait for the process, because one that hangs in the kernel cannot be killed.
	exec {cleaned}< <(clean && echo cleaned)
	if ! read_within $((60 * SLOW)) "$cleaned" _; then
		echo "cleaning up after the test failed; the remaining tests need another VM"
		stacks D
		good=1 broken=yes
	fi
	exec {cleaned}<&-
	dmesg --read-clear >"$T.log"
	if [ "$(awk -f "$here/../splats.awk" "$T.log")" ]; then
		cat "$T.log"
		good=1
	fi
	return $good
}

# claim NAME: succeeds if no other VM has taken it
claim() {
	local status=0
	[ "${CLAIMS-}" ] || return 0
	set -C
	: 2>/dev/null >"$CLAIMS/$1" || status=1
	set +C
	return $status
}

dmesg --clear # messages of the boot belong to no test
passed=0 failed=0 broken=''
mkfifo /tmp/abuse.ended
exec {ended}<>/tmp/abuse.ended
while read -r file function WIDTH limit name; do
	claim "$name" || continue
	WIDTH=${WIDTH#-}
	limit=$((limit * PATIENCE * SLOW))
	T=/tmp/abuse.$((passed + failed))
	mkdir -m 755 "$T"
	echo "abuse test: $name" >/dev/kmsg
	vm_time
	start=$vm_time status=late
	set -m # the test gets a process group of its own
	(
		# shellcheck disable=SC2154
		trap 'echo $? >&$ended' EXIT
		# shellcheck source=/dev/null
		. "$file"
		cd "$T"
		"$function"
	) >>"$T.out" 2>&1 </dev/null & # appends, because run.sh writes to this file, too
	group=$!
	disown $group # otherwise bash reports that it was killed
	set +m
	read_within "$limit" "$ended" status || status=late
	if verdict $group "$status" >>"$T.out" 2>&1; then
		passed=$((passed + 1)) word=ok
	else
		failed=$((failed + 1)) word=FAIL
	fi
	vm_time
	took=$(((vm_time - start) / 100))
	echo "$word ${ABUSE_KERNEL:-} $name ($((took / 10)).$((took % 10)) s)"
	# Each line names the kernel, because the output of others may come in between.
	[ ! -e "$T/notes" ] || sed "s/^/    # ${ABUSE_KERNEL:-} /" "$T/notes"
	[ $word = ok ] || sed "s/^/    ${ABUSE_KERNEL:-} /" "$T.out"
	[ ! "$broken" ] || break
	[ "$failed" -lt "${MAX_FAILED:-1000}" ] || break
	rm -rf "$T" "$T.out" "$T.log"
done < <(list | sort -s -k4,4nr) # long tests come first, so that VMs end at about the same time

echo "# ${ABUSE_KERNEL:-}: $passed passed, $failed failed"
[ $failed = 0 ]
