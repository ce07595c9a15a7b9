# shellcheck shell=bash disable=SC2034,SC2119,SC2120,SC2154
# One server has many disks
# run.sh: kernels 6.12
# run.sh: seconds 400
MANY=150 # 500 take minutes

_start_all() {
	spawn server "$ABUSECTL" server --all "$T/disks"
	wait_for _serves "$1"
}

_serves() {
	local lines
	running server || fail "it has ended: $(<"$T/server")"
	lines=$(grep -c ': serving ' "$T/server")
	[ "$lines" = "$1" ] || { echo "serves $lines"; return 1; }
}

_checked() { # NUMBER BYTE
	client io "/dev/abuse$1" op=check length=64K byte="$2" || fail "disk $1"
}

one_process_serves_very_many_disks() {
	local n began vm_time
	load
	for ((n = 0; n < MANY; n++)); do
		case $n in
		*77) echo "$n file:$T/image$n --create setup=sz=1M" ;;
		*) echo "$n mem setup=sz=1M,discard" ;;
		esac
	done >"$T/disks"
	vm_time
	began=$vm_time
	_start_all $MANY
	vm_time
	note "set up and served after $((vm_time - began)) ms, with $(find "/proc/${PID[server]}/task" -mindepth 1 -maxdepth 1 | wc -l) threads," \
		"$(awk '/VmRSS/ { print $2 }' "/proc/${PID[server]}/status") KiB"
	for n in 0 77 120 $((MANY - 1)); do
		client io /dev/abuse$n op=write length=64K byte=$((n % 250 + 1))
		client io /dev/abuse$n op=sync
		_checked $n $((n % 250 + 1))
	done
	tool list --noheadings -o NODE,SERVERS,PID,SERVES >"$T/list"
	is "disks with one server of that process" "$(awk -v pid="${PID[server]}" '
		$2 == 1 && $3 == pid && $4 ~ /^(mem|file:.*)$/' "$T/list" | wc -l)" $MANY
	is "what the disk of an image says" "$(awk '$1 == "/dev/abctl77" { print $4 }' "$T/list")" "file:$T/image77"

	# The disks stay, and so does what is in the images
	kill9 server
	_submit_late 77
	_start_all $MANY
	finish late
	_checked 77 78
	_checked 0 0

	client reset /dev/abctl120
	wait_for has "$T/server" '^abusectl: /dev/abctl120: No such device; it was reset, and is served when it is set up again$'
	_checked 77 78
	for ((n = 0; n < MANY; n++)); do
		[ $n = 120 ] || client reset /dev/abctl$n
	done
	finish server 1
	told server ': No such device; it was reset' $MANY
	shows "$T/server" ': no disk is left, so the server ends$'
	is "disks" "$(tool list --noheadings)" ""
}

# Reads a disk that nobody serves
_submit_late() {
	spawn late client io "/dev/abuse$1" op=check length=64K byte=$(($1 % 250 + 1))
	client status "/dev/abctl$1" only=pending until=1
}

a_signal_ends_it_and_a_restart_takes_over_from_it() {
	local n
	load
	for n in 0 1 2 3; do
		echo "$n file:$T/image$n --create setup=sz=16M"
	done >"$T/disks"
	echo "4 mem # nobody has set it up" >>"$T/disks"
	_start_all 4
	shows "$T/server" '/dev/abctl4: not set up yet'
	for n in 0 1 2 3; do
		spawn verify$n fio --direct=1 --ioengine=io_uring --filename=/dev/abuse$n --output-format=terse --name=verify --size=8M \
			--rw=randwrite --bsrange=4k-64k --iodepth=8 --fsync=30 --time_based --runtime=10 --verify=crc32c --verify_fatal=1
	done
	for n in 1 2; do
		pause 1
		stop server
		_start_all 4
		pause 1
		kill9 server
		_start_all 4
	done
	for n in 0 1 2 3; do
		finish verify$n
		is errors "$(client status /dev/abctl$n only=errors)" 0
	done
	stop server
}
