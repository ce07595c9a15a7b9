# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2094,SC2119,SC2120,SC2154
# abuse@.service under systemd and the udev rule, from the package abusectl.
# run.sh: seconds 300
WAIT=120

CONF=/etc/abuse/0.conf
SERVICE=abuse@0.service

_installed() {
	[ -e /usr/sbin/abusectl ] || dpkg --force-depends -i "$ABUSE_BUILD"/../../deb/abusectl_*.deb
}

# configure KEYS BACKEND
_configure() { printf '%s\n' "SETUP='$1'" "BACKEND=$2" OPTIONS=--create >$CONF; }

# Configures a disk, whose image contains what a command has made
_image() {
	_configure size=64M,bs=512 file:/var/lib/abuse/0.img
	mkdir /var/lib/abuse
	truncate -s 64M /var/lib/abuse/0.img
	"$@" /var/lib/abuse/0.img
}

_start() {
	systemctl start $SERVICE || fail "$(systemctl status --no-pager -l $SERVICE) $(journalctl --no-pager -n 30)"
}

_property() { systemctl show -P "$1" $SERVICE; }
_pid_is_not() { pid=$(_property MainPID) && [ "$pid" != 0 ] && [ "$pid" != "$1" ]; }

_link() { # NAME NODE
	is "$1" "$(readlink -f "/dev/disk/$1")" "$2"
}

# The image belongs to another user, as it would in a home directory.
a_configured_disk_is_set_up_served_and_found_by_its_label() {
	_installed
	mkdir /srv/images
	truncate -s 64M /srv/images/disk
	chmod 600 /srv/images/disk
	chown nobody: /srv/images /srv/images/disk
	_configure 'size=64M discard' file:/srv/images/disk
	_start
	is "who may serve" "$(stat -c '%G %a' $CTL)" "disk 660"
	is "who may use the disk" "$(stat -c '%G %a' $DISK)" "disk 660"
	_link by-id/abuse-0 $DISK
	mkfs.ext4 -q -L box $DISK
	wait_for test -e /dev/disk/by-label/box
	_link by-label/box $DISK
	_link "by-uuid/$(blkid -o value -s UUID $DISK)" $DISK
	mkdir mnt
	mount LABEL=box mnt
	cp -r /etc/apt mnt
	umount mnt
	fsck.ext4 -fn $DISK >fsck 2>&1 || fail "fsck: $(<fsck)"
	_link by-label/box $DISK
	systemctl stop $SERVICE
	reset
	udevadm settle
	[ ! -e /dev/disk/by-label/box ] || fail "the link outlived the disk"
	rm -r /srv/images
}

a_killed_server_is_replaced_and_its_disk_goes_on() {
	_installed
	_image mkfs.ext4 -q
	_start
	mkdir mnt
	mount $DISK mnt
	head -c 24M /dev/urandom >data
	_pid_is_not 0
	spawn copy dd if=data of=mnt/copy bs=64K oflag=direct status=none
	pause 0.3
	kill -KILL "$pid"
	wait_for _pid_is_not "$pid"
	finish copy
	is restarts "$(_property NRestarts)" 1
	umount mnt
	mount $DISK mnt
	cmp data mnt/copy || fail "data differ"
	umount mnt
	fsck.ext4 -fn $DISK >fsck 2>&1 || fail "fsck: $(<fsck)"
	is errors "$(status errors)" 0
}

# Afterwards the disk is larger, and so are the image and the size in the configuration.
a_stopped_service_has_answered_what_it_took_and_the_disk_waits_for_the_next() {
	_installed
	_configure size=64M file:/var/lib/abuse/0.img
	_start
	spawn writer dd if=/dev/urandom of=$DISK bs=64K count=800 oflag=direct status=none
	pause 0.3
	systemctl stop $SERVICE
	is result "$(_property Result)" success
	is owned "$(status owned)" 0
	still_waits writer
	udevadm trigger --action=add $SYS
	udevadm settle --timeout=30 || fail "udev waits"
	[ ! -e /run/abuse/0 ] || fail "udev would take the disk for served"
	truncate -s 128M /var/lib/abuse/0.img
	_configure size=128M file:/var/lib/abuse/0.img
	_start
	finish writer
	is capacity "$(status capacity)" $((128 << 20))
	is errors "$(status errors)" 0
}

