#!/bin/sh
# vm/kernel-newest.sh - make sure that build/kernel/newest/ holds the newest kernel that Debian
# packages for a released suite: that of the backports of Debian 13. The layout is that of kernel.sh, with
#   cc   the compiler that the headers want; CROSS_COMPILE in the headers names its binutils, too,
#        so `make -C module KDIR=...` needs neither CC= nor LD=
# Compiler, binutils and the headers' own tools come from Debian 13 with their libraries, and are
# patched to find those where they lie. Nothing is installed, and apt's own state stays untouched.
set -eu

suite=trixie
cd "$(dirname "$0")/.."
dir=$PWD/build/kernel/newest
tmp=$PWD/build/kernel/.newest.tmp
root=$dir/root # where the patched programs look; it is in $tmp until all is done
lib=$root/usr/lib/x86_64-linux-gnu

fail() { echo "kernel-newest.sh: $*" >&2; exit 1; }
# This fails if the folder was moved, too, because the programs contain its absolute path.
finished() { [ -e "$dir/release" ] && "$dir/cc" -dumpversion >/dev/null 2>&1; }

! finished || exit 0
mkdir -p build/kernel
exec 9>build/kernel/.newest.lock # of two builds at once the second waits, and then finds it done
flock 9
! finished || exit 0
[ "$(dpkg --print-architecture)" = amd64 ] || fail "only amd64 is supported"
command -v patchelf >/dev/null || fail "patchelf is needed: apt-get install patchelf"

rm -rf "$tmp" "$dir"
mkdir -p "$tmp/root/usr/lib" "$tmp/root/usr/lib64"
# shellcheck source=vm/apt.sh
. vm/apt.sh
private_apt "$tmp/apt" amd64 $suite $suite-backports
echo "kernel newest: fetching the kernel of $suite-backports and its compiler" >&2
{
	apt-get -q --error-on=any update &&
		apt-get -q -y --target-release $suite-backports --download-only install linux-image-amd64 linux-headers-amd64
} >&2 || fail "cannot fetch the packages (is the mirror reachable, debian-archive-keyring up to date?)"

# All is made in another folder and renamed at the end, so what was cut short never looks finished.
ln -s usr/lib usr/lib64 "$tmp/root"
for deb in "$tmp"/apt/archives/*.deb; do dpkg-deb -x "$deb" "$tmp/root"; done
rm -r "$tmp/apt"

release=$(cd "$tmp/root/usr/lib/modules" && echo *)
modules=root/usr/lib/modules/$release
headers=root/usr/src/linux-headers-$release
ln -s "$modules/vmlinuz" "$modules/config" "$headers" "$tmp"
mv "$tmp/linux-headers-$release" "$tmp/headers"
ln -s root/usr/bin/x86_64-linux-gnu-gcc-14 "$tmp/cc"
for file in vmlinuz config headers/Makefile cc; do
	[ -e "$tmp/$file" ] || fail "the packages of $release hold no $file where it is expected"
done
depmod -b "$tmp/root" "$release"

# Debian's headers name their other half by an absolute path; here it is the folder beside them.
# shellcheck disable=SC2016 # make's variables
sed -i 's,/usr/src/,$(dir $(lastword $(MAKEFILE_LIST)))../,' "$tmp/headers/Makefile"
sed -i "s,^override CROSS_COMPILE = ,&$root/usr/bin/," "$tmp/headers/.kernelvariables"
echo "override PAHOLE = $root/usr/bin/pahole" >>"$tmp/headers/.kernelvariables"

# gcc looks for as and ld here before it uses the machine's.
mkdir -p "$tmp/root/usr/x86_64-linux-gnu/bin"
for tool in as ld; do ln -s ../../bin/x86_64-linux-gnu-$tool "$tmp/root/usr/x86_64-linux-gnu/bin/$tool"; done

# This is RPATH rather than RUNPATH, because RPATH also applies to the libraries of libraries.
find "$tmp/root/usr/bin" "$tmp/root/usr/libexec" "$tmp/root/usr/lib/linux-kbuild"* -type f -perm /111 |
	while read -r file; do
		patchelf --print-interpreter "$file" >/dev/null 2>&1 || continue # a script
		patchelf --set-interpreter "$lib/ld-linux-x86-64.so.2" --force-rpath --set-rpath "$lib" "$file"
	done

mv "$tmp" "$dir"
"$dir/cc" -dumpversion >/dev/null || fail "the compiler does not run here"
echo "$release" >"$dir/release"
