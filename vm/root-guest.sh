#!/bin/bash
# Runs in the Debian of root.sh when it has started: looks whether all is as it should be, leaves dirty pages and swap
# in use, and shuts the machine down.
set -eu

modprobe 9p
modprobe 9pnet_virtio
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 out /out
exec >>/out/output.log 2>&1
status=1
end() {
	echo "$status" >/out/status
	exec >/dev/null 2>&1
	umount /out
	systemctl --no-block poweroff
}
trap end EXIT

is() { # WHAT VALUE EXPECTED
	[ "$2" = "$3" ] || { echo "$1 is '$2', not '$3'"; exit 1; }
}

is "the root filesystem" "$(findmnt -no SOURCE /)" /dev/abuse0
is "what the initramfs says" "$(grep -c serving /run/abuse/0/log)" 1
abusectl servers 0 --json >/tmp/servers
pid=$(sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' /tmp/servers | head -n 1)
is "the first letter of its server" "$(head -c 1 "/proc/$pid/cmdline")" @
awk '/^(VmRSS|VmLck)/ { print "its memory:", $0 }' "/proc/$pid/status"
awk '{ print "runs for", $1, "s" }' /proc/uptime

# What the last boot wrote is there, and another boot has something to find
if [ -e /var/tmp/data ]; then
	(cd /var/tmp && sha256sum --quiet -c sum)
	echo "the data of the boot before is there"
fi
head -c 20M /dev/urandom >/var/tmp/data
(cd /var/tmp && sha256sum data >sum)

# Some of what runs is in swap on the other disk
if ! grep -q systemd.mask=dev-abuse1.swap /proc/cmdline; then
	is swap "$(awk 'NR > 1 { print $1 }' /proc/swaps)" /dev/abuse1
	echo 64M >/sys/fs/cgroup/system.slice/memory.reclaim || :
	awk 'NR > 1 { print "swap in use: " $4 " KiB" }' /proc/swaps
fi
status=0
