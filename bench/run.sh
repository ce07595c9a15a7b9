#!/bin/bash
# bench/run.sh - measures how fast abuse is, compared with its peers, in the VM
#
#   run.sh                            measures all; prints the table and writes build/bench/bench.json
#   run.sh profile TARGET WORKLOAD    shows where the instructions go; guest.sh lists targets and workloads
#
# BENCH=quick    fewer targets, workloads and rounds, one CPU only
# TARGETS=...    only these, with or without BENCH; likewise WORKLOADS, ROUNDS, MODES (icount wall)
#
# icount: one CPU, and time is the number of instructions executed, so it does not matter how busy the
# machine is; a second is 500 million of them. This says nothing about caches and concurrency.
# wall: two CPUs and the clock on the wall, on a machine that does nothing else; for concurrency only.
set -eu

cd "$(dirname "$0")/.."
kernel=6.12 # the oldest packaged one that has ublk
out=build/bench
mkdir -p $out

vm/kernel.sh $kernel
vm/module.sh $kernel
cp "$(echo build/kernel/$kernel/root/usr/src/linux-headers-*-common/include/uapi/linux/ublk_cmd.h)" $out
gcc -O2 -Wall -Wextra -pthread -I$out -o $out/ublk bench/ublk.c -luring
gcc -O2 -Wall -Wextra -o $out/vectors bench/vectors.c -luring
gcc -O2 -Wall -Wextra -pthread -Imodule/uapi -o $out/client bench/client.c
make -s -C vm/tests OUT="$PWD/build/clients" "$PWD/build/clients" "$PWD/build/clients/client"

# The CPU has neither erms nor fsrm, because with them the kernel copies byte by byte, which is slow in
# emulation. Hung tasks are not looked for, because with icount a wait for the machine's disk may take
# minutes of the VM's time.
vm() { # MODE COMMAND...
	local mode=$1 options=(-i) tries=1
	shift
	# A kernel does not always survive two emulated processors that run at the same time.
	[ "$mode" = icount ] || options=(-p) tries=4
	until vm/run.sh -k $kernel -m 6G -t 7200 -o "$out/$mode" "${options[@]}" \
		-a "clearcpuid=erms,fsrm sysctl.kernel.hung_task_timeout_secs=0" -- "$@"; do
		[ $((tries -= 1)) -gt 0 ] || return 1
	done
}

if [ "${1:-}" = profile ]; then
	[ $# -eq 3 ] || { echo "usage: run.sh profile TARGET WORKLOAD" >&2; exit 2; }
	vm icount bench/guest.sh "$@"
	exit
fi

icount_targets='null_blk dm-linear map-null map-many brd map-brd map-mem map-cache map-cache-brd map-none loop nbd-null nbd-mem nbd-file
	qemu-nbd qemu-nbd-qcow2 ublk-null ublk-null-batch ublk-file ublk-file-batch c-null c-mem abuse-null abuse-mem abuse-mem-error
	abuse-mem-powerfail abuse-file abuse-qcow2 abuse-nbd-mem loop-512 abuse-file-512'
icount_workloads='rr4k-1 rw4k-1 rr4k-32 rw4k-32 r128k-32 w128k-32 r1m-32 w1m-32 rv1m-4 wv1m-4'
wall_targets='null_blk loop nbd-null ublk-null ublk-null-2 c-null c-null-poll c-null-2 abuse-null abuse-null-poll abuse-null-2'
wall_workloads='rr4k-1 rr4k-4 rr4k-32 rr4k-32x2 r128k-32'
modes='icount wall' rounds=5 milliseconds=400 requests=1000000
if [ "${BENCH:-}" = quick ]; then
	modes=icount rounds=2 milliseconds=250 requests=100000
	icount_targets='null_blk loop ublk-null ublk-null-batch ublk-file c-null abuse-null abuse-file loop-512 abuse-file-512'
	icount_workloads='rr4k-1 rr4k-32 rw4k-32 r128k-32 w128k-32 rv1m-4 wv1m-4'
fi
[ -z "${MODES:-}" ] || modes=$MODES
rounds=${ROUNDS:-$rounds}

: >$out/lines
for mode in $modes; do
	case $mode in
	icount) targets=${TARGETS:-$icount_targets} workloads=${WORKLOADS:-$icount_workloads} length=$milliseconds ;;
	wall) targets=${TARGETS:-$wall_targets} workloads=${WORKLOADS:-$wall_workloads} length=2000 requests=0 ;;
	esac
	# shellcheck disable=SC2086,SC2116 # echo leaves one space between words
	vm "$mode" bench/guest.sh measure "$rounds" $length $requests "$(echo $workloads)" "$(echo $targets)"
	jq -c --arg mode "$mode" '. + {mode: $mode}' "$out/$mode/results" >>$out/lines
done
jq -s --arg kernel "$(cat build/kernel/$kernel/release)" --arg date "$(date -u +%F)" \
	--arg fio "$(fio --version)" --arg milliseconds "$milliseconds" \
	'{kernel: $kernel, date: $date, fio: $fio} + {lines: .}' $out/lines | jq -f bench/report.jq >$out/bench.json
jq -r .table $out/bench.json
