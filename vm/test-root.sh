#!/bin/bash
# vm/test-root.sh KERNEL [TIMES]: boots a Debian from a root filesystem on an abuse disk, with swap on another one, so
# often (2), and shuts it down; the filesystem has to be clean after each time
set -eu -o pipefail
cd "$(dirname "$0")/.."
kernel=$1 times=${2:-2}
# A machine that is busy takes minutes to make the swap disk, for which systemd would wait 90 seconds
patient=systemd.default_timeout_start_sec=1800

vm/debian.sh
vm/module.sh "$kernel"
vm/root.sh "$kernel"
dir=build/root/$kernel out=build/vm/test-root-$kernel
echo "# $kernel: the initramfs has $(($(stat -c %s "$dir/initrd") >> 20)) MiB"
passed=0 failed=0
for ((i = 1; i <= times; i++)); do
	word=ok start=$SECONDS
	vm/run.sh -k "$kernel" -o "$out" -b "$dir" -a "root=/dev/abuse0 ro $patient" -t 600 </dev/null >"$dir/output" 2>&1 || word=FAIL
	[ ! -e "$out/late" ] || word=FAIL
	e2fsck -fn "$dir/disk" >"$dir/fsck" 2>&1 || word=FAIL
	# A journal that has to be replayed is no error for e2fsck
	dumpe2fs -h "$dir/disk" >"$dir/super" 2>/dev/null
	grep -q '^Filesystem state: *clean$' "$dir/super" && ! grep -q needs_recovery "$dir/super" || word=FAIL
	echo "$word $kernel root: boots from an abuse disk and shuts down clean, $i of $times ($((SECONDS - start)) s)"
	sed "s/^/    # $kernel /" "$dir/output"
	if [ $word = ok ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		cp "$out/console.log" "$dir-console-$i.log"
		{ cat "$dir/fsck"; grep -E 'state:|features:' "$dir/super"; tail -n 40 "$out/console.log"; } | sed "s/^/    $kernel /"
		vm/root.sh "$kernel" # the next one starts anew
	fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
