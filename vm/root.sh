#!/bin/bash
# vm/root.sh KERNEL - makes a Debian whose root filesystem is on an abuse disk, in build/root/KERNEL/, from
# build/debian and the packages in build/deb:
#   initrd      what update-initramfs would make
#   disk        the block device that the disk is kept on
#   swap        one for a second disk, with swap on it, which is served as abuse@.service(8) shows
# What runs there is vm/root-guest.sh.
set -eu

cd "$(dirname "$0")/.."
kernel=$1
dir=$PWD/build/root/$kernel
tree=$dir/tree
release=$(cat "build/kernel/$kernel/release")
[ "$(id -u)" = 0 ] || { echo "root.sh: only root can make a Debian root" >&2; exit 1; }

rm -rf "$dir"
mkdir -p "$dir"
cp -a build/debian "$tree"
cp -a "build/kernel/$kernel/root/lib/modules/." "$tree/lib/modules/"
cp "build/kernel/$kernel/config" "$tree/boot/config-$release"
cp build/deb/abusectl_*.deb "$tree/tmp/"
# Only what the VM needs, because it unpacks slowly in emulation
echo MODULES=list >"$tree/etc/initramfs-tools/conf.d/vm"
printf '%s\n' virtio_pci virtio_blk ext4 >>"$tree/etc/initramfs-tools/modules"

mkdir -p "$tree/etc/abuse" "$tree/out"
printf '%s\n' 'SETUP="size=2G discard"' BACKEND=file:/dev/vda INITRAMFS=yes >"$tree/etc/abuse/0.conf"
printf '%s\n' SETUP=size=256M BACKEND=file:/dev/vdb OPTIONS=--pin >"$tree/etc/abuse/1.conf"
echo '/dev/abuse0 / ext4 errors=remount-ro 0 1' >"$tree/etc/fstab"
sed -n 's/\\-/-/g; /^# cat >.*dev-abuse0.swap/,/^# mkswap/{/^# /d; /^END$/d; s/abuse\(@\?\)0/abuse\11/; p}' 'man/abuse@.service.8' \
	>"$tree/etc/systemd/system/dev-abuse1.swap"
cp vm/root-guest.sh "$tree/usr/local/sbin/"
printf '%s\n' '[Unit]' 'Description=What the VM is there for' 'After=multi-user.target' \
	'[Service]' 'ExecStart=/bin/bash /usr/local/sbin/root-guest.sh' >"$tree/etc/systemd/system/root-guest.service"

# Java needs /proc, and the hook /dev/null and pipes
# shellcheck disable=SC2016 # expanded inside
unshare --mount sh -eu -c '
	mount -t proc proc "$0/proc"
	mount --bind /dev "$0/dev"
	exec chroot "$0" env LC_ALL=C.UTF-8 sh -euc "
		dpkg --force-depends -i /tmp/*.deb
		rm /tmp/*.deb
		depmod $1
		mkdir -p /etc/systemd/system/multi-user.target.wants /etc/systemd/system/graphical.target.wants
		ln -s ../dev-abuse1.swap /etc/systemd/system/multi-user.target.wants
		ln -s ../root-guest.service /etc/systemd/system/graphical.target.wants
		mkinitramfs -o /boot/initrd $1"' "$tree" "$release" >"$dir/log" 2>&1 || {
	tail -n 20 "$dir/log" >&2
	exit 1
}
mv "$tree/boot/initrd" "$dir/initrd"
truncate -s 2G "$dir/disk"
mkfs.ext4 -q -d "$tree" "$dir/disk"
truncate -s 256M "$dir/swap"
mkswap -q "$dir/swap" 2>/dev/null || mkswap "$dir/swap" >/dev/null
rm -r "$tree"
