#!/bin/bash
# vm/test-all.sh [KERNEL...] - runs the unit tests and, beside them, the system tests on each kernel, then those of the
# library, and with DEB=yes those of the packages; the last line adds them up.
set -eu -o pipefail
cd "$(dirname "$0")/.."
reports=(cli/target/surefire-reports cli/junit/target/surefire-reports)
log=build/test.log
mkdir -p build

# unit ATTRIBUTE: prints its sum over the reports of all test classes
unit() {
	find "${reports[@]}" -name 'TEST-*.xml' -exec cat {} + 2>/dev/null |
		sed -n "s/^<testsuite .* $1=\"\([0-9]*\)\".*/\1/p" | awk '{ n += $1 } END { print n + 0 }'
}

# Meanwhile kernels, modules and test clients are built; the system tests report what cannot be built.
vm/test.sh -b "$@" >build/test-build.log 2>&1 &
if ! mvn -B -ntp -DskipTests verify >$log 2>&1; then
	grep -E '^\[ERROR' $log || :
	wait
	echo "FAIL the jar is built, without which no test can run (see $log)"
	echo "0 passed, 1 failed"
	exit 1
fi
wait

# A VM waits a third of its time, and so do the unit tests: each fills the pauses of the other. They start from the
# same classes, and no phase after "test" may run, because the VMs read the jar.
rm -rf "${reports[@]}"
mvn -B -ntp -DexcludedGroups=engines -Dmaven.test.failure.ignore=true test >$log 2>&1 &
unit_tests=$!

all_passed=0 all_failed=0
part() { # NAME COMMAND...: the last line of the command's output is counted
	echo "# $1"
	"${@:2}" | tee build/part.log || :
	read -r passed failed < <(tail -n 1 build/part.log | sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p') ||
		passed=0 failed=0
	[ "$passed" -gt 0 ] || failed=$((failed + 1))
	all_passed=$((all_passed + passed))
	all_failed=$((all_failed + failed))
}
part "system tests" vm/test.sh "$@"

echo "# unit tests"
unit_status=0
wait $unit_tests || unit_status=$?
grep -E '^\[(ERROR|WARNING)|Tests run:.*(Time|FAIL)' $log || :
bad=$(($(unit failures) + $(unit errors) + $(unit skipped)))
good=$(($(unit tests) - bad))
[ "$unit_status" -eq 0 ] || bad=$((bad + 1))
echo "# unit tests: $good passed, $bad failed"
all_passed=$((all_passed + good))
all_failed=$((all_failed + bad))

part "library" cli/library/test.sh
if [ "${DEB:-}" ]; then
	part "service" vm/test-debian.sh service
	part "packages" vm/test-debian.sh packages
	part "root" vm/test-root.sh 6.1
fi

echo "$all_passed passed, $all_failed failed"
[ $all_failed -eq 0 ] && [ "$good" -gt 0 ]
