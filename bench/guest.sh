#!/bin/bash
# bench/guest.sh - the part of the benchmark that runs in the VM; see run.sh, which starts it
#
#   guest.sh measure ROUNDS MILLISECONDS REQUESTS WORKLOADS TARGETS
#   guest.sh profile TARGET WORKLOAD
#
# A target is a device and its server: null_blk brd loop nbd-null nbd-mem nbd-file qemu-nbd ublk-null
# ublk-file abuse-null abuse-mem abuse-file abuse-nbd-mem c-null c-mem; or one that is mapped to another device, and has no
# server: dm-linear and map-null, both to null_blk, map-many, to null_blk in 2^20 extents, and map-brd; or map-mem, whose
# server lends its memory, map-cache and map-cache-brd, all of which is in a cache in lent memory or on brd, and map-none,
# which has nothing mapped.
# abuse-qcow2 and qemu-nbd-qcow2 serve an image in that format.
# With abuse, c and ublk, "-2" makes two hardware queues and "-batch" puts the server under SCHED_BATCH. With abuse
# and c, "-poll" makes the server look for requests before it sleeps, as long as the kernel finds that worth it. With
# loop and abuse, "-512" makes blocks of 512 bytes instead of 4096. With abuse, "-error" puts a filter before the
# backend that does nothing, and "-powerfail" one that is a write cache.
#
# A workload is named by its pattern (rr rw: random read, write; r w: sequential), block size, depth and
# number of jobs: rr4k-32, r128k-32, rr4k-32x2. With a v, as in rv1m-4, the memory of each request is in
# vectors of 512 bytes; these are the only workloads of targets with -512, and of no others.
#
# The results are appended to /out/results, one JSON object a line.
set -eu -o pipefail

cd "$(dirname "$0")/.."
size=$((256 << 20)) depth=128
programs=$PWD/build/bench
declare -A device pid
nodes=0 nbds=0

say() { echo "$(cut -d. -f1 /proc/uptime) s: $*" >&2; }
die() { echo "guest.sh: $*" >&2; exit 1; }

# serve TARGET COMMAND...: starts a server, waits for its first line, and puts that into reply
serve() {
	local name=$1
	shift
	"$@" </dev/null >"/run/$name.out" 2>"/run/$name.err" &
	pid[$name]=$!
	while ! [ -s "/run/$name.out" ] && kill -0 "${pid[$name]}" 2>/dev/null; do
		sleep 0.1
	done
	reply=$(head -n 1 "/run/$name.out")
	[ -n "$reply" ] || die "$name: $(cat "/run/$name.err")"
}

image() {
	head -c $size /dev/zero >"/dev/shm/$1"
	echo "/dev/shm/$1"
}

qcow2() {
	qemu-img create -q -f qcow2 "/dev/shm/$1" $size
	echo "/dev/shm/$1"
}

# start_nbd TARGET COMMAND...: starts a server on a unix socket
start_nbd() {
	local name=$1
	shift
	"$@" </dev/null >"/run/$name.out" 2>&1 &
	pid[$name]=$!
	while ! [ -S "/run/$name.socket" ] && kill -0 "${pid[$name]}" 2>/dev/null; do
		sleep 0.1
	done
}

# serve_nbd TARGET COMMAND...: such a server, and the kernel's client for it
serve_nbd() {
	local name=$1
	start_nbd "$@"
	modprobe nbd nbds_max=8
	nbd-client -unix "/run/$name.socket" "/dev/nbd$nbds" -b 4096 -N '' >"/run/$name.out" 2>&1 ||
		die "$name: $(cat "/run/$name.out")"
	device[$name]=nbd$nbds
	nbds=$((nbds + 1))
}

# map TARGET DEVICE: a disk that is mapped to a block device, and needs no server
map() {
	modprobe abuse max_abuse=32
	cli/abusectl setup $nodes sz=$size,mappable
	cli/abusectl map $nodes 0 - "$2"
	device[$1]=abuse$nodes
	nodes=$((nodes + 1))
}

# map_many TARGET DEVICE: the same in 2^20 extents, which are not neighbours there; only the first ones are used
map_many() {
	local at
	modprobe abuse max_abuse=32
	cli/abusectl setup $nodes sz=4G,mappable
	for ((at = 0; at < 1 << 32; at += 4096 * 4096)); do
		build/clients/client map /dev/abctl$nodes "extents=$at:4K:0:$2:w" times=4096 step=4K >/run/map_many
	done
	device[$1]=abuse$nodes
	nodes=$((nodes + 1))
}

# The third one has room for a cache of a whole disk
disks_in_memory() { modprobe brd rd_nr=3 rd_size=$((size >> 9)); }

