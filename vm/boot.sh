#!/bin/bash
# vm/boot.sh KERNEL - makes what qemu boots, in build/kernel/KERNEL/, unless it is there and newer
# than its parts:
#   initramfs   a static busybox, vm/init, and the modules that it loads, numbered in their order
#   kernel      the uncompressed kernel, if that can be booted, because unpacking takes seconds in emulation
set -eu

cd "$(dirname "$0")/.."
dir=$PWD/build/kernel/$1
busybox=/bin/busybox
[ ! -e "$dir/system" ] || busybox=$dir/system/bin/busybox
stale=''
for source in vm/init vm/boot.sh "$busybox" "$dir/release"; do
	[ "$dir/initramfs" -nt "$source" ] || stale=yes
done
[ "$stale" ] || exit 0

tmp=$(mktemp -d "$dir/.boot.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/tree/bin" "$tmp/tree/dev" "$tmp/tree/modules"
cp "$busybox" "$tmp/tree/bin/"
cp vm/init "$tmp/tree/init"
for module in virtio_pci virtio_console 9pnet_virtio 9p overlay; do
	/sbin/modprobe -d "$dir/root" -S "$(cat "$dir/release")" --show-depends "$module"
done >"$tmp/list"
number=10
while read -r file; do
	to=$tmp/tree/modules/$number-$(basename "${file%.xz}")
	case $file in
	*.xz) xz -dc "$file" >"$to" ;;
	*) cp "$file" "$to" ;;
	esac
	number=$((number + 1))
done < <(awk '$1 == "insmod" && !seen[$2]++ { print $2 }' "$tmp/list")
(cd "$tmp/tree" && find . | cpio --quiet -R 0:0 -H newc -o >"$tmp/initramfs")

# Documentation/arch/x86/boot.rst, payload_offset, says where the compressed kernel lies in vmlinuz.
number() { od -An -tu"$2" -j"$1" -N"$2" "$dir/vmlinuz" | tr -d ' '; }
payload() {
	local start=$(((1 + $(number 0x1f1 1)) * 512 + $(number 0x248 4)))
	tail -c "+$((start + 1))" "$dir/vmlinuz" | head -c "$(($(number 0x24c 4) - 4))" # less its size
}
unpack() {
	grep -q '^CONFIG_PVH=y' "$dir/config" && case $(payload | od -An -tx1 -N4) in
	*' 28 b5 2f fd') payload | zstd -dc ;;
	*' fd 37 7a 58') payload | xz -dc ;;
	*' 1f 8b '*) payload | gzip -dc ;;
	*) false ;;
	esac
}
unpack >"$tmp/kernel" 2>/dev/null || ln -sf vmlinuz "$tmp/kernel"

mv "$tmp/kernel" "$dir/kernel"
mv "$tmp/initramfs" "$dir/initramfs"
