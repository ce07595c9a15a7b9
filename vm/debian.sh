#!/bin/bash
# vm/debian.sh - make sure that build/debian/ holds a clean Debian 12 with systemd and what the packages
# depend on, because the VM that installs them has no network. This takes some minutes. It is silent and
# quick if that is there already, and makes it again if the list below has changed.
set -eu

# What the packages need, what the kernel's headers need, and what the tests need.
packages='dkms default-jre-headless
	gcc-12 libelf1
	systemd-sysv udev dbus util-linux kmod e2fsprogs fdisk cryptsetup-bin
	initramfs-tools busybox'
cd "$(dirname "$0")/.."
dir=$PWD/build/debian
tmp=$PWD/build/.debian.tmp
log=$PWD/build/debian.log

fail() { echo "debian.sh: $*" >&2; exit 1; }
finished() { [ "$(cat "$dir/etc/abuse-vm" 2>/dev/null)" = "$packages" ]; }
quietly() { "$@" >>"$log" 2>&1 </dev/null || { tail -n 20 "$log" >&2; fail "$* failed: see $log"; }; }

! finished || exit 0
mkdir -p build
exec 9>build/.debian.lock # of two at once the second waits, and then finds it done
flock 9
! finished || exit 0
[ "$(id -u)" = 0 ] || fail "only root can make a Debian root"

# The machine's own mirror, no matter how it is configured.
# shellcheck disable=SC2016 # apt's variables
mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' 'Component: main' |
	awk '$1 == "bookworm" { print $2; exit }')
[ -n "$mirror" ] || fail "no mirror of Debian 12 in apt's sources"

echo "debian: fetching a clean Debian 12 from $mirror, some minutes; see $log" >&2
rm -rf "$tmp" "$dir"
: >"$log"
quietly nice debootstrap --variant=minbase bookworm "$tmp" "$mirror"
echo 'exit 101' >"$tmp/usr/sbin/policy-rc.d" # nothing is started here
chmod 755 "$tmp/usr/sbin/policy-rc.d"
# Java needs /proc, which is mounted in a mount namespace that goes away with the command.
# shellcheck disable=SC2016,SC2086 # expanded inside; one word a package
quietly nice unshare --mount sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' "$tmp" \
	env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get -q -y --no-install-recommends install $packages
rm -r "$tmp/usr/sbin/policy-rc.d" "$tmp"/var/cache/apt/archives/*.deb "$tmp"/var/lib/apt/lists/*
echo "$packages" >"$tmp/etc/abuse-vm"
mv "$tmp" "$dir"