start() {
	local name=$1 base=$1 queues=1 block=4096 prefix=() poll='' map=''
	case $base in *-poll) base=${base%-poll} poll=auto ;; esac
	case $base in *-batch) base=${base%-batch} prefix=(chrt -b 0) ;; esac
	case $base in map-*) map=yes ;; esac
	case $base in *-2) base=${base%-2} queues=2 ;; *-512) base=${base%-512} block=512 ;; esac
	say "starting $name"
	case $base in
	null_blk | dm-linear | map-null | map-many)
		modprobe null_blk nr_devices=4 gb=4 queue_mode=2 irqmode=0 memory_backed=0 max_sectors=2048 \
			submit_queues="$(nproc)" hw_queue_depth=$depth
		case $base in
		null_blk) device[$name]=nullb0 ;;
		dm-linear)
			dmsetup create bench --table "0 $((size >> 9)) linear /dev/nullb1 0"
			device[$name]=$(grep -lx bench /sys/block/dm-*/dm/name | cut -d/ -f4)
			;;
		map-many) map_many "$name" /dev/nullb3 ;;
		*) map "$name" /dev/nullb2 ;;
		esac
		;;
	brd | map-brd)
		disks_in_memory
		case $base in
		brd) device[$name]=ram0 ;;
		*) map "$name" /dev/ram1 ;;
		esac
		;;
	loop)
		modprobe loop
		device[$name]=$(basename "$(losetup -f -b $block --show "$(image "$name")")")
		;;
	nbd-null) serve_nbd "$name" nbdkit -f -t "$(nproc)" -U "/run/$name.socket" null $size ;;
	nbd-mem) serve_nbd "$name" nbdkit -f -t "$(nproc)" -U "/run/$name.socket" memory $size ;;
	nbd-file) serve_nbd "$name" nbdkit -f -t "$(nproc)" -U "/run/$name.socket" file "$(image "$name")" ;;
	qemu-nbd) serve_nbd "$name" qemu-nbd -t -f raw -k "/run/$name.socket" "$(image "$name")" ;;
	qemu-nbd-qcow2) serve_nbd "$name" qemu-nbd -t -f qcow2 -k "/run/$name.socket" "$(qcow2 "$name")" ;;
	ublk-*)
		modprobe ublk_drv
		local what=null
		[ "$base" = ublk-null ] || what=$(image "$name")
		serve "$name" "${prefix[@]}" "$programs/ublk" $size $queues $depth "$what"
		device[$name]=${reply#/dev/}
		;;
	c-*)
		modprobe abuse max_abuse=32
		serve "$name" "${prefix[@]}" "$programs/client" "/dev/abctl$nodes" $size $queues $depth "${base#c-}" ${poll:+"$poll"}
		device[$name]=${reply#/dev/}
		nodes=$((nodes + 1))
		;;
	abuse-* | map-mem | map-cache | map-cache-brd | map-none)
		modprobe abuse max_abuse=32
		local backend=${base#*-} filter=()
		case $backend in
		*-error) filter=(--filter error:rate=0) ;;
		*-powerfail) filter=(--filter powerfail) ;;
		cache) backend=null filter=(--cache $((2 * size))) ;;
		cache-brd)
			disks_in_memory
			backend=null filter=(--cache /dev/ram2)
			;;
		none) backend=null ;;
		esac
		backend=${backend%-error}
		backend=${backend%-powerfail}
		case $backend in
		qcow2) backend=qcow2:$(qcow2 "$name") ;;
		file) backend=file:$(image "$name") ;;
		nbd-mem)
			start_nbd "$name-peer" nbdkit -f -t "$(nproc)" -U "/run/$name-peer.socket" memory $size
			backend="nbd+unix:///?socket=/run/$name-peer.socket"
			;;
		esac
		cli/abusectl setup $nodes sz=$size,bs=$block,qs=$depth,nq=$queues${map:+,mappable}
		serve "$name" "${prefix[@]}" cli/abusectl server ${poll:+"--poll=$poll"} $nodes "$backend" "${filter[@]}"
		device[$name]=abuse$nodes
		nodes=$((nodes + 1))
		;;
	*) die "no target $name" ;;
	esac
	[ -e "/dev/${device[$name]}" ] || die "$name: no /dev/${device[$name]}"
	local scheduler=/sys/block/${device[$name]}/queue/scheduler
	[ ! -e "$scheduler" ] || echo none >"$scheduler" # brd has no scheduler
	# This makes every store allocate its memory, and map it, before anything is measured.
	dd if=/dev/zero of="/dev/${device[$name]}" bs=1M count=$((size >> 20)) oflag=direct status=none
	case $base in map-cache*) ;; *) return ;; esac
	# It is filled after the reads were answered.
	until dd if="/dev/${device[$name]}" of=/dev/null bs=1M iflag=direct status=none
		cli/abusectl maps $((nodes - 1)) -bno length | awk '{ n += $1 } END { exit n != '$size' }'; do
		sleep 1
	done
}

