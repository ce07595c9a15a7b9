#!/bin/bash
# suites.sh FOLDER [blktests] [xfstests]: the part of test-suites.sh that runs in the VM; the suites are in FOLDER
#
# Each test runs on abuse disks that abusectl serves from files, and on loop devices of such files. Its result
# is a line of /out/results: suite, test, "abuse" or "loop", "pass", "fail" or "not run", and seconds,
# separated by tabs. The output of a suite and the files that it kept are in /out/SUITE-DEVICES.
set -eu -o pipefail
suites=$1 wanted=" ${*:2} "
project=$PWD
declare -A running

say() { echo "$(cut -d. -f1 /proc/uptime) s: $*" >&2; }

# The tests of the block group that run on any disk. The others make a device of their own, or need hardware.
blktests='block/003 block/004 block/005 block/007 block/008 block/012 block/036 block/041 block/042 block/043'
# Quick tests, most of them about data: aio, direct, mmap, holes, preallocation, fsx, fsync, trim
xfstests='002 005 006 007 011 013 014 028 029 030 069 075 091 112 120 124 130 133 169 198 207 210 214 221 240
	247 248 249 260 263 288 308 392'

# attach KIND SIZE: makes a disk from an empty file, and puts its name into disk
attach() {
	local kind=$1 size=$2 file i
	file=$(mktemp /dev/shm/image.XXXXXX)
	truncate -s "$size" "$file"
	case $kind in
	loop) disk=$(losetup -f --show "$file") ;;
	abuse)
		"$project/cli/abusectl" run bs=512,discard,writezeroes "file:$file" >"$file.name" 2>"$file.log" &
		running[$file]=$!
		for ((i = 0; i < 1200; i++)); do
			[ ! -s "$file.name" ] || break
			kill -0 "${running[$file]}" || { cat "$file.log" >&2; exit 1; }
			sleep 0.1
		done
		disk=$(<"$file.name")
		;;
	esac
	[ -b "$disk" ]
}

detach_all() {
	local file
	losetup -D
	for file in "${!running[@]}"; do
		kill "${running[$file]}"
		wait "${running[$file]}"
		unset "running[$file]"
	done
	rm -f /dev/shm/image.*
}

results() { awk -v OFS='\t' "$@" >>/out/results; }

# blktests writes the result of a test to a file of keys and values; a test that it does not run has none.
run_blktests() { # KIND
	local kind=$1 disk test output=/out/blktests-$1
	attach "$kind" 256M
	cd "$suites/blktests"
	echo "TEST_DEVS=($disk)" >config
	for test in $blktests; do
		[ -e "tests/$test" ] || continue
		say "blktests $test on $kind"
		rm -rf /tmp/results
		TIMEOUT=20 timeout -k 10 600 ./check -o /tmp/results -q 20 "$test" >>"$output.log" 2>&1 || :
		# shellcheck disable=SC2016 # awk's
		results -F '\t' -v test="$test" -v kind="$kind" '
			$1 == "status" { status = $2 } $1 == "runtime" { seconds = $2 }
			END { print "blktests", test, kind, status == "" ? "not run" : status, seconds + 0 }' \
			<(cat "/tmp/results/${disk##*/}/$test" 2>/dev/null)
		mkdir -p "$output"
		cp -r /tmp/results/. "$output"
	done
	cd "$project"
	detach_all
}

run_xfstests() { # KIND FILESYSTEM
	local kind=$1 type=$2 disk first output=/out/xfstests-$2-$1
	attach "$kind" 1G
	first=$disk
	attach "$kind" 1G
	mkdir -p /mnt/test /mnt/scratch
	"mkfs.$type" -q "$first"
	cd "$suites/xfstests"
	printf 'export %s\n' FSTYP="$type" TEST_DEV="$first" TEST_DIR=/mnt/test SCRATCH_DEV="$disk" SCRATCH_MNT=/mnt/scratch \
		RESULT_BASE=/tmp/results >local.config
	rm -rf /tmp/results
	say "xfstests on $kind with $type"
	# shellcheck disable=SC2016,SC2046,SC2086 # words, and awk's
	./check $(printf 'generic/%s ' $xfstests) 2>&1 | tee "$output.log" |
		results -v suite="xfstests-$type" -v kind="$kind" '/^generic\/[0-9]+ / {
			print suite, $1, kind, /\[not run\]/ ? "not run" : $NF ~ /^[0-9]+s$/ ? "pass" : "fail", $NF + 0; fflush() }' || :
	umount /mnt/test /mnt/scratch 2>/dev/null || :
	cp -r /tmp/results "$output"
	cd "$project"
	detach_all
}

mount -o remount,size=80% /dev/shm
modprobe loop
modprobe abuse max_abuse=4
for user in fsgqa fsgqa2 123456-fsgqa; do useradd -m "$user" --badname 2>/dev/null || :; done
: >/out/results
if [[ $wanted == *" blktests "* ]]; then
	for kind in loop abuse; do run_blktests $kind; done
fi
if [[ $wanted == *" xfstests "* ]]; then
	for type in ext4 xfs; do
		for kind in loop abuse; do run_xfstests $kind $type; done
	done
fi