# After a resize the configuration has the old size, until somebody corrects it.
a_disk_that_cannot_become_what_its_configuration_says_is_served_as_it_is() {
	_installed
	_configure size=64M file:/var/lib/abuse/0.img
	_start
	truncate -s 128M /var/lib/abuse/0.img
	abusectl resize 0 128M
	_pid_is_not 0
	kill -KILL "$pid"
	wait_for _pid_is_not "$pid"
	io op=check byte=0
	_configure size=128M,bs=512 file:/var/lib/abuse/0.img
	systemctl restart $SERVICE || fail "$(journalctl --no-pager -n 30)"
	io op=check byte=0
	is capacity "$(status capacity)" $((128 << 20))
	journalctl --no-pager -u $SERVICE >journal
	shows journal 'Invalid argument; a disk in use can grow'
	shows journal '/dev/abuse0 is served as it is'
	io op=check byte=0
}

a_server_starts_while_its_disk_is_quiesced_or_hangs() {
	_installed
	_image mkfs.ext4 -q -L box
	sed -i /OPTIONS/d $CONF
	_start
	abusectl quiesce 0
	systemctl restart $SERVICE || fail "$(journalctl --no-pager -n 30)"
	udevadm settle --timeout=30 || fail "udev waits"
	abusectl resume 0
	io op=read

	echo OPTIONS='"--filter stall:release=/var/lib/abuse/release"' >>$CONF
	systemctl restart $SERVICE || fail "$(journalctl --no-pager -n 30)"
	[ "$(status owned)" != 0 ] || fail "udev read nothing, so this is no test"
	touch /var/lib/abuse/release
	udevadm settle --timeout=30 || fail "udev waits"
	_link by-label/box $DISK
}

a_wrong_configuration_is_reported_and_a_corrected_one_used_without_a_start() {
	_installed
	_configure size=64M,bs=3000 mem
	! systemctl start $SERVICE 2>start || fail "started"
	journalctl --no-pager -u $SERVICE >journal
	shows journal 'bs=3000 is not a power of two'
	_configure size=64M null
	sed -i /OPTIONS/d $CONF
	wait_for systemctl is-active $SERVICE
	io op=check byte=0
}

a_filesystem_in_fstab_starts_its_service_and_is_unmounted_before_that_stops() {
	_installed
	_image mkfs.ext4 -q
	echo "$DISK /srv ext4 _netdev,noauto,x-systemd.requires=$SERVICE 0 0" >>/etc/fstab
	systemctl daemon-reload
	systemctl start srv.mount || fail "$(journalctl --no-pager -n 30)"
	cp -r /etc/apt /srv
	systemctl stop $SERVICE
	! mountpoint -q /srv || fail "still mounted"
	is owned+pending "$(status owned)$(status pending)" 00
	sed -i '/_netdev/d' /etc/fstab
	systemctl daemon-reload
}

# Whoever read the disk would wait, and so would udev.
udev_does_not_read_a_disk_that_the_service_does_not_serve() {
	_installed
	ready
	udevadm settle
	_link by-id/abuse-0 $DISK
	serve
	mkfs.ext4 -q -L away $DISK
	end
	before=$(status gets)
	udevadm trigger --action=change $SYS
	udevadm trigger --action=add $SYS
	udevadm settle --timeout=30 || fail "udev waits"
	is pending "$(status pending)" 0
	is gets "$(status gets)" "$before"
	[ ! -e /dev/disk/by-label/away ] || fail "it was read"
}