# job WORKLOAD TIME-OR-COUNT: prints a section of a fio job file
job() {
	local work=$1 rw bs jobs=1
	case $work in *x*) jobs=${work#*x} work=${work%x*} ;; esac
	bs=${work%-*}
	case $bs in
	rr*) rw=randread bs=${bs#rr} ;;
	rw*) rw=randwrite bs=${bs#rw} ;;
	r*) rw=read bs=${bs#r} ;;
	w*) rw=write bs=${bs#w} ;;
	*) die "no workload $1" ;;
	esac
	printf '[%s]\nstonewall\nrw=%s\nbs=%s\niodepth=%s\nnumjobs=%s\n%s\n' "$1" $rw "$bs" "${work#*-}" "$jobs" "$2"
}

# run_vectors TARGET LIMIT WORKLOAD...: runs the workloads with a v; prints a line of JSON for each
run_vectors() {
	local target=$1 milliseconds=${2//[!0-9]/} work size
	shift 2
	for work; do
		size=${work#?v} size=${size%-*}
		"$programs/vectors" "/dev/${device[$target]}" "${work:0:1}" "$(numfmt --from=iec "${size^^}")" \
			"${work#*-}" 512 "$milliseconds" |
			jq -c --arg target "$target" --arg workload "$work" '{target: $target, workload: $workload} + .'
	done
}

# run TARGET LIMIT WORKLOAD...: runs one fio for all of them, one after the other; prints a line of JSON for each
run() {
	local target=$1 limit=$2 work
	case ${3-} in [rw]v*)
		run_vectors "$@"
		return
		;;
	esac
	shift 2
	{
		# fio's buffers are in huge pages, or else chance would decide whether they are, and a third of 128k.
		printf '[global]\nioengine=io_uring\ndirect=1\nfilename=/dev/%s\nsize=%s\n' "${device[$target]}" $size
		printf 'group_reporting\nmem=mmap\nmem_align=2M\n'
		# The first job is not counted, because fio itself is still busy with other things.
		job "$1" "$(lasting 50)" | sed '1s/.*/[first]/'
		for work; do job "$work" "$limit"; done
	} >/run/job
	fio --output-format=json --output=/run/fio.json /run/job >&2
	jq -c --arg target "$target" '(.jobs[0] | .read.total_ios + .write.total_ios) as $first |
		.jobs[1:][] | {target: $target, workload: .jobname, error, $first,
		requests: (.read.total_ios + .write.total_ios), iops: (.read.iops + .write.iops),
		bytes: (.read.bw_bytes + .write.bw_bytes), switches: .ctx} |
		if .error != 0 then error("\(.target) \(.workload): I/O error") else . end' /run/fio.json
}

lasting() { printf 'time_based\nruntime=%sms' "$1"; }
counting() { printf 'io_size=%s\nloops=1' "$(($1 * 4096))"; } # requests of 4 KiB
note() { jq -c --arg kind "$1" "${2:-.} + {kind: \$kind}" >>/out/results; }

# A JVM compiles hot code while it runs. Without a spare CPU that would compete with what is measured.
warm() {
	local target=$1 before=0 now i
	case $target in
	abuse-* | map-none) ;;
	*)
		run "$target" "$(lasting 50)" rr4k-32 rw4k-32 >/dev/null
		return
		;;
	esac
	run "$target" "$(lasting 800)" rr4k-32 rw4k-32 rr4k-1 r128k-32 w128k-32 >/dev/null
	for ((i = 1; i <= 12; i++)); do
		now=$(run "$target" "$(lasting 800)" rr4k-32 rw4k-32 | jq -s 'map(.iops) | add | floor')
		say "warming $target: $now"
		[ $((now * 100)) -gt $((before * 102)) ] || [ $((now * 100)) -lt $((before * 98)) ] || [ $i -lt 3 ] || break
		before=$now
	done
}

