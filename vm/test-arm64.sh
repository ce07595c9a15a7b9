#!/bin/bash
# vm/test-arm64.sh [6.1|6.12|6.12-16k]: runs some of the system tests in emulation, on one of Debian's kernels
# for arm64 (6.12). Memory is ordered and paged in another way there, which matters to the module, and the C
# library has other numbers, which matter to the jar. Not a part of test-all.sh.
#
# TESTS, TEST_TIME	as in test.sh
set -eu -o pipefail
cd "$(dirname "$0")/.."
kernel=${1:-6.12}
case $kernel in
*-16k) kernel=${kernel%-16k}-arm64-16k ;;
*) kernel=$kernel-arm64 ;;
esac

topics='(setup|xfer|queue|reset|poll|data|legacy-[a-z]+ (64|32)|fuzz|stress): '
jar='commands: (list shows|run does it all)|cli: setup refuses|server: a stopped server alone|storage: a full filesystem past'
TESTS=${TESTS:-$topics|$jar} exec vm/test.sh "$kernel"
