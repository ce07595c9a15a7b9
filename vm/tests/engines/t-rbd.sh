# shellcheck shell=bash disable=SC2034,SC2119,SC2120,SC2154
# A disk whose bytes a Ceph cluster of one node has; make test-engines runs this
# run.sh: seconds 900

CEPH=${ABUSECTL%/*}/engines/ceph.sh

fio_verifies_while_the_server_is_killed_and_the_image_has_it_all() {
	local n
	"$CEPH" up "$T/ceph" || fail "no cluster: $(tail -n 20 "$T"/ceph/*.log)"
	export CEPH_CONF=$T/ceph/ceph.conf
	rbd create --size 64M rbd/disk
	ready capacity=64M queue_depth=64 flags=$((WRITE_CACHE | DISCARD | WRITE_ZEROES))
	start server rbd:rbd/disk
	start_load
	for n in 1 2 3; do
		kill9 server
		start server rbd:rbd/disk
		answering
	done
	end_load "the server of an image of Ceph was killed 3 times"
	io op=write offset=48M length=1M byte=7
	kill9 server
	rbd export --no-progress rbd/disk "$T/copy"
	start server rbd:rbd/disk
	cmp "$T/copy" "$DISK"
	io op=check offset=48M length=1M byte=7
	stop server
	reset
	"$CEPH" down "$T/ceph"
}
