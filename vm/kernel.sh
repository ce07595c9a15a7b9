#!/bin/sh
# vm/kernel.sh KERNEL - make sure that build/kernel/KERNEL/ holds that kernel, from Debian's
# packages; nothing is installed. It is silent and quick if the kernel is there already.
#   6.1, 6.12   the two kernels of Debian 12
#   rt          6.1 of Debian 12 with PREEMPT_RT
#   newest      the newest one that Debian packages, with its own compiler (kernel-newest.sh)
#   debug       6.1 with everything that finds bugs, built from source (kernel-debug.sh)
#   kcsan       6.1 with what finds data races, built in the same way
#   6.1-arm64, 6.12-arm64, 6.12-arm64-16k   those of Debian 12 for arm64, the last one with pages of 16 KiB
# Layout: release, vmlinuz, config, System.map, root/ (the unpacked packages, with the modules in
# root/lib/modules/RELEASE), headers (the KDIR for make -C module). For arm64 also cc and system: the
# compiler, and the Debian that the kernel runs (arm64.sh).
set -eu

cd "$(dirname "$0")/.."
kernel=${1:-}
dir=$PWD/build/kernel/$kernel

case $kernel in
6.1) image=linux-image-amd64 ;;
6.12) image=linux-image-6.12-amd64 ;;
rt) image=linux-image-rt-amd64 ;;
6.1-arm64) image=linux-image-arm64 ;;
6.12-arm64 | 6.12-arm64-16k) image=linux-image-$kernel ;;
newest) exec vm/kernel-newest.sh ;;
debug | kcsan) exec vm/kernel-debug.sh "$kernel" ;;
*) echo "usage: kernel.sh 6.1|6.12|rt|newest|debug|kcsan|6.1-arm64|6.12-arm64|6.12-arm64-16k" >&2; exit 2 ;;
esac

tools=
case $kernel in
*-arm64*)
	vm/arm64.sh
	tools=:amd64 # the tools that build modules run here
	;;
esac

[ ! -e "$dir/release" ] || exit 0
mkdir -p build/kernel
exec 9>"build/kernel/.$kernel.lock" # of two builds at once the second waits, and then finds it done
flock 9
[ ! -e "$dir/release" ] || exit 0

if [ "$tools" ]; then
	# shellcheck source=vm/apt.sh
	. vm/apt.sh
	arm64_apt "$PWD/build/arm64/apt"
fi
depends() { apt-cache depends --important "$1" 2>/dev/null | sed -n 's/^ *Depends: //p'; }
release_of() { depends "$image" | sed -n 's/^linux-image-\([0-9]\)/\1/p'; }
fetch() {
	release=$(release_of)
	[ -n "$release" ] || return 1
	headers=$(depends "linux-headers-$release" | grep -E '^linux-(headers|kbuild)-' | sed "/^linux-kbuild/s/\$/$tools/")
	# shellcheck disable=SC2086 # one word a package
	(cd "$tmp/deb" && apt-get -q -o APT::Sandbox::User=root download \
		"linux-image-$release" "linux-headers-$release" $headers)
}

# All is made in another folder and renamed at the end, so what was cut short never looks finished.
tmp=$PWD/build/kernel/.$kernel.tmp
rm -rf "$tmp" "$dir"
mkdir -p "$tmp/deb" "$tmp/root"
echo "kernel $kernel: fetching $image and its headers" >&2
fetch >&2 || { apt-get -q update >&2 && fetch >&2; } ||
	{ echo "kernel.sh: no $image from apt: is this Debian 12 with its security suite?" >&2; exit 1; }
for deb in "$tmp"/deb/*.deb; do dpkg-deb -x "$deb" "$tmp/root"; done
rm -r "$tmp/deb"

# Debian's headers name their other half by an absolute path; here it is the folder beside them.
# shellcheck disable=SC2016 # make's variables
sed -i 's,/usr/src/,$(dir $(lastword $(MAKEFILE_LIST)))../,' "$tmp/root/usr/src/linux-headers-$release/Makefile"
# The vmlinux of 6.12 is there for type information in modules, which would need pahole.
rm -f "$tmp/root/usr/src/linux-headers-$release/vmlinux"
if [ "$tools" ]; then
	# shellcheck disable=SC2016 # make's variables
	echo 'override CROSS_COMPILE := $(realpath $(dir $(lastword $(MAKEFILE_LIST)))../../../../../../arm64/cross/usr/bin)/aarch64-linux-gnu-' \
		>>"$tmp/root/usr/src/linux-headers-$release/.kernelvariables"
	ln -s ../../arm64/cross/usr/bin/aarch64-linux-gnu-gcc-12 "$tmp/cc"
	ln -s ../../arm64/system "$tmp/system"
fi
ln -s "root/usr/src/linux-headers-$release" "$tmp/headers"
ln -s "root/boot/vmlinuz-$release" "$tmp/vmlinuz"
ln -s "root/boot/config-$release" "$tmp/config"
ln -s "root/boot/System.map-$release" "$tmp/System.map"
depmod -b "$tmp/root" "$release"
echo "$release" >"$tmp/release"
mv "$tmp" "$dir"
