#!/bin/bash
# vm/test-engines.sh: runs the tests in vm/tests/engines, in the VM: disks whose bytes a storage has that only "make
# test-engines" installs. The kernel is 6.12, because Ceph needs direct I/O, which the tmpfs of 6.1 does not have.
#
# TESTS, TEST_TIME	as in test.sh
set -eu -o pipefail
cd "$(dirname "$0")/.."
kernel=6.12 out=build/vm/test-engines

# shellcheck source=vm/tally.sh
. vm/tally.sh
mkdir -p $out
cli/abusectl --archive
vm/module.sh $kernel
make -s -C vm/tests CC=gcc OUT="$PWD/build/module/$kernel" "$PWD/build/module/$kernel/client"
run_tests $kernel $out engines -m 3G
sum_up $kernel engines $out
total $out
