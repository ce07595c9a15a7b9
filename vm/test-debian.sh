#!/bin/bash
# vm/test-debian.sh SUITE [KERNEL...]: tests of the packages in a clean Debian with systemd, in the VM
#	service		abuse@.service and the udev rule, with the module that is built here
#	packages	both packages, the module built by dkms in the VM, which takes minutes
#
# TESTS, TEST_TIME	as in test.sh
set -eu -o pipefail
cd "$(dirname "$0")/.."
suite=$1
shift
[ $# -gt 0 ] || set -- 6.1

all_passed=0 all_failed=0
vm/debian.sh
for kernel; do
	build=build/module/$kernel out=build/vm/test-$suite-$kernel status=0
	mkdir -p "$out"
	vm/module.sh "$kernel"
	gcc -O2 -Wall -Wextra -Werror -static -pthread -o "$build/client" vm/tests/client.c
	vm/run.sh -k "$kernel" -r build/debian -t 1800 -o "$out" -- env ABUSE_KERNEL="$kernel" ABUSE_BUILD="$PWD/$build" \
		TESTS="${TESTS:-}" TEST_TIME="${TEST_TIME:-60}" vm/tests/run.sh "$suite" </dev/null | tee "$out/tests.log" ||
		status=${PIPESTATUS[0]}
	planned=$(TESTS=${TESTS:-} vm/tests/run.sh -l "$suite" | wc -l)
	passed=$(grep -c '^ok ' "$out/tests.log" || :)
	failed=$((planned - passed))
	if [ "$status" != 0 ] && [ $failed = 0 ]; then
		echo "FAIL $kernel the VM ends cleanly and its kernel log is clean (status $status)"
		failed=1
	fi
	all_passed=$((all_passed + passed))
	all_failed=$((all_failed + failed))
done

echo "$all_passed passed, $all_failed failed"
[ $all_failed = 0 ] && [ $all_passed -gt 0 ]
