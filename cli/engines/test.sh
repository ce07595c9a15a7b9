#!/bin/bash
# cli/engines/test.sh - runs the tests of backends whose storage is a cluster or an object store: starts a Ceph node in a
# temporary folder, and ends it with the tests, which start the store.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'cli/engines/ceph.sh down "$folder/ceph"; rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
cli/engines/ceph.sh up "$folder/ceph" || {
	tail -n 20 "$folder"/ceph/*.log >&2
	exit 1
}
mvn -q -B -ntp -f cli/engines/s3mock.xml dependency:copy-dependencies -DoutputDirectory="$PWD/build/s3mock"
mvn -B -ntp test -Dgroups=engines -DexcludedGroups=none -Dtest='Rbd*Test,S3Test' -Dsurefire.failIfNoSpecifiedTests=false \
	-Dabuse.ceph="$folder/ceph" -Dabuse.s3mock="$PWD/build/s3mock" 2>&1 | grep --line-buffered -E '^\[ERROR|^\[WARNING.*Tests|Tests run:.*(Time|FAIL)'
