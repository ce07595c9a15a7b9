# shellcheck shell=bash
# What test.sh and test-debian.sh share; to be sourced.
export MAX_FAILED=${MAX_FAILED:-10}

# run_tests KERNEL OUT FOLDER OPTION...: runs the tests of a folder of vm/tests in a VM, with these options of
# run.sh; the output goes to OUT/tests.log, too
run_tests() {
	local kernel=$1 out=$2 folder=$3 status=0
	shift 3
	vm/run.sh -k "$kernel" -o "$out" "$@" -- env ABUSE_KERNEL="$kernel" ABUSE_BUILD="$PWD/build/module/$kernel" \
		TESTS="${TESTS:-}" TEST_TIME="${TEST_TIME:-120}" TORTURE="${TORTURE:-1}" CLAIMS="${CLAIMS:-}" \
		MAX_FAILED="$MAX_FAILED" \
		vm/tests/run.sh "$folder" </dev/null | tee "$out/tests.log" || status=${PIPESTATUS[0]}
	if ! grep -q "^# $kernel: " "$out/tests.log"; then
		echo "FAIL $kernel the VM ends after the last test, not early (status $status)"
	elif [ "$status" != 0 ] && grep -q "^# $kernel: .* 0 failed$" "$out/tests.log"; then
		echo "FAIL $kernel the VM ends cleanly and its kernel log is clean (status $status)"
	fi | tee -a "$out/tests.log"
}

# planned KERNEL FOLDER: prints how many tests there are
planned() { ABUSE_KERNEL=$1 TESTS=${TESTS:-} vm/tests/run.sh -l "$2" | wc -l; }

# sum_up KERNEL FOLDER OUT...: writes how many passed and failed to OUT/sum of the first OUT; a test that did not
# run has failed
sum_up() {
	local kernel=$1 planned passed failed
	planned=$(planned "$1" "$2")
	shift 2
	passed=$(cat "${@/%//tests.log}" 2>/dev/null | grep -c '^ok ' || :)
	failed=$((planned - passed))
	if [ $failed = 0 ] && cat "${@/%//tests.log}" 2>/dev/null | grep -q "^FAIL $kernel the VM ends "; then
		failed=1
	fi
	echo "$passed $failed" >"$1/sum"
}

# total OUT...: prints the last line; succeeds if all tests passed
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
