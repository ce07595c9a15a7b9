#!/bin/sh
# vm/module.sh KERNEL - build the module for that kernel, in build/module/KERNEL/abuse.ko, and put
# it where modprobe finds it in a VM of that kernel.
set -eu
cd "$(dirname "$0")/.."
kernel=$1
vm/kernel.sh "$kernel"

dir=$PWD/build/module/$kernel
mkdir -p "$dir"
cp -rpu module/. "$dir/" # each kernel has a folder of its own, so that builds do not clash
set -- # a kernel of another Debian comes with its compiler
[ ! -e "build/kernel/$kernel/cc" ] || set -- CC="$PWD/build/kernel/$kernel/cc"
make -s -C "$dir" KDIR="$PWD/build/kernel/$kernel/headers" W=1 KCFLAGS=-Werror "$@" modules >"$dir/build.log" 2>&1 || {
	cat "$dir/build.log" >&2
	exit 1
}

release=$(cat "build/kernel/$kernel/release")
installed=build/kernel/$kernel/root/lib/modules/$release/updates/abuse.ko
if ! cmp -s "$dir/abuse.ko" "$installed"; then
	mkdir -p "${installed%/*}"
	cp "$dir/abuse.ko" "$installed"
	depmod -b "build/kernel/$kernel/root" "$release"
fi
