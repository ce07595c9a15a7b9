#!/bin/bash
# test.sh [KERNEL...]: the system tests in the VM, on each kernel (6.1 and 6.12)
#
# TESTS='pattern'	only the tests whose name matches (grep -E)
# TEST_TIME=60	seconds one test may take
# TORTURE=10	only the tests that try something many times, 10 times as often
set -eu -o pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- 6.1 6.12

all_passed=0 all_failed=0

# A start of Java takes seconds in the VM, and without an archive twice as many
[ ! -e cli/target/abusectl.jar ] || cli/abusectl --archive

build() { # KERNEL DIRECTORY
	vm/module.sh "$1"
	mkdir -p "$2/busy"
	cp -p vm/tests/busy.c "$2/busy"
	echo 'obj-m := busy.o' >"$2/busy/Kbuild"
	[ ! -e "build/kernel/$1/cc" ] || set -- "$@" "CC=$PWD/build/kernel/$1/cc"
	make -C "build/kernel/$1/headers" M="$PWD/$2/busy" "${@:3}" modules
	cp -p "$2/busy/busy.ko" "$2"
	sed -n '/^\.EX$/,/^\.EE$/{ /^\./!p }' man/abuse.4 >"$2/example.c"
	gcc -O2 -Wall -Wextra -Werror -static -Imodule/uapi -o "$2/example" "$2/example.c"
	for program in replay hog; do
		gcc -O2 -Wall -Wextra -Werror -static -pthread -o "$2/$program" vm/tests/$program.c
	done
	for client in client legacy fuzz stress inject; do
		for width in 64 32; do
			gcc -m$width -O2 -Wall -Wextra -Werror -Wno-pointer-to-int-cast -D_FILE_OFFSET_BITS=64 -static -pthread \
				-o "$2/$client${width/64/}" vm/tests/$client.c
		done
	done
}

for kernel; do
	dir=build/module/$kernel out=build/vm/test-$kernel
	mkdir -p "$dir" "$out"
	if ! build "$kernel" "$dir" >"$out/build.log" 2>&1; then
		echo "FAIL $kernel the module and the test clients are built"
		sed 's/^/    /' "$out/build.log"
		all_failed=$((all_failed + 1))
		continue
	fi
	status=0 limit=$((2400 * ${TORTURE:-1}))
	[ "$kernel" != debug ] || limit=$((limit * 10))
	vm/run.sh -k "$kernel" -t $limit -o "$out" -d 1G -- env ABUSE_KERNEL="$kernel" ABUSE_BUILD="$PWD/$dir" \
		TESTS="${TESTS:-}" TEST_TIME="${TEST_TIME:-60}" TORTURE="${TORTURE:-1}" vm/tests/run.sh </dev/null | tee "$out/tests.log" ||
		status=${PIPESTATUS[0]}
	planned=$(ABUSE_KERNEL=$kernel TESTS=${TESTS:-} vm/tests/run.sh -l | wc -l)
	passed=$(grep -c '^ok ' "$out/tests.log" || :)
	failed=$((planned - passed))
	if ! grep -q "^# $kernel: " "$out/tests.log"; then
		echo "# $kernel: $passed passed, $failed failed (the VM ended early with status $status)"
	fi
	if [ "$status" != 0 ] && [ $failed = 0 ]; then
		echo "FAIL $kernel the VM ends cleanly and its kernel log is clean (status $status)"
		failed=1
	fi
	all_passed=$((all_passed + passed))
	all_failed=$((all_failed + failed))
done

echo "$all_passed passed, $all_failed failed"
[ $all_failed = 0 ] && [ $all_passed -gt 0 ]