# As the rules of btrfs, md and LVM do for their types, and that of bcache for a disk without one.
rules_of_others_do_not_read_a_disk_that_nobody_serves() {
	local rules=/run/udev/rules.d/69-others.rules read='PROGRAM="/bin/dd if=$devnode of=/dev/null count=1"'
	_installed
	mkdir -p /run/udev/rules.d
	printf '%s\n' "KERNEL==\"abuse*\", ENV{ID_FS_TYPE}!=\"?*\", $read" "KERNEL==\"abuse*\", ENV{ID_FS_TYPE}==\"ext4\", $read" >$rules
	udevadm control --reload
	_image mkfs.ext4 -q -L box
	_start
	is "the type" "$(udevadm info -q property --property=ID_FS_TYPE --value $DISK)" ext4
	systemctl stop $SERVICE
	udevadm trigger --action=add $SYS
	udevadm settle --timeout=30 || fail "udev waits"
	is "what is read" "$(status owned)$(status pending)" 00
	_link by-label/box $DISK
	reset
	setup capacity=64M
	udevadm settle --timeout=30 || fail "udev waits"
	is "what is read" "$(status owned)$(status pending)" 00
	rm $rules
	udevadm control --reload
}

partitions_have_links() {
	_installed
	modprobe abuse max_part=15
	_image sfdisk -q < <(printf '%s\n' 'label: gpt' 'size=16MiB, name=first' 'name=second')
	_start
	wait_for test -e /dev/disk/by-partlabel/second
	_link by-partlabel/second ${DISK}p2
	_link by-id/abuse-0-part1 ${DISK}p1
}

# The folder is where Debian's node exporter looks.
the_timer_writes_metrics_where_the_node_exporter_reads_them() {
	local folder=/var/lib/prometheus/node-exporter
	_installed
	systemctl start abuse-metrics.service
	[ ! -e $folder ] || fail "it made the folder"
	mkdir -p $folder
	ready capacity=32M
	systemctl start abuse-metrics.timer
	wait_for test -e $folder/abuse.prom
	shows $folder/abuse.prom '^abuse_disk_size_bytes\{device="abuse0"\} 33554432$'
	systemctl stop abuse-metrics.timer
	is "its mode" "$(stat -c %a $folder/abuse.prom)" 644
	is "what is beside it" "$(ls $folder)" abuse.prom
	reset
	modprobe -r abuse
	systemctl start abuse-metrics.service || fail "it fails without the module"
	[ ! -s $folder/abuse.prom ] || fail "the numbers of a disk that is gone: $(<$folder/abuse.prom)"
	rm -r /var/lib/prometheus
}

one_service_has_many_disks() {
	local all=/etc/abuse/all
	_installed
	mkdir -p /srv/images
	printf '%s\n' '#5 mem' '0 "file:/srv/images/an image" --create setup=sz=64M' '/dev/abctl1 mem setup=sz=32M,partscan' \
		'"9" mem setup=sz=1M' '7 file:/nowhere setup=sz=1M' >$all
	systemctl start abuse-all || fail "$(journalctl --no-pager -n 30)"
	mkfs.ext4 -q -L box $DISK
	wait_for test -e /dev/disk/by-label/box
	is "who is told to udev" "$(cd /run/abuse/all && echo *)" "0 1 9"
	_link by-id/abuse-1 /dev/abuse1
	pid=$(systemctl show -P MainPID abuse-all)
	kill -KILL "$pid"
	wait_for eval '[ "$(systemctl show -P NRestarts abuse-all)" = 1 ] && systemctl -q is-active abuse-all'
	mount $DISK /srv
	umount /srv
	systemctl stop abuse-all
	is result "$(systemctl show -P Result abuse-all)" success # despite disk 7
	udevadm trigger --action=add --subsystem-match=block --sysname-match='abuse*'
	udevadm settle --timeout=30 || fail "udev waits"
	is "who is told to udev" "$(cd /run/abuse && ls)" ""
	_link by-label/box $DISK
	is "the disk" "$(status capacity)" $((64 << 20))
	rm -r $all /srv/images
}

