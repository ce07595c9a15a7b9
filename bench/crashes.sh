#!/bin/bash
# bench/crashes.sh - measures how many states of a disk that was recorded are checked in a second
#
# A filesystem of 256 MiB is recorded in the VM while files are written, synced and removed in it. Then, outside, all
# states that `abusectl crashes` makes of the record are checked with fsck.ext4 -fn, with one job and with one for each
# processor. Beside it, in turns: that check alone, again and again; and, if XFSTESTS names a checkout of xfstests, its
# replay-log, once with its own --check, which looks at a disk that goes on from flush to flush, and once as it is used
# for a state that does not follow another: a copy of the image, a replay and a check. Prints medians of ROUNDS (3).
set -eu -o pipefail
cd "$(dirname "$0")/.."
kernel=6.12
out=$PWD/build/bench/crashes

record() {
	local n
	modprobe -a abuse ext4
	truncate -s 256M /out/base
	mkfs.ext4 -q -b 4096 -E nodiscard,lazy_itable_init=0,lazy_journal_init=0 /out/base
	cp --sparse=always /out/base /out/image
	rm -f /out/log
	cli/abusectl run --filter record:/out/log file:/out/image >/out/run &
	until [ -s /out/run ]; do sleep 0.1; done
	mkdir /mnt/files
	mount "$(</out/run)" /mnt/files
	for ((n = 1; n <= 60; n++)); do
		mkdir /mnt/files/$n
		for file in a b c d; do head -c 20000 /dev/urandom >/mnt/files/$n/$file; done
		sync -f /mnt/files
		[ $((n % 3)) != 0 ] || rm -r "/mnt/files/$((n - 1))"
	done
	umount /mnt/files
	kill %1
	wait %1
}

# rate NAME COMMAND...: runs the command, which leaves the number of states in $states, and keeps the states a second
rate() {
	local start=${EPOCHREALTIME/./}
	"${@:2}"
	echo "$((states * 1000000 / (${EPOCHREALTIME/./} - start)))" >>"$work/$1"
}

crashes() {
	cli/abusectl crashes "$out/log" --base "$out/base" --most 16 --check "$check {}" --jobs "$1" >"$work/output" 2>/dev/null
	states=$(sed -n 's/^\([0-9]*\) states, 0 bad, .*/\1/p' "$work/output")
}
alone() {
	for ((states = 0; states < 100; states++)); do "$check" "$out/base"; done
}
replay() { # OPTION...
	cp --sparse=always "$out/base" "$work/image"
	"$work/replay-log" --log "$out/log" --replay "$work/image" "$@" >"$work/output"
}
following() {
	: >"$work/checked"
	replay --check flush --fsck "echo >>$work/checked; $check $work/image"
	states=$(wc -l <"$work/checked")
}
single() {
	for ((states = 0; states < 20; states++)); do
		replay --limit $((20 + 10 * states))
		"$check" "$work/image"
	done
}

if [ "${1:-}" = in-the-vm ]; then
	record
	exit
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A state whose journal is not replayed may have faults that are none
# shellcheck disable=SC2016
printf '#!/bin/sh\nfsck.ext4 -fn "$1" >/dev/null 2>&1; :\n' >"$work/check"
chmod +x "$work/check"
check=$work/check
vm/module.sh $kernel
vm/run.sh -k $kernel -o "$out" -- bench/crashes.sh in-the-vm
if [ "${XFSTESTS:-}" ]; then
	gcc -O2 -w -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -o "$work/replay-log" "$XFSTESTS"/src/log-writes/{replay-log,log-writes}.c
fi
for ((round = 0; round < ${ROUNDS:-3}; round++)); do
	rate 'crashes, one job' crashes 1
	rate "crashes, $(nproc) jobs" crashes "$(nproc)"
	rate 'the check alone' alone
	if [ "${XFSTESTS:-}" ]; then
		rate 'replay-log --check' following
		rate 'copy, replay-log, check' single
	fi
done
for name in 'crashes, one job' "crashes, $(nproc) jobs" 'the check alone' 'replay-log --check' 'copy, replay-log, check'; do
	[ ! -e "$work/$name" ] || printf '%-24s %5d states/s\n' "$name" "$(sort -n "$work/$name" | sed -n "$(((${ROUNDS:-3} + 1) / 2))p")"
done
