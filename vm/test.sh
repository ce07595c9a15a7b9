#!/bin/bash
# test.sh [KERNEL...]: the system tests in the VM, on each kernel (6.1 and 6.12), on as many at once as
# there are processors
#
# TESTS='pattern'	only the tests whose name matches (grep -E)
# TEST_TIME=120	seconds of the VM's own time that a test may take which does not say it itself
# TORTURE=10	only the tests that try something many times, 10 times as often
set -eu -o pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- 6.1 6.12

# shellcheck source=vm/tally.sh
. vm/tally.sh

# A start of Java takes seconds in the VM, and without an archive twice as many
[ ! -e cli/target/abusectl.jar ] || cli/abusectl --archive

# compile KERNEL WIDTH OPTION...: a program for what that kernel runs on, of 64 or 32 bits
compile() {
	local cc=(gcc "-m$2") cross=build/arm64/cross/usr/bin
	case $1/$2 in
	*-arm64*/64) cc=("$cross/aarch64-linux-gnu-gcc-12") ;;
	*-arm64*/32) cc=("$cross/arm-linux-gnueabihf-gcc-12" "-Wl,-z,max-page-size=65536") ;;
	esac
	"${cc[@]}" -O2 -Wall -Wextra -Werror -static -pthread "${@:3}"
}

build() { # KERNEL DIRECTORY
	local kernel=$1
	vm/module.sh "$kernel"
	mkdir -p "$2/busy"
	cp -p vm/tests/busy.c "$2/busy"
	echo 'obj-m := busy.o' >"$2/busy/Kbuild"
	[ ! -e "build/kernel/$1/cc" ] || set -- "$@" "CC=$PWD/build/kernel/$1/cc"
	make -C "build/kernel/$1/headers" M="$PWD/$2/busy" "${@:3}" modules
	cp -p "$2/busy/busy.ko" "$2"
	sed -n '/^\.EX$/,/^\.EE$/{ /^\./!p }' man/abuse.4 >"$2/example.c"
	compile "$kernel" 64 -Imodule/uapi -o "$2/example" "$2/example.c"
	for program in replay hog; do
		compile "$kernel" 64 -o "$2/$program" vm/tests/$program.c
	done
	for client in client legacy fuzz stress inject; do
		for width in 64 32; do
			compile "$kernel" $width -Wno-pointer-to-int-cast -D_FILE_OFFSET_BITS=64 \
				-o "$2/$client${width/64/}" vm/tests/$client.c
		done
	done
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

test_one() { # KERNEL
	local out=build/vm/test-$1 limit=$((2400 * ${TORTURE:-1}))
	[ "$1" != debug ] || limit=$((limit * 10))
	[ -e "$out/sum" ] || run_tests "$1" "$out" '' -t $limit -d 1G
}
export -f run_tests test_one

# A VM uses one processor.
# shellcheck disable=SC2016
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 1 bash -eu -o pipefail -c 'test_one "$1"' test_one
total "${outs[@]}"
