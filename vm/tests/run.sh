#!/bin/bash
# run.sh [-l] [FOLDER]: the system tests, inside the VM; -l lists them and does nothing.
# A test is a function in a topic file; its name, with spaces, says what holds.
#
# TESTS	pattern (grep -E) on "topic: what holds"
# TEST_TIME	seconds a test may take that does not say it itself (60)
# TORTURE	how many times as much is done (1); other than 1: only by tests that can
# ABUSE_BUILD	where the module and the clients are
# ABUSE_KERNEL	name for the output
set -eu
here=$(cd "$(dirname "$0")" && pwd)

# Topic file, function, width of the clients ("-": 64 bits), time limit and name
# of each test. A topic file may say "run.sh: widths 64 32", then it has each
# test for both, "run.sh: seconds N"; "run.sh: torture" where $TORTURE makes
# them do more, in as much more time, or "run.sh: torture only" where they take
# too long else; and "run.sh: kernels 6.12 debug" where they are the same on any
# other; one for arm64 counts as the other one of its version.
list() {
	for file in "$here/$folder"/t-*.sh; do
		topic=${file##*/t-}
		widths=$(sed -n 's/^# run\.sh: widths //p' "$file")
		seconds=$(sed -n 's/^# run\.sh: seconds //p' "$file")
		kernels=$(sed -n 's/^# run\.sh: kernels //p' "$file")
		kernel=${ABUSE_KERNEL-}
		[[ -z $kernels || -z $kernel || " $kernels " == *" ${kernel%-arm64*} "* ]] || continue
		if grep -q '^# run\.sh: torture only$' "$file" && [ "${TORTURE:-1}" = 1 ]; then
			continue
		elif grep -q '^# run\.sh: torture' "$file"; then
			seconds=$((seconds * ${TORTURE:-1}))
		elif [ "${TORTURE:-1}" != 1 ]; then
			continue
		fi
		for width in ${widths:-64}; do
			sed -n 's/^\([[:alnum:]][^[:space:]()]*\)() {.*/\1/p' "$file" | while read -r function; do
				echo "$file $function ${width/64/-} ${seconds:-${TEST_TIME:-60}}" \
					"${topic%.sh}${widths:+ $width}: ${function//_/ }"
			done
		done
	done | grep -E -- "^([^ ]+ ){4}.*(${TESTS:-})" || :
}

if [ "${1-}" = -l ]; then
	folder=${2-}
	list | cut -d' ' -f5-
	exit
fi

folder=${1-}
# shellcheck source=vm/tests/lib.sh
. "$here/lib.sh"
bad='WARNING:|BUG:|Oops|KASAN|UBSAN|possible circular locking|INFO: task .* blocked for more than'
bad+='|suspicious RCU|general protection|kmemleak: [1-9]|refcount_t:|list_(add|del) corruption|Call Trace'

# Who is in the process group, or with "D" anybody in that state, waits where
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

# Everything that checks makes the debug kernel slow.
SLOW=1
[ "${ABUSE_KERNEL-}" != debug ] || SLOW=5

# What a test left behind: mounts, services, devices, the module
clean() {
	local mount
	while read -r _ mount _; do
		if [[ $mount == "$T"/* ]]; then
			umount -l "$mount" & # it may wait for a server that is gone
		fi
	done </proc/mounts
	[ ! -d /etc/abuse ] || systemctl stop 'abuse@*.service'
	rm -rf /etc/abuse/*.conf /var/lib/abuse
	"$ABUSE_BUILD/client" clean abuse && "$ABUSE_BUILD/client" clean busy
}

# Ends a process group and says how that went in $T.out; 0 when all was well
verdict() { # GROUP STATUS
	local good=0
	if [ "$2" != 0 ]; then
		good=1
		if [ "$2" = late ]; then
			echo "stopped after $limit seconds"
			stacks "$1"
		fi
	fi
	kill -KILL -- "-$1" 2>/dev/null || :
	# Not waited for by its id: who hangs in the kernel cannot be killed
	if ! read -rt 20 _ < <(clean && echo cleaned); then
		echo "what it left cannot be cleaned up"
		stacks D
		good=1
	fi
	if dmesg | awk -v name="abuse test: $name" 'index($0, name) { on = 1 } on' >"$T.log" && grep -qE "$bad" "$T.log"; then
		cat "$T.log"
		good=1
	fi
	return $good
}

passed=0 failed=0
mkfifo /tmp/abuse.ended
exec {ended}<>/tmp/abuse.ended
while read -r file function WIDTH limit name; do
	WIDTH=${WIDTH#-}
	limit=$((limit * SLOW))
	T=/tmp/abuse.$((passed + failed))
	mkdir -m 755 "$T"
	echo "abuse test: $name" >/dev/kmsg
	start=$EPOCHREALTIME status=late
	set -m # the test gets a process group of its own
	(
		# shellcheck disable=SC2154
		trap 'echo $? >&$ended' EXIT
		# shellcheck source=/dev/null
		. "$file"
		cd "$T"
		"$function"
	) >"$T.out" 2>&1 </dev/null &
	group=$!
	disown $group # or bash tells that it was killed
	set +m
	read -rt "$limit" -u "$ended" status || status=late
	if verdict $group "$status" >>"$T.out" 2>&1; then
		passed=$((passed + 1)) word=ok
	else
		failed=$((failed + 1)) word=FAIL
	fi
	took=$(((${EPOCHREALTIME/./} - ${start/./}) / 100000))
	echo "$word ${ABUSE_KERNEL:-} $name ($((took / 10)).$((took % 10)) s)"
	# Other kernels may write in between.
	[ ! -e "$T/notes" ] || sed "s/^/    # ${ABUSE_KERNEL:-} /" "$T/notes"
	[ $word = ok ] || sed "s/^/    ${ABUSE_KERNEL:-} /" "$T.out"
	rm -rf "$T" "$T.out" "$T.log"
done < <(list)

echo "# ${ABUSE_KERNEL:-}: $passed passed, $failed failed"
[ $failed = 0 ]
