# shellcheck shell=bash
# What test.sh and test-debian.sh share; to be sourced.

# run_tests KERNEL OUT FOLDER OPTION...: the tests of a folder of vm/tests in a VM with these options of run.sh; their sum is in OUT/sum
run_tests() {
	local kernel=$1 out=$2 folder=$3 status=0 planned passed failed
	shift 3
	vm/run.sh -k "$kernel" -o "$out" "$@" -- env ABUSE_KERNEL="$kernel" ABUSE_BUILD="$PWD/build/module/$kernel" \
		TESTS="${TESTS:-}" TEST_TIME="${TEST_TIME:-120}" TORTURE="${TORTURE:-1}" vm/tests/run.sh "$folder" </dev/null |
		tee "$out/tests.log" || status=${PIPESTATUS[0]}
	planned=$(ABUSE_KERNEL=$kernel TESTS=${TESTS:-} vm/tests/run.sh -l "$folder" | wc -l)
	passed=$(grep -c '^ok ' "$out/tests.log" || :)
	failed=$((planned - passed))
	if ! grep -q "^# $kernel: " "$out/tests.log"; then
		echo "# $kernel: $passed passed, $failed failed (the VM ended early with status $status)"
	fi
	if [ "$status" != 0 ] && [ $failed = 0 ]; then
		echo "FAIL $kernel the VM ends cleanly and its kernel log is clean (status $status)"
		failed=1
	fi
	echo "$passed $failed" >"$out/sum"
}

# total OUT...: the last line, and whether all is well
total() {
	local out passed failed all_passed=0 all_failed=0
	for out; do
		read -r passed failed <"$out/sum"
		all_passed=$((all_passed + passed))
		all_failed=$((all_failed + failed))
	done
	echo "$all_passed passed, $all_failed failed"
	[ $all_failed = 0 ] && [ $all_passed -gt 0 ]
}
