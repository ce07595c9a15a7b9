#!/bin/bash
# vm/test-arm64.sh [6.1|6.12|6.12-16k]: a short list of the system tests on one of Debian's kernels for arm64,
# 6.12 if not said, in emulation: what the module does in another order of memory, with other pages and other
# numbers, and that the jar starts there. Not a part of test-all.sh.
#
# TESTS, TEST_TIME	as in test.sh
set -eu -o pipefail
cd "$(dirname "$0")/.."
kernel=${1:-6.12}
case $kernel in
*-16k) kernel=${kernel%-16k}-arm64-16k ;;
*) kernel=$kernel-arm64 ;;
esac

topics='(setup|xfer( 32)?|queue|reset|poll|data|legacy (64|32)|fuzz|stress): '
jar='commands: (list shows|run does it all)|server: a stopped server alone|storage: a full filesystem past'
TESTS=${TESTS:-$topics|$jar} exec vm/test.sh "$kernel"