# sum EVENT PID: prints the sum of the event's histogram over the threads of a process
sum() {
	local threads
	threads=$(cd "/proc/$2/task" && echo *)
	awk -v threads="$threads" 'BEGIN { n = split(threads, t); for (i = 1; i <= n; i++) mine[t[i]] = 1 }
		/^{/ { gsub(/[^0-9:]/, " "); split($0, f, ":"); if ((f[2] + 0) in mine) s += f[3] } END { print s + 0 }' \
		"$tracing/$1/hist"
}

# Counts the system calls of the server, and the wake-ups of its threads, for each request. IOPS are not measured
# meanwhile.
tracing=/sys/kernel/tracing/events
count() {
	local target=$1 work=$2 milliseconds=$3 line event
	[ "${pid[$target]:-}" ] || return 0
	echo 'hist:keys=common_pid:size=4096' >$tracing/raw_syscalls/sys_enter/trigger
	echo 'hist:keys=pid:size=4096' >$tracing/sched/sched_waking/trigger
	line=$(run "$target" "$(lasting "$milliseconds")" "$work")
	echo "$line" | note count ".requests += .first | . + {syscalls: $(sum raw_syscalls/sys_enter "${pid[$target]}"),
		wakeups: $(sum sched/sched_waking "${pid[$target]}")}"
	for event in raw_syscalls/sys_enter sched/sched_waking; do
		echo "!$(grep -o '^hist:[^ ]*' $tracing/$event/trigger)" >$tracing/$event/trigger
	done
}

# Prints the kilobytes of a process, without those of a store that is shared with a file
resident() { awk '/^Rss(Anon|File):/ { s += $2 } END { print s }' "/proc/$1/status"; }
# Prints how many bytes a JVM has allocated since its last collection, and how many collections there were
heap() {
	jcmd "$1" GC.heap_info >/run/heap
	awk '/generation/ { for (i = 1; i < NF; i++) if ($i == "used") { s += $(i + 1); n++ } }
		END { if (!n) exit 1; print s * 1024 }' /run/heap
}

remember() {
	local target=$1 requests=$2 first second before after
	run "$target" "$(counting $((requests / 10)))" rr4k-32 >/dev/null
	heap "${pid[$target]}" >/dev/null
	before=$(heap "${pid[$target]}") first=$(resident "${pid[$target]}")
	run "$target" "$(counting "$requests")" rr4k-32 >/run/remember
	after=$(heap "${pid[$target]}") second=$(resident "${pid[$target]}")
	note memory ". + {before_kb: $first, after_kb: $second, heap_before: $before, heap_bytes: ($after - $before)}" </run/remember
}

# suitable TARGET WORKLOAD...: prints the workloads that are for the target
suitable() {
	local target=$1 work
	for work in "${@:2}"; do
		case $target:$work in *-512:[rw]v*) echo "$work" ;; *-512:* | *:[rw]v*) ;; *) echo "$work" ;; esac
	done
}

measure() {
	local rounds=$1 milliseconds=$2 requests=$3 workloads=$4 targets=$5 target work round suitable
	for target in $targets; do start "$target"; done
	for target in $targets; do warm "$target"; done
	for ((round = 1; round <= rounds; round++)); do
		for target in $targets; do
			say "round $round of $rounds: $target"
			# shellcheck disable=SC2086 # words
			mapfile -t suitable < <(suitable "$target" $workloads)
			[ ${#suitable[@]} -gt 0 ] || continue
			run "$target" "$(lasting "$milliseconds")" "${suitable[@]}" | note run ". + {round: $round}"
		done
	done
	[ "$requests" -gt 0 ] || return 0
	for target in $targets; do
		# shellcheck disable=SC2086 # words
		for work in $(suitable "$target" $workloads); do
			case $work in rr4k-* | rw4k-32 | r128k-32 | w128k-32) count "$target" "$work" "$milliseconds" ;; esac
		done
	done
	for target in $targets; do
		case $target in abuse-null | abuse-file) say "memory of $target"; remember "$target" "$requests" ;; esac
	done
}

# A timer takes the samples, so code that runs with interrupts off is counted where they are switched on again.
profile() {
	local target=$1 work=$2 i
	start "$target"
	warm "$target"
	echo 0 >/proc/sys/kernel/kptr_restrict
	perf record -B -N -q -e cpu-clock -a -g -o /run/perf.data -- true # warms up perf itself
	run "$target" "$(lasting 60000)" "$work" >/run/line 2>/dev/null &
	sleep 3 # fio has started by then
	perf record -B -N -q -F 15000 -e cpu-clock -a -g -o /run/perf.data -- sleep 0.6
	echo "# $target $work: by command and function, without what it called"
	perf report -i /run/perf.data --no-children -g none --sort comm,sym --stdio 2>/dev/null |
		grep -v -e '^#' -e '^$' | head -40 || :
	echo "# kernel functions, with what they called"
	perf report -i /run/perf.data --children -g none --sort sym --stdio 2>/dev/null |
		grep '\[k\]' | grep -v 0x0000 | head -70 || :
	echo "# who calls the costly ones"
	perf report -i /run/perf.data --no-children -g caller,0.5,callee --max-stack 8 --sort sym --stdio \
		--percent-limit 3 2>/dev/null | grep -v -e '^#' -e '^$' | head -120 || :
}

: >/out/results
"$@"
