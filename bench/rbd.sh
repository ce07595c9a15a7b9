#!/bin/bash
# bench/rbd.sh [CASE...] - measures what a request of 4 KiB to an image of Ceph costs this machine, at depth 32, with
# abusectl and with rbd-nbd ("rbd device map -t nbd"), on a cluster of one node in the VM. For each it prints the
# microseconds of processor time a request in the server, how many of these Java's compilers take, which have less to do the
# longer the server runs, and those in the kernel's own threads and in fio. As in run.sh, one CPU counts instructions: a
# microsecond is 500 of them. REQUESTS (5000) of each kind are measured, after WARM (15000) to warm up.
# Not a part of make bench; it takes half an hour, and Debian's packages ceph-mon ceph-osd ceph-common rbd-nbd fio.
#
# Cases: rbd-nbd, rbd-nbd-no-cache (with rbd_cache=false, as abusectl has it), abusectl; all by default
set -eu -o pipefail
cd "$(dirname "$0")/.."
kernel=6.12
requests=${REQUESTS:-5000} warm=${WARM:-15000}
image=rbd/disk

# load DEVICE PATTERN REQUESTS
load() {
	fio --name=load --filename="$1" --direct=1 --ioengine=libaio --iodepth=32 --bs=4k --rw="$2" --number_ios="$3" \
		--size=64m --io_size=100g --norandommap --randrepeat=0 --output=/tmp/fio
}

# Of all processes or threads there, some of which may be gone by now
stats() { cat "$1"/[0-9]*/stat 2>/dev/null || :; }

# Each prints microseconds of processor time so far
of_process() { awk '{ sub(/.*\) /, ""); print ($12 + $13) * 10000 }' "/proc/$1/stat"; }
of_compilers() {
	stats "/proc/$1/task" | awk '/\(C[12] Compiler/ { sub(/.*\) /, ""); n += $12 + $13 } END { print n * 10000 }'
}
of_children() { awk '{ sub(/.*\) /, ""); print ($14 + $15) * 10000 }' "/proc/$$/stat"; }
of_kernel() { # all its threads, whose parent is thread 2
	stats /proc | awk '{ sub(/.*\) /, "") } $2 == 2 { n += $12 + $13 } END { print n * 10000 }'
}

# measure CASE DEVICE PID
measure() {
	local pattern server compilers kernel fio
	dd if=/dev/zero of="$2" bs=1M count=64 oflag=direct status=none
	for pattern in randread randwrite; do
		load "$2" $pattern "$warm"
		server=$(of_process "$3") compilers=$(of_compilers "$3") kernel=$(of_kernel) fio=$(of_children)
		load "$2" $pattern "$requests"
		fio=$(($(of_children) - fio)) kernel=$(($(of_kernel) - kernel))
		compilers=$(($(of_compilers "$3") - compilers)) server=$(($(of_process "$3") - server))
		printf '%-17s %-9s %9d %9d %9d %9d\n' "$1" $pattern $((server / requests)) $((compilers / requests)) \
			$((kernel / requests)) $((fio / requests))
	done
}

if [ "${1:-}" = in-the-vm ]; then
	shift
	cli/engines/ceph.sh up /tmp/ceph
	export CEPH_CONF=/tmp/ceph/ceph.conf
	rbd create --size 64M $image
	modprobe nbd
	modprobe abuse
	printf '%-17s %-9s %9s %9s %9s %9s\n' 'us a request' '' server compilers kernel fio
	for one; do
		case $one in
		rbd-nbd*)
			[ "$one" = rbd-nbd ] || export CEPH_ARGS=--rbd_cache=false
			device=$(rbd-nbd map $image)
			unset CEPH_ARGS
			measure "$one" "$device" "$(pgrep -x rbd-nbd)"
			rbd-nbd unmap "$device"
			;;
		abusectl)
			cli/abusectl run rbd:$image >/tmp/device &
			until [ -s /tmp/device ]; do sleep 0.1; done
			measure "$one" "$(cat /tmp/device)" $!
			kill $!
			wait $!
			;;
		esac
	done
	exit
fi

for program in ceph-mon ceph-osd rbd rbd-nbd fio; do
	command -v $program >/dev/null || { echo "rbd.sh: no $program; the head of this file names the packages" >&2; exit 1; }
done
[ $# -gt 0 ] || set -- rbd-nbd rbd-nbd-no-cache abusectl
vm/module.sh $kernel
cli/abusectl --archive
vm/run.sh -k $kernel -i -m 3G -t 7200 -o build/bench/rbd -- env REQUESTS="$requests" WARM="$warm" bench/rbd.sh in-the-vm "$@"
