#!/bin/bash
# test-suites.sh [KERNEL]: runs test suites that others wrote on abuse disks and, for comparison, on loop devices
# in the same VM. It prints what differs: tests that pass on loop only, and those that take much longer on abuse;
# the last line counts. It fails if a test passes on loop only, or if nothing was tried.
#
# BLKTESTS=DIR	a checkout of blktests: the tests of its block group that are for any device (10 minutes)
# XFSTESTS=DIR	a checkout of xfstests: 33 quick generic tests, on ext4 and on xfs, which takes much longer
#
# They are copied to build/suites and built there; the checkouts are left alone. The output of the suites is in
# build/vm/suites.
set -eu -o pipefail
cd "$(dirname "$0")/.."
kernel=${1:-6.12} out=build/vm/suites suites=$PWD/build/suites
[ "${BLKTESTS:-}${XFSTESTS:-}" ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }

# fetch NAME DIR COMMAND...: copies a checkout and builds the copy with the command, once for each state of it
fetch() {
	local name=$1 dir=$2 state
	shift 2
	[ "$dir" ] || return 0
	[ -x "$dir/check" ] || { echo "test-suites.sh: no checkout of $name in $dir" >&2; exit 2; }
	state=$(cd "$dir" && pwd && git describe --always --dirty)
	[ "$(cat "$suites/$name/.state" 2>/dev/null)" != "$state" ] || return 0
	echo "building $name" >&2
	rm -rf "${suites:?}/$name"
	cp -r "$dir" "$suites/$name"
	(cd "$suites/$name" && "$@") >"$suites/$name.log" 2>&1 || { tail -n 20 "$suites/$name.log" >&2; exit 1; }
	echo "$state" >"$suites/$name/.state"
}

mkdir -p "$suites" "$out"
fetch blktests "${BLKTESTS:-}" make
fetch xfstests "${XFSTESTS:-}" make -j"$(nproc)"
vm/module.sh "$kernel"
rm -f "$out/results"
status=0
vm/run.sh -k "$kernel" -m 6G -t 7200 -o "$out" -- vm/suites.sh "$suites" \
	${BLKTESTS:+blktests} ${XFSTESTS:+xfstests} || status=$?

# shellcheck disable=SC2016 # awk's
awk -F '\t' -v status=$status '
	$3 == "loop" { there[$1 " " $2] = $4; then[$1 " " $2] = $5; name[n++] = $1 " " $2 }
	$3 == "abuse" { here[$1 " " $2] = $4; now[$1 " " $2] = $5 }
	END {
		for (i = 0; i < n; i++) {
			t = name[i]
			if (!(t in here)) here[t] = "not tried"
			if (there[t] == "pass") {
				if (here[t] == "pass") both++
				else { differ++; print t ": " here[t] " on abuse, passes on loop" }
			} else if (here[t] == there[t]) same[here[t]]++
			else { other++; print t ": " here[t] " on abuse, " there[t] " on loop" }
			if (here[t] == "pass" && now[t] > 3 * then[t] + 10) {
				slow++
				print t ": " now[t] " s on abuse, " then[t] " s on loop"
			}
		}
		if (status) print "the VM ended with status " status
		printf "%d tests: %d pass on both, %d on loop only; %d fail and %d are not run on either; %d differ otherwise, %d are slow\n",
			n, both, differ, same["fail"], same["not run"], other, slow
		exit status || differ || !both
	}' "$out/results"
