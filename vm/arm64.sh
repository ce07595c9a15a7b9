#!/bin/sh
# vm/arm64.sh - make sure that build/arm64/ holds what an arm64 VM needs and the machine does not have.
# It is silent and quick if that is there already, and makes it again if the lists below have changed.
#   cross    gcc and binutils for arm64 and armhf, that run here: installing them would remove gcc-multilib
#   system   a Debian 12 for arm64 with what the tests need; its packages are unpacked but not configured,
#            because their programs do not run here
#   apt      what apt knows of packages for arm64
set -eu

# Each word is a package. The libraries that gcc itself needs are those of the machine's own gcc-12.
cross=''
for pair in aarch64-linux-gnu/arm64 arm-linux-gnueabihf/armhf; do
	target=${pair%/*} libraries=${pair#*/}-cross
	cross="$cross gcc-12-$target cpp-12-$target gcc-12-$target-base binutils-$target libc6-$libraries
		libc6-dev-$libraries libgcc-12-dev-$libraries libgcc-s1-$libraries linux-libc-dev-$libraries"
done
system='base-passwd bash busybox-static coreutils dash diffutils findutils grep gzip hostname libc-bin mawk ncurses-base perl
	procps sed tar util-linux mount kmod dmsetup e2fsprogs fdisk fio openjdk-17-jre-headless'

cd "$(dirname "$0")/.."
dir=$PWD/build/arm64
tmp=$PWD/build/.arm64.tmp
log=$PWD/build/arm64.log

fail() { echo "arm64.sh: $*" >&2; exit 1; }
finished() { [ "$(cat "$dir/packages" 2>/dev/null)" = "$cross $system" ]; }

! finished || exit 0
mkdir -p build
exec 9>build/.arm64.lock # of two at once the second waits, and then finds it done
flock 9
! finished || exit 0
command -v patchelf >/dev/null || fail "patchelf is needed: apt-get install patchelf"

# All is made in another folder and renamed at the end, so what was cut short never looks finished.
rm -rf "$tmp" "$dir"
mkdir -p "$tmp/deb" "$tmp/cross"
unpack() { # FOLDER PACKAGE-FILE...
	into=$1
	shift
	for deb; do dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$into"; done
}

echo "arm64: fetching a cross compiler and a Debian 12 for arm64; see $log" >&2
: >"$log"
# shellcheck disable=SC2086
fetch() { (cd "$tmp/deb" && apt-get -q -o APT::Sandbox::User=root download $cross) >>"$log" 2>&1; }
fetch || { apt-get -q update >>"$log" 2>&1 && fetch; } || fail "no cross compiler from apt: is this Debian 12?"
unpack "$tmp/cross" "$tmp"/deb/*.deb
rm -r "$tmp/deb"
# shellcheck disable=SC2016 # the loader's variable
find "$tmp"/cross/usr/bin/* "$tmp"/cross/usr/lib/x86_64-linux-gnu/*.so* -type f | while read -r file; do
	case $file in
	*.so*) libraries='$ORIGIN' ;;
	*) libraries='$ORIGIN/../lib/x86_64-linux-gnu' ;;
	esac
	case $(head -c 4 "$file" | tr -d '\0') in
	*ELF) patchelf --force-rpath --set-rpath "$libraries" "$file" ;;
	esac
done

# shellcheck source=vm/apt.sh
. vm/apt.sh
arm64_apt "$tmp/apt"
# shellcheck disable=SC2086
{ apt-get -q --error-on=any update && apt-get -q -y --download-only install $system; } >>"$log" 2>&1 ||
	fail "cannot fetch the packages for arm64: see $log"
mkdir -p "$tmp/system/usr/bin" "$tmp/system/usr/sbin" "$tmp/system/usr/lib"
ln -s usr/bin usr/sbin usr/lib "$tmp/system"
unpack "$tmp/system" "$tmp"/apt/archives/*.deb
rm -r "$tmp/apt/archives"
rm -rf "$tmp"/system/usr/share/doc "$tmp"/system/usr/share/man "$tmp"/system/usr/share/locale

# This is what configuring the packages would have made, as far as it is needed.
for folder in proc sys dev run tmp root mnt machine out var/tmp; do mkdir -p "$tmp/system/$folder"; done
cp "$tmp/system/usr/share/base-passwd/passwd.master" "$tmp/system/etc/passwd"
cp "$tmp/system/usr/share/base-passwd/group.master" "$tmp/system/etc/group"
echo '127.0.0.1 localhost' >"$tmp/system/etc/hosts"
ln -s mawk "$tmp/system/usr/bin/awk"
ln -sf dash "$tmp/system/usr/bin/sh"
ln -s ../lib/jvm/java-17-openjdk-arm64/bin/java "$tmp/system/usr/bin/java"

echo "$cross $system" >"$tmp/packages"
mv "$tmp" "$dir"
