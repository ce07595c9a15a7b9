#!/bin/bash
# vm/test-all.sh [KERNEL...] - unit tests, then the system tests on each kernel; the last line adds them up.
set -eu -o pipefail
cd "$(dirname "$0")/.."
reports=cli/target/surefire-reports
log=build/test.log
mkdir -p build

# unit ATTRIBUTE: the sum over the reports of all test classes
unit() {
	cat $reports/TEST-*.xml 2>/dev/null |
		sed -n "s/^<testsuite .* $1=\"\([0-9]*\)\".*/\1/p" | awk '{ n += $1 } END { print n + 0 }'
}

echo "# unit tests"
rm -rf $reports
unit_status=0
mvn -B -ntp verify 2>&1 | tee $log | grep --line-buffered -E '^\[(ERROR|WARNING)|Tests run:.*(Time|FAIL)' ||
	unit_status=${PIPESTATUS[0]}
bad=$(($(unit failures) + $(unit errors) + $(unit skipped)))
good=$(($(unit tests) - bad))
if [ "$unit_status" -ne 0 ] && [ $bad -eq 0 ]; then
	echo "FAIL the jar is built (see $log)"
	bad=1
fi
echo "# unit tests: $good passed, $bad failed"

echo "# system tests"
vm/test.sh "$@" | tee build/system.log || :
last=$(tail -n 1 build/system.log)
read -r passed failed < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' <<<"$last") ||
	read -r passed failed <<<"0 1"

echo "$((good + passed)) passed, $((bad + failed)) failed"
[ $((bad + failed)) -eq 0 ] && [ "$good" -gt 0 ] && [ "$passed" -gt 0 ]
