#!/bin/bash
# test.sh [-b] [KERNEL...]: runs the system tests on each kernel (6.1 and 6.12), in VMs that share them; with -b
# it only builds what they need besides the jar
#
# TESTS='pattern'	only the tests whose names match this regular expression
# TEST_TIME=120	seconds of the VM's own time that a test may take if its topic file sets no limit
# MAX_FAILED=10	when so many tests have failed in a VM, the rest do not run, because a run in which nothing works
#	would take hours
# VMS=2	that many VMs at once; by default as many as there are processors
# TORTURE=10	only the tests that try something many times, 10 times as often
set -eu -o pipefail
cd "$(dirname "$0")/.."
only_build=
[ "${1-}" != -b ] || { only_build=yes; shift; }
[ $# -gt 0 ] || set -- 6.1 6.12
vms=${VMS:-$(nproc)}

# shellcheck source=vm/tally.sh
. vm/tally.sh

# Java takes seconds to start in the VM, and twice as many without an archive
with_java() {
	local lib=build/java/lib plugin name
	local javac=(javac -Xlint:all -Werror --release 17 -cp cli/target/abusectl.jar)
	cli/abusectl --archive
	mkdir -p $lib
	"${javac[@]}" -d $lib/resident vm/tests/Resident.java
	"${javac[@]}" -cp "cli/junit/target/classes:cli/junit/target/lib/*" -d $lib/library vm/tests/library/*.java
	for name in Bad Miss; do
		plugin=build/java/${name,}
		mkdir -p "$plugin/META-INF/services"
		"${javac[@]}" -d "$plugin" "vm/tests/${name}Backend.java"
		echo "${name}Backend" >"$plugin/META-INF/services/abuse.backend.BackendFactory"
		jar -cf "$lib/${name,}.jar" -C "$plugin" .
	done
}

# clients KERNEL: builds the clients for the processor of that kernel, and puts their folder into $clients
clients() {
	local cc=(CC=gcc) cross=$PWD/build/arm64/cross/usr/bin
	clients=$PWD/build/clients
	case $1 in
	*-arm64*)
		clients+=-arm64
		cc=("CC=$cross/aarch64-linux-gnu-gcc-12" "CC32=$cross/arm-linux-gnueabihf-gcc-12 -Wl,-z,max-page-size=65536")
		;;
	esac
	mkdir -p "$clients" &&
		flock "$clients" make -C vm/tests OUT="$clients" "${cc[@]}"
}

# Its status is looked at, so a command that fails does not end it by itself.
build() { # KERNEL DIRECTORY
	local kernel=$1 dir=$2 cc=()
	[ ! -e "build/kernel/$1/cc" ] || cc=("CC=$PWD/build/kernel/$1/cc")
	vm/module.sh "$kernel" &&
		mkdir -p "$dir/busy" &&
		cp -pu vm/tests/busy.c "$dir/busy" &&
		echo 'obj-m := busy.o' >"$dir/busy/Kbuild" &&
		make -C "build/kernel/$kernel/headers" M="$PWD/$dir/busy" "${cc[@]}" modules &&
		cp -p "$dir/busy/busy.ko" "$dir" &&
		clients "$kernel" &&
		cp -rlf "$clients/." "$dir" &&
		{ [ ! -d build/java/lib ] || cp -rlf build/java/lib/. "$dir"; }
}

[ "$only_build" ] || [ ! -e cli/target/abusectl.jar ] || with_java
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

out_of() { # KERNEL NUMBER
	if [ "$2" = 1 ]; then echo "build/vm/test-$1"; else echo "build/vm/test-$1-$2"; fi
}

# Starts VMs for a kernel, one after the other, as long as tests are left: a VM that a test has broken ends early
run_one() { # KERNEL NUMBER
	local kernel=$1 n=$2 out claims=build/vm/claims-$1 claimed=-1 before
	[ ! -e "$(out_of "$kernel" 1)/sum" ] || return 0 # not built
	while
		before=$claimed
		claimed=$(find "$claims" -type f | wc -l)
		[ "$claimed" != "$before" ] && [ "$claimed" -lt "$(planned "$kernel" '')" ]
	do
		out=$(out_of "$kernel" "$n")
		mkdir -p "$out"
		# The limit is longer than any test may take.
		CLAIMS=/shared run_tests "$kernel" "$out" '' -t $((3600 * ${TORTURE:-1})) -d 1G -s "$claims"
		if [ "$(grep -c '^FAIL ' "$out/tests.log")" -ge "$MAX_FAILED" ]; then
			echo "FAIL $kernel so many tests failed in a VM that it ran no others" | tee -a "$out/tests.log"
			break
		fi
		n=$((n + vms))
	done
}
export vms
export -f run_tests planned out_of run_one

# A VM uses one processor. When a kernel has no tests left, the next VM helps another kernel.
for kernel; do
	rm -rf "build/vm/claims-$kernel"
	mkdir -p "build/vm/claims-$kernel"
	rm -f "build/vm/test-$kernel"/tests.log "build/vm/test-$kernel"-[0-9]*/tests.log
done
# shellcheck disable=SC2016
for ((n = 1; n <= vms; n++)); do
	printf "%s $n\n" "$@"
done | xargs -P "$vms" -n 2 bash -eu -o pipefail -c 'run_one "$1" "$2"' run_one
for kernel; do
	all=("build/vm/test-$kernel")
	for log in "build/vm/test-$kernel"-[0-9]*/tests.log; do
		all+=("${log%/*}")
	done
	[ -e "${all[0]}/sum" ] || sum_up "$kernel" '' "${all[@]}"
done
total "${outs[@]}"
