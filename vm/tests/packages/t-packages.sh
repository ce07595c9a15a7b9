# shellcheck shell=bash disable=SC2034,SC2086,SC2094,SC2154
# apt installs, upgrades and removes both packages, and dkms builds the module.
# run.sh: seconds 1500
WAIT=120

# Lists all files, except those that the packages do not own: logs, caches of others, what dpkg and apt note, the key
# of dkms, and this test
_files() {
	find / /lib/modules -xdev \( -path /var/log -o -path '/var/cache/[!a]*' -o -path /var/cache/apt -o -path /var/lib/dpkg -o -path /var/lib/apt \
		-o -path '/var/lib/dkms/mok.*' -o -path /tmp -o -path /out \) -prune -o -print | sort
}

_apt() {
	DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get -q -y "$@" ||
		fail "apt-get $1: $(cat /var/lib/dkms/abuse/*/build/make.log)"
}

# The package cannot be removed
_kept() { # PATTERN
	! DEBIAN_FRONTEND=noninteractive apt-get -q -y remove abusectl >remove 2>&1 || fail "removed: $(<remove)"
	shows remove "$1"
	systemctl -q is-active abuse@0 || fail "its server was stopped"
}

# Makes a package with a higher version
_newer() { # DEB
	dpkg-deb -R "$1" newer
	sed -i '/^Version:/s/$/+newer/' newer/DEBIAN/control
	dpkg-deb --root-owner-group -Zgzip -b newer newer.deb
}

installed_built_by_dkms_used_upgraded_and_purged_with_nothing_left() {
	rm -r /lib/modules/*/updates
	depmod
	_files >before
	_apt install "$ABUSE_BUILD"/../../deb/abuse-dkms_*.deb
	modprobe abuse # so the nodes are there before the rules
	_apt install "$ABUSE_BUILD"/../../deb/abusectl_*.deb
	dkms status >dkms
	shows dkms "^abuse/.*, $(uname -r), .*: installed$"
	is "the module" "$(modinfo -n abuse)" "/lib/modules/$(uname -r)/updates/dkms/abuse.ko"
	abusectl --version

	printf '%s\n' 'SETUP="size=64M discard"' BACKEND=file:/var/lib/abuse/0.img OPTIONS=--create >/etc/abuse/0.conf
	systemctl enable --now abuse@0 || fail "$(journalctl --no-pager -n 30)"
	mkfs.ext4 -q $DISK
	mkdir mnt
	mount $DISK mnt
	cp -r /etc/apt mnt
	diff -r /etc/apt mnt/apt || fail "files differ"
	_kept '/dev/abuse0 is in use'

	# An upgrade does not stop the server that runs; the admin restarts it, and no I/O fails.
	pid=$(systemctl show -P MainPID abuse@0)
	_newer "$ABUSE_BUILD"/../../deb/abusectl_*.deb
	_apt install ./newer.deb
	dpkg-query -W -f '${Version}' abusectl >version
	shows version '\+newer$'
	[ "$(systemctl show -P MainPID abuse@0)" = "$pid" ] || fail "another server after the upgrade: $(journalctl --no-pager -u abuse@0)"
	systemctl restart abuse@0 || fail "$(journalctl --no-pager -n 30)"
	cp -r /etc/apt mnt/again
	umount mnt
	mount $DISK mnt
	diff -r /etc/apt mnt/again || fail "files differ after the upgrade"
	umount mnt
	udevadm settle # udev reads what was written, and would wait for the server
	echo INITRAMFS=yes >/etc/abuse/1.conf
	_kept 'INITRAMFS=yes'
	rm /etc/abuse/1.conf
	systemctl enable abuse-metrics.timer
	systemctl stop abuse@0
	abusectl reset 0
	modprobe -r abuse
	rm /etc/abuse/0.conf /var/lib/abuse/0.img

	_apt purge abusectl abuse-dkms
	_files | diff before - || fail "not as before"
}
