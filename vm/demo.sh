#!/bin/bash
# The main job as a person would type it, in the VM; make demo runs it. The next
# command runs only if the last one worked.
# shellcheck disable=SC2016 # commands are shown before they are expanded
set -eu
cd "$(dirname "$0")/.."
PATH=$PWD/cli:$PATH
bold='' plain=''
[ ! -t 1 ] || bold=$'\e[1m' plain=$'\e[0m'

say() { printf '\n%s# %s%s\n' "$bold" "$*" "$plain"; }
run() {
	printf '%s$ %s%s\n' "$bold" "$*" "$plain"
	eval "$*"
}
ready() { # FILE: the line that a server prints
	for _ in {1..300}; do
		[ ! -s "$1" ] || return 0
		sleep 0.1
	done
	echo "demo: the server did not start" >&2
	exit 1
}

cd "$(mktemp -d)"
say "The module, and a disk of 64 MiB that nobody answers for yet"
run modprobe abuse
run abusectl setup /dev/abctl0 sz=64M,bs=4096
run abusectl info
run lsblk /dev/abuse0

say "A server: from now on this file is the disk"
run "abusectl server /dev/abctl0 file:disk.img --create >server.log & server=\$!"
ready server.log
run cat server.log

say "An ordinary filesystem on it, with real files"
run mkfs.ext4 -q /dev/abuse0
run mkdir mnt
run mount /dev/abuse0 mnt
run "cp -r /usr/share/common-licenses /etc mnt"
run "(cd mnt && find . -type f -exec sha256sum {} + | sort >../before)"
run "wc -l <before"
run umount mnt

say "One server ends and another one starts: nothing is lost"
run 'kill $server'
run 'wait $server'
run "abusectl server /dev/abctl0 file:disk.img >server2.log & server=\$!"
ready server2.log
run fsck.ext4 -fn /dev/abuse0
run mount /dev/abuse0 mnt
run "(cd mnt && find . -type f -exec sha256sum {} + | sort >../after)"
run cmp before after
run umount mnt

say "A server is killed while a file is copied; the next one answers what it left"
run mount /dev/abuse0 mnt
run "dd if=/dev/urandom of=source bs=1M count=24 status=none"
run "dd if=source of=mnt/copy bs=64k oflag=direct status=none & copy=\$!"
sleep 0.3
run 'kill -9 $server'
run "abusectl server /dev/abctl0 file:disk.img >server3.log & server=\$!"
ready server3.log
run wait '$copy'
run umount mnt
run mount /dev/abuse0 mnt
run cmp source mnt/copy
run umount mnt
run fsck.ext4 -fn /dev/abuse0

say "The end"
run abusectl info /dev/abctl0
run 'kill $server'
run 'wait $server'
run abusectl reset /dev/abctl0
run modprobe -r abuse
say "Everything worked"
