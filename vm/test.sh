#!/bin/bash
# test.sh [-b] [KERNEL...]: the system tests in the VM, on each kernel (6.1 and 6.12), on as many at once
# as there are processors; -b only builds what they need besides the jar
#
# TESTS='pattern'	only the tests whose name matches this regular expression
# TEST_TIME=120	seconds of the VM's own time that a test may take which does not say it itself
# TORTURE=10	only the tests that try something many times, 10 times as often
set -eu -o pipefail
cd "$(dirname "$0")/.."
only_build=
[ "${1-}" != -b ] || { only_build=yes; shift; }
[ $# -gt 0 ] || set -- 6.1 6.12

# shellcheck source=vm/tally.sh
. vm/tally.sh

# A start of Java takes seconds in the VM, and without an archive twice as many
[ "$only_build" ] || [ ! -e cli/target/abusectl.jar ] || cli/abusectl --archive

# clients KERNEL: the programs for what that kernel runs on, in the folder $clients
clients() {
	local cc=(CC=gcc) cross=$PWD/build/arm64/cross/usr/bin
	clients=$PWD/build/clients
	case $1 in
	*-arm64*)
		clients+=-arm64
		cc=("CC=$cross/aarch64-linux-gnu-gcc-12" "CC32=$cross/arm-linux-gnueabihf-gcc-12 -Wl,-z,max-page-size=65536")
		;;
	esac
	mkdir -p "$clients"
	flock "$clients" make -C vm/tests OUT="$clients" "${cc[@]}"
}

build() { # KERNEL DIRECTORY
	local kernel=$1
	vm/module.sh "$kernel"
	mkdir -p "$2/busy"
	cp -pu vm/tests/busy.c "$2/busy"
	echo 'obj-m := busy.o' >"$2/busy/Kbuild"
	[ ! -e "build/kernel/$1/cc" ] || set -- "$@" "CC=$PWD/build/kernel/$1/cc"
	make -C "build/kernel/$1/headers" M="$PWD/$2/busy" "${@:3}" modules
	cp -p "$2/busy/busy.ko" "$2"
	clients "$kernel"
	ln -f "$clients"/* "$2"
}

outs=()
for kernel; do
	dir=build/module/$kernel out=build/vm/test-$kernel
	outs+=("$out")
	mkdir -p "$dir" "$out"
	rm -f "$out/sum"
	if ! build "$kernel" "$dir" >"$out/build.log" 2>&1; then
		echo "FAIL $kernel the module and the test clients are built"
		sed 's/^/    /' "$out/build.log"
		echo 0 1 >"$out/sum"
	fi
done

[ ! "$only_build" ] || exit 0

test_one() { # KERNEL
	local out=build/vm/test-$1
	# More than any one test may take
	[ -e "$out/sum" ] || run_tests "$1" "$out" '' -t $((3600 * ${TORTURE:-1})) -d 1G
}
export -f run_tests test_one

# A VM uses one processor.
# shellcheck disable=SC2016
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 1 bash -eu -o pipefail -c 'test_one "$1"' test_one
total "${outs[@]}"
