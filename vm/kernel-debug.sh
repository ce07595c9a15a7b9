#!/bin/sh
# vm/kernel-debug.sh debug|kcsan - make sure that build/kernel/ holds that kernel: Debian's source of
# 6.1, which is in build/kernel/source for both, configured with nothing but vm/base.config and
# vm/KERNEL.config. The layout is that of kernel.sh; headers is the folder where it was built. This takes
# 10 to 25 minutes on two processors; if it is interrupted, the next run goes on from there. It is silent
# and quick if the kernel is there already; if one of the two files has changed, it builds what differs.
set -eu
unset MAKEFLAGS MFLAGS MAKELEVEL # the jobs and variables of the calling make are not meant for this one

cd "$(dirname "$0")/.."
kernel=${1-}
case $kernel in
debug | kcsan) ;;
*) echo "usage: kernel-debug.sh debug|kcsan" >&2; exit 2 ;;
esac
fragments="$PWD/vm/base.config $PWD/vm/$kernel.config"
kernels=$PWD/build/kernel
dir=$kernels/$kernel
tmp=$kernels/.$kernel.tmp
log=$kernels/$kernel.log

fail() { echo "kernel-debug.sh: $*" >&2; exit 1; }
# shellcheck disable=SC2086 # two files
finished() { [ -e "$dir/release" ] && cat $fragments | cmp -s - "$dir/fragments"; }

! finished || exit 0
mkdir -p "$kernels"
exec 9>"$kernels/.$kernel.lock" # of two builds at once the second waits, and then finds it done
flock 9
! finished || exit 0
for tool in bc bison flex gcc make xz zstd; do
	command -v $tool >/dev/null || fail "$tool is needed: apt-get install $tool"
done
[ -e /usr/include/gelf.h ] || fail "libelf is needed: apt-get install libelf-dev"

fetch() { (cd "$kernels/.source.tmp" && apt-get -q -o APT::Sandbox::User=root download linux-source-6.1) >&2; }
exec 8>"$kernels/.source.lock"
flock 8
if [ ! -d "$kernels/source" ]; then
	echo "kernel $kernel: fetching linux-source-6.1" >&2
	rm -rf "$kernels/.source.tmp"
	mkdir "$kernels/.source.tmp"
	fetch || { apt-get -q update >&2 && fetch; } ||
		fail "no linux-source-6.1 from apt: is this Debian 12 with its security suite?"
	dpkg-deb --fsys-tarfile "$kernels"/.source.tmp/*.deb | tar -xO ./usr/src/linux-source-6.1.tar.xz |
		tar -xJ -C "$kernels/.source.tmp"
	mv "$kernels/.source.tmp/linux-source-6.1" "$kernels/source" # not before all of it is there
	rm -r "$kernels/.source.tmp"
fi
exec 8>&-

# A kernel that was built from older fragments is kept, so that only what differs is built.
if [ -d "$dir/headers" ]; then
	rm -rf "$tmp" "$dir/release"
	mkdir "$tmp"
	mv "$dir/headers" "$tmp"
fi
mkdir -p "$tmp/headers"
cd "$tmp/headers"

quietly() { "$@" >>"$log" 2>&1 || { tail -n 20 "$log" >&2; fail "$* failed: see $log"; }; }
: >"$log"
quietly make -C "$kernels/source" O="$PWD" tinyconfig
# shellcheck disable=SC2086
quietly "$kernels/source/scripts/kconfig/merge_config.sh" -m .config $fragments
quietly make olddefconfig
# kconfig silently drops a line if something that it depends on is missing.
# shellcheck disable=SC2086
lost=$(awk '/^# CONFIG_[^ ]* is not set$/ { $0 = $2 "=n" }
	!/^CONFIG_/ { next }
	{ name = $0; sub(/=.*/, "", name) }
	NR == FNR { has[name] = $0; next }
	$0 != (name in has ? has[name] : name "=n")' .config $fragments)
[ -z "$lost" ] || fail "the kernel does not take these lines of $fragments:
$lost"

echo "kernel $kernel: building, 10 to 25 minutes on two processors; see $log" >&2
quietly nice -n 19 make -j"$(nproc)" bzImage modules
rm -rf "$tmp/root"
quietly make INSTALL_MOD_PATH="$tmp/root" modules_install
release=$(make -s kernelrelease)
rm "$tmp/root/lib/modules/$release/source"
ln -sfn "$dir/headers" "$tmp/root/lib/modules/$release/build"
# The path to the source is relative, because the folder of all kernels may be moved.
ln -sfn ../../source source
echo 'include source/Makefile' >Makefile

ln -sf headers/arch/x86/boot/bzImage "$tmp/vmlinuz"
ln -sf headers/.config "$tmp/config"
ln -sf headers/System.map "$tmp/System.map"
# shellcheck disable=SC2086
cat $fragments >"$tmp/fragments"
echo "$release" >"$tmp/release"
rm -rf "$dir"
mv "$tmp" "$dir"