systemd_finds_nothing_to_complain_of() {
	_installed
	systemd-analyze verify --man=no $SERVICE abuse-all.service abuse-metrics.service abuse-metrics.timer >verify 2>&1
	is "systemd-analyze verify" "$(<verify)" ""
	journalctl --no-pager -b -u systemd-udevd >journal
	! grep -n 60-abuse journal || fail "udev complains of the rule"
}

# There a shell reads them.
the_initramfs_takes_only_lines_that_are_the_same_for_a_shell_and_for_systemd() {
	local line
	_installed
	for line in 'SETUP=size=64M discard' 'SETUP="size=$SIZE"' 'OPTIONS=--no-map;' '; a comment' 'SETUP="size=64M" discard'; do
		printf '%s\n' '# a comment' "SETUP='size=64M discard'" BACKEND=file:/dev/vda 'OPTIONS="--pin --poll=5"' \
			INITRAMFS=yes "$line" >$CONF
		! DESTDIR=$PWD/tree version=$(uname -r) /usr/share/initramfs-tools/hooks/abuse 2>hook || fail "it takes $line"
		shows hook '/etc/abuse/0.conf:6:.*: with INITRAMFS=yes a line is '
	done
	rm $CONF
}

# systemd makes the device cgroup.
a_device_cgroup_has_to_allow_one_node() {
	local closed=(-p DevicePolicy=closed -p User=nobody)
	_installed
	ready capacity=32M
	chown nobody $CTL
	! systemd-run -q --wait --pipe "${closed[@]}" abusectl info 0 >info 2>&1 || fail "it may: $(<info)"
	shows info "^abusectl: $CTL: Operation not permitted; the device cgroup of this container or service forbids it; "
	systemd-run -q --unit=boxed -p Type=notify "${closed[@]}" -p "DeviceAllow=$CTL rw" abusectl server 0 mem
	io op=write length=1M byte=7
	io op=check length=1M byte=7
	systemctl stop boxed
	is errors "$(status errors)" 0
}

# The lines are as in the manual page. All are started together, as at boot, and stopped together, as at shutdown.
an_encrypted_disk_in_crypttab_comes_after_its_service_and_goes_before() {
	local crypt=systemd-cryptsetup@box.service
	local names=(srv.mount "$crypt")
	_installed
	modprobe dm-crypt
	echo secret >/etc/box.key
	chmod 600 /etc/box.key
	_image cryptsetup luksFormat --batch-mode --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file /etc/box.key
	cryptsetup open --key-file /etc/box.key /var/lib/abuse/0.img box
	mkfs.ext4 -q /dev/mapper/box
	cryptsetup close box
	echo "box $DISK /etc/box.key luks,_netdev,discard" >/etc/crypttab
	echo '/dev/mapper/box /srv ext4 _netdev,discard 0 2' >>/etc/fstab
	systemctl enable "$SERVICE" # so systemd remembers when it stopped, too
	systemctl daemon-reload
	systemctl start "${names[@]}" "$SERVICE" || fail "$(journalctl --no-pager -n 50)"
	_in_order "$SERVICE" ActiveEnter $crypt InactiveExit
	cp -r /etc/apt /srv
	_pid_is_not 0
	kill -KILL "$pid"
	sync -f /srv
	systemctl stop "${names[@]}" remote-fs-pre.target "$SERVICE" || fail "$(journalctl --no-pager -n 50)"
	_in_order srv.mount InactiveEnter "$SERVICE" ActiveExit
	_in_order $crypt InactiveEnter "$SERVICE" ActiveExit
	[ ! -e /dev/mapper/box ] || fail "still open"
	is owned+pending "$(status owned)$(status pending)" 00
	client remove $CTL
	systemctl start "${names[@]}" "$SERVICE" || fail "$(journalctl --no-pager -n 50)"
	diff -r /etc/apt /srv/apt || fail "files differ"
	systemctl stop "${names[@]}" remote-fs-pre.target "$SERVICE"
	is result "$(_property Result)" success
	rm /etc/crypttab
	sed -i '/_netdev/d' /etc/fstab
	systemctl disable "$SERVICE"
	systemctl daemon-reload
}

