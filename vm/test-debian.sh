#!/bin/bash
# vm/test-debian.sh SUITE [KERNEL...]: runs tests of the packages in a clean Debian with systemd, in the VM
#	service		abuse@.service and the udev rule, with the module that is built here
#	packages	both packages, the module built by dkms in the VM, which takes minutes
#
# TESTS, TEST_TIME	as in test.sh
set -eu -o pipefail
cd "$(dirname "$0")/.."
suite=$1
shift
[ $# -gt 0 ] || set -- 6.1

# shellcheck source=vm/tally.sh
. vm/tally.sh
vm/debian.sh
outs=()
for kernel; do
	build=build/module/$kernel out=build/vm/test-$suite-$kernel
	outs+=("$out")
	mkdir -p "$out"
	vm/module.sh "$kernel"
	make -s -C vm/tests CC=gcc OUT="$PWD/$build" "$PWD/$build/client"
	run_tests "$kernel" "$out" "$suite" -r build/debian -t 3600
	sum_up "$kernel" "$suite" "$out"
done

total "${outs[@]}"
