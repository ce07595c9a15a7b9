#!/bin/bash
# cli/engines/test.sh - runs the tests of backends whose storage is a cluster: starts a Ceph node in a temporary folder,
# and ends it with the tests.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'cli/engines/ceph.sh down "$folder/ceph"; rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
cli/engines/ceph.sh up "$folder/ceph" || {
	tail -n 20 "$folder"/ceph/*.log >&2
	exit 1
}
mvn -B -ntp test -Dgroups=ceph -DexcludedGroups=none -Dtest='Rbd*Test' -Dsurefire.failIfNoSpecifiedTests=false \
	-Dabuse.ceph="$folder/ceph" 2>&1 | grep --line-buffered -E '^\[ERROR|^\[WARNING.*Tests|Tests run:.*(Time|FAIL)'