# _in_order UNIT EVENT UNIT EVENT: the first came before the second
_in_order() {
	local first second
	first=$(systemctl show -P "$2TimestampMonotonic" "$1")
	second=$(systemctl show -P "$4TimestampMonotonic" "$3")
	[ "$first" -gt 0 ] && [ "$first" -le "$second" ] || fail "$1 $2 $first, $3 $4 $second"
}

# The unit is from the manual page.
swap_has_a_unit_that_starts_its_service_and_stops_before_it() {
	local unit=/etc/systemd/system/dev-abuse0.swap
	_installed
	_pinned
	mkswap "$loop"
	man=$(dirname "${BASH_SOURCE[0]}")/../../../man/abuse@.service.8
	sed 's/\\-/-/g' "$man" | sed -n '/^# cat >.*dev-abuse0.swap/,/^# mkswap/{/^# /d;p}' >$unit
	[ -s $unit ] || fail "no unit in the manual page"
	systemctl daemon-reload
	systemd-analyze verify --man=no $unit >verify 2>&1
	is "systemd-analyze verify" "$(<verify)" ""
	systemctl start dev-abuse0.swap || fail "$(journalctl --no-pager -n 50)"
	shows /proc/swaps "^$DISK "
	systemctl stop $SERVICE
	! has /proc/swaps "^$DISK " || fail "swap is in use, and nobody serves it"
	udevadm settle --timeout=30 || fail "udev waits"
	is owned+pending "$(status owned)$(status pending)" 00
	rm $unit
	systemctl daemon-reload
	losetup -d "$loop"
}

# Configures a pinned server of the block device $loop; tmpfs has no direct I/O
_pinned() {
	truncate -s 64M image
	modprobe loop
	loop=$(losetup -f --show image)
	_configure size=64M "file:$loop"
	echo OPTIONS=--pin >>$CONF
}

# What a shutdown stops is named, because the test cannot shut down.
what_was_mounted_and_made_swap_by_hand_goes_before_the_service() {
	_installed
	_pinned
	_start
	mkfs.ext4 -q $DISK
	mount $DISK /srv
	cp -r /etc/apt /srv
	systemctl stop srv.mount "blockdev@dev-abuse0.target" "$SERVICE" || fail "$(journalctl --no-pager -n 50)"
	! mountpoint -q /srv || fail "still mounted, and nobody serves it"
	is owned+pending "$(status owned)$(status pending)" 00
	_start
	mount -o _netdev $DISK /srv
	wait_for eval '[[ "$(systemctl show -P After srv.mount)" = *remote-fs-pre.target* ]]'
	[[ "$(systemctl show -P Before srv.mount)" != *local-fs.target* ]] || fail "an ordering cycle"
	systemctl stop srv.mount "$SERVICE" || fail "$(journalctl --no-pager -n 50)"
	is owned+pending "$(status owned)$(status pending)" 00
	_start
	mkswap $DISK
	swapon $DISK
	wait_for systemctl is-active dev-abuse0.swap
	systemctl stop dev-abuse0.swap "blockdev@dev-abuse0.target" "$SERVICE" || fail "$(journalctl --no-pager -n 50)"
	! has /proc/swaps "^$DISK " || fail "swap is in use, and nobody serves it"
	is owned+pending "$(status owned)$(status pending)" 00
	losetup -d "$loop"
}

systemd_leaves_a_pinned_server_alone_when_it_unmounts() {
	_installed
	_pinned
	_start
	_pid_is_not 0
	is "its first letter" "$(head -c 1 "/proc/$pid/cmdline")" @
	systemctl stop "$SERVICE"
	is result "$(_property Result)" success
	losetup -d "$loop"
}
