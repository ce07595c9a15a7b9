#!/bin/bash
# cli/engines/ceph.sh - a Ceph cluster of one monitor and one OSD on loopback, without systemd and without passwords.
# All it has is in one folder, whose ceph.conf is for clients; it has a pool "rbd", and no image.
#   ceph.sh up FOLDER           makes and starts it; the folder must not be there
#   ceph.sh osd-kill FOLDER     ends the OSD as a crash does
#   ceph.sh osd-start FOLDER    starts it again
#   ceph.sh down FOLDER         ends all, and removes the folder
set -eu -o pipefail
verb=$1 folder=$(realpath -m "$2")
export CEPH_CONF=$folder/ceph.conf
unset CEPH_ARGS

# A port that nobody listens on just now
free_port() {
	local port
	while port=$((20000 + RANDOM % 12000)); (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
		:
	done
	echo $port
}

configure() {
	local port
	port=$(free_port)
	cat >"$CEPH_CONF" <<-CONF
		[global]
		fsid = $fsid
		mon_host = v2:127.0.0.1:$port
		public_network = 127.0.0.0/8
		ms_bind_msgr1 = false
		auth_cluster_required = none
		auth_service_required = none
		auth_client_required = none
		keyring = $folder/keyring
		run_dir = $folder/run
		admin_socket = $folder/run/\$name.\$pid.asok
		pid_file = $folder/run/\$name.pid
		log_file = $folder/\$name.log
		# The user who started it may be anybody
		setuser =
		setgroup =
		# One copy on one OSD
		osd_pool_default_size = 1
		osd_pool_default_min_size = 1
		osd_crush_chooseleaf_type = 0
		mon_allow_pool_size_one = true
		mon_warn_on_pool_no_redundancy = false
		# Changing the number of placement groups would take a manager
		osd_pool_default_pg_autoscale_mode = off
		# Disks of test machines are small and full
		mon_data_avail_crit = 1
		mon_data_avail_warn = 2
		# One OSD that is down need not be reported by others
		mon_osd_min_down_reporters = 1
		[mon.a]
		mon_data = $folder/mon
		[osd.0]
		osd_data = $folder/osd
		osd_objectstore = bluestore
		bluestore_block_create = true
		bluestore_block_size = 6442450944
		osd_memory_target = 939524096
		[client]
		admin_socket =
		log_file =
	CONF
}

up() {
	local fsid uuid
	mkdir "$folder"
	mkdir "$folder"/{mon,osd,run}
	fsid=$(cat /proc/sys/kernel/random/uuid)
	uuid=$(cat /proc/sys/kernel/random/uuid)
	configure
	ceph-authtool --create-keyring "$folder/keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' >/dev/null
	ceph-authtool "$folder/keyring" --gen-key -n mon. --cap mon 'allow *'
	monmaptool --create --fsid "$fsid" --addv a "[$(sed -n 's/^mon_host = //p' "$CEPH_CONF")]" "$folder/monmap" >/dev/null
	ceph-mon -i a --mkfs --monmap "$folder/monmap" --keyring "$folder/keyring"
	ceph-mon -i a
	ceph osd new "$uuid" 0 >/dev/null
	ceph-osd -i 0 --mkfs --osd-uuid "$uuid" 2>>"$folder/mkfs.log"
	osd_start
	ceph osd pool create rbd 8 8 replicated 2>/dev/null
	ceph osd pool application enable rbd rbd 2>/dev/null
}

osd_start() {
	ceph-osd -i 0 >/dev/null 2>>"$folder/start.log"
	for _ in $(seq 600); do
		! ceph osd stat -f json 2>/dev/null | grep -q '"num_up_osds": *1' || return 0
		sleep 0.1
	done
	echo "the OSD does not come up; see $folder/osd.0.log" >&2
	return 1
}

# kill_daemon NAME: ends it by its pid, if that is still its own, and waits until it is gone
kill_daemon() {
	local pid
	pid=$(cat "$folder/run/$1.pid" 2>/dev/null) || return 0
	grep -qa "ceph-${1%%.*}" "/proc/$pid/cmdline" 2>/dev/null || return 0
	kill -9 "$pid"
	while kill -0 "$pid" 2>/dev/null && ! grep -q '^State:.*Z' "/proc/$pid/status" 2>/dev/null; do
		sleep 0.02
	done
}

case $verb in
up) up ;;
osd-kill) kill_daemon osd.0 ;;
osd-start) osd_start ;;
down)
	kill_daemon osd.0
	kill_daemon mon.a
	rm -rf "$folder"
	;;
*)
	sed -n '2,7s/^# \?//p' "$0" >&2
	exit 2
	;;
esac
