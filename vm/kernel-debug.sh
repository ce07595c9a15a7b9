#!/bin/sh
# vm/kernel-debug.sh - make sure that build/kernel/debug/ holds the debug kernel: Debian's source of
# 6.1 with nothing but vm/debug.config in it. Layout as in kernel.sh; headers is the folder where it
# was built. Takes 10 to 25 minutes on two processors; interrupted, it goes on where it was. Silent
# and quick when it is there already; built again, what differs, when debug.config was changed.
set -eu
unset MAKEFLAGS MFLAGS MAKELEVEL # of the make that called: its jobs and variables are not meant

cd "$(dirname "$0")/.."
fragment=$PWD/vm/debug.config
dir=$PWD/build/kernel/debug
tmp=$PWD/build/kernel/.debug.tmp
log=$PWD/build/kernel/debug.log

fail() { echo "kernel-debug.sh: $*" >&2; exit 1; }
finished() { [ -e "$dir/release" ] && cmp -s "$fragment" "$dir/debug.config"; }

! finished || exit 0
mkdir -p build/kernel
exec 9>build/kernel/.debug.lock # two builds at once: the second waits, then finds it done
flock 9
! finished || exit 0
for tool in bc bison flex gcc make xz zstd; do
	command -v $tool >/dev/null || fail "$tool is needed: apt-get install $tool"
done
[ -e /usr/include/gelf.h ] || fail "libelf is needed: apt-get install libelf-dev"

# What was built with another debug.config is a start.
if [ -d "$dir/headers" ]; then
	rm -rf "$tmp" "$dir/release"
	mkdir "$tmp"
	mv "$dir/headers" "$tmp"
fi

fetch() { (cd "$tmp" && apt-get -q -o APT::Sandbox::User=root download linux-source-6.1) >&2; }
if [ ! -d "$tmp/headers" ]; then
	echo "kernel debug: fetching linux-source-6.1" >&2
	rm -rf "$tmp"
	mkdir "$tmp"
	fetch || { apt-get -q update >&2 && fetch; } ||
		fail "no linux-source-6.1 from apt: is this Debian 12 with its security suite?"
	dpkg-deb --fsys-tarfile "$tmp"/*.deb | tar -xO ./usr/src/linux-source-6.1.tar.xz | tar -xJ -C "$tmp"
	rm "$tmp"/*.deb
	mv "$tmp/linux-source-6.1" "$tmp/headers" # not before all of it is there
fi
cd "$tmp/headers"

quietly() { "$@" >>"$log" 2>&1 || { tail -n 20 "$log" >&2; fail "$* failed: see $log"; }; }
: >"$log"
quietly make tinyconfig
quietly scripts/kconfig/merge_config.sh -m .config "$fragment"
quietly make olddefconfig
# kconfig silently drops what depends on something that is not there.
lost=$(awk '/^# CONFIG_[^ ]* is not set$/ { $0 = $2 "=n" }
	!/^CONFIG_/ { next }
	{ name = $0; sub(/=.*/, "", name) }
	NR == FNR { has[name] = $0; next }
	$0 != (name in has ? has[name] : name "=n")' .config "$fragment")
[ -z "$lost" ] || fail "the kernel does not take these lines of vm/debug.config:
$lost"

echo "kernel debug: building, 10 to 25 minutes on two processors; see $log" >&2
quietly nice -n 19 make -j"$(nproc)" bzImage modules
rm -rf "$tmp/root"
quietly make INSTALL_MOD_PATH="$tmp/root" modules_install
release=$(make -s kernelrelease)
rm "$tmp/root/lib/modules/$release/source"
ln -sfn "$dir/headers" "$tmp/root/lib/modules/$release/build"

ln -sf headers/arch/x86/boot/bzImage "$tmp/vmlinuz"
ln -sf headers/.config "$tmp/config"
ln -sf headers/System.map "$tmp/System.map"
cp "$fragment" "$tmp/debug.config"
echo "$release" >"$tmp/release"
rm -rf "$dir"
mv "$tmp" "$dir"
