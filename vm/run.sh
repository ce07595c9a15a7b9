#!/bin/bash
# vm/run.sh - runs a command, or an interactive shell, as root in a throw-away VM with a stock Debian
# kernel, the machine's own root read-only below a tmpfs, and the same current directory.
#
#   run.sh [-k KERNEL] [-c CPUS] [-m MEM] [-t SECONDS] [-o OUTDIR] [-s DIR] [-a CMDLINE] [-r ROOT]
#          [-d SIZE] [-b DIR] [-i] [-p] [--] [COMMAND ...]
#
#   -k KERNEL   6.1 (default), 6.12, rt, newest, debug or kcsan; 6.1-arm64, 6.12-arm64 or 6.12-arm64-16k,
#               with a Debian for arm64 instead of the machine's own root: see kernel.sh
#   -c, -m      processors (2) and memory (2G)
#   -t SECONDS  ends the VM when the command has printed nothing for so long, or for up to twice that (1200)
#   -o OUTDIR   /out in the VM, writable (build/vm); console.log in it is the kernel's log, and clock is
#               the VM's own time in milliseconds
#   -s DIR      /shared in the VM, writable, for files that several VMs share
#   -a CMDLINE  is added to the kernel's command line
#   -r ROOT     boots this Debian with its systemd instead; the machine's own root is in /machine, and the
#               project has the same path as outside
#   -d SIZE     an empty disk, /dev/vda once virtio_blk is loaded
#   -b DIR      boots DIR/initrd, which mounts its own root from DIR/disk, /dev/vda, with DIR/swap as /dev/vdb; there
#               is no command: whatever runs there writes its status to OUTDIR/status
#   -i          count instructions: time in the VM goes on with the instructions that it executes
#   -p          run processors at the same time even in emulation, which a kernel does not always survive
#
# The VM's own time is how long it has run, less the time that its processors waited for a processor of
# the machine. Limits count this time, so that they find hangs and a busy machine does not matter.
#
# Exit status: the command's; 97 time limit, 98 the VM ended without one (panic, hang), 99 the
# command was fine but the kernel was not: warning, oops, lock or memory splat, hung task.
set -eu

usage() { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
project=$(cd "$(dirname "$0")/.." && pwd)
kernel=6.1 cpus=2 memory=2G limit=1200 out=$project/build/vm extra='' root='' shared='' disk='' boot='' icount='' threads=single
while getopts k:c:m:t:o:s:a:r:d:b:ip option; do
	case $option in
	k) kernel=$OPTARG ;;
	c) cpus=$OPTARG ;;
	m) memory=$OPTARG ;;
	t) limit=$OPTARG ;;
	o) out=$OPTARG ;;
	s) shared=$(cd "$OPTARG" && pwd) ;;
	a) extra=$OPTARG ;;
	r) root=$(cd "$OPTARG" && pwd) ;;
	d) disk=$OPTARG ;;
	b) boot=$(cd "$OPTARG" && pwd) ;;
	i) icount=yes ;;
	p) threads=multi ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
if [ $# -eq 0 ] && [ ! "$boot" ] && ! { [ -t 0 ] && [ -t 1 ]; }; then
	echo "run.sh: a shell needs a terminal; or give a COMMAND" >&2
	exit 2
fi

"$project/vm/kernel.sh" "$kernel"
"$project/vm/boot.sh" "$kernel"
dir=$(realpath "$project/build/kernel/$kernel")
systemd=${root:+yes} arm64=''
if [ -e "$dir/system" ]; then
	arm64=yes
	root=${root:-$(realpath "$dir/system")}
fi

mkdir -p "$out"
out=$(cd "$out" && pwd)
exec 9>"$out/.lock"
flock -n 9 || { echo "run.sh: $out is in use by another VM: choose another with -o" >&2; exit 2; }
rm -f "$out/status" "$out/kmemleak.log" "$out/late"
: >"$out/output.log"
: >"$out/console.log"
printf '%012d\n' 0 >"$out/clock"
size=$(stty size 2>/dev/null || echo 24 80)
{
	echo "command=(${*@Q}) kernel=${dir@Q}/root directory=${PWD@Q}"
	echo "project=${project@Q} machine=${root:+yes} systemd=$systemd shared=${shared:+yes}"
	echo "rows=${size% *} columns=${size#* }"
	echo "export TERM=${TERM:-dumb} LANG=${LANG:-C.UTF-8}"
	cat "$project/vm/guest.sh"
} >"$out/command"

initrd=$dir/initramfs
[ ! "$boot" ] || initrd=$boot/initrd
console=ttyS0 qemu=(qemu-system-x86_64)
[ -z "$arm64" ] || console=ttyAMA0 qemu=(qemu-system-aarch64 -M virt)
cmdline="console=$console panic=-1 oops=panic printk.devkmsg=on sysctl.kernel.hung_task_timeout_secs=60"
# Without no_timer_check a kernel panics that sees too few ticks at its start, because the machine is busy.
cmdline+=" mitigations=off audit=0 no_timer_check"
qemu+=(-name "abuse,debug-threads=on" -nodefaults -no-user-config -display none -no-reboot
	-m "$memory" -kernel "$dir/kernel" -initrd "$initrd")

# A stock kernel does not boot with every /dev/kvm, so each kernel tries it once.
accelerator() {
	if ! { [ -r /dev/kvm ] && [ -w /dev/kvm ]; }; then
		echo tcg
		return
	fi
	if ! [ -e "$dir/accelerator" ]; then
		echo "vm: trying kernel $kernel with /dev/kvm, 15 s at most" >&2
		if timeout -k 1 15 "${qemu[@]}" -accel kvm -cpu host -append "$cmdline abuse_vm=probe" \
			-serial stdio </dev/null 2>/dev/null | grep -q 'abuse-vm: this kernel boots'; then
			echo kvm
		else
			echo tcg
		fi >"$dir/.accelerator.$$"
		mv "$dir/.accelerator.$$" "$dir/accelerator"
	fi
	cat "$dir/accelerator"
}
# Emulated code is translated anew for each address that it lies at: with random addresses a program takes up to four
# times as long to start.
fixed=" norandmaps"
if [ "$icount" ]; then
	qemu+=(-accel "tcg,thread=single" -icount "shift=1,sleep=off,align=off" -smp 1 -cpu "max,-erms,-fsrm")
	# The VM's clock leaps ahead while it waits for the machine, and tasks then seem to hang.
	cmdline+=" tsc=reliable sysctl.kernel.hung_task_timeout_secs=0"
elif [ "$arm64" ]; then
	# On arm64 a kernel that patches itself runs well with several threads. Pointers are signed the quick way.
	qemu+=(-accel "tcg,thread=multi" -smp "$cpus" -cpu "max,pauth-impdef=on")
elif [ "$(accelerator)" = kvm ]; then
	qemu+=(-accel kvm -smp "$cpus" -cpu host)
	fixed=''
else
	# With one thread the processors take turns. With a thread each, qemu now and then runs stale code
	# when a kernel patches itself, which ends in "Oops: int3" (seen with 7.2, 10.0 and 11.1). With erms and
	# fsrm a kernel copies byte by byte, which is quick in silicon only; la57 is a page table more to walk.
	qemu+=(-accel "tcg,thread=$threads" -smp "$cpus" -cpu "max,-erms,-fsrm,-la57")
fi
share=local,security_model=none,multidevs=remap
[ -z "$root" ] || qemu+=(-virtfs "$share,path=/,mount_tag=machine,readonly=on")
[ -z "$systemd" ] || cmdline+=" systemd.getty_auto=no"
root=${root:-/}
qemu+=(-append "$cmdline$fixed $extra" -serial "file:$out/console.log"
	-virtfs "$share,path=${root//,/,,},mount_tag=root,readonly=on"
	-virtfs "$share,path=${out//,/,,},mount_tag=out")
if [ "$shared" ]; then
	qemu+=(-virtfs "$share,path=${shared//,/,,},mount_tag=shared")
fi
if [ "$disk" ]; then
	rm -f "$out/disk"
	truncate -s "$disk" "$out/disk"
	qemu+=(-drive "file=${out//,/,,}/disk,format=raw,if=virtio,cache=unsafe")
fi
if [ "$boot" ]; then
	for part in disk swap; do
		qemu+=(-drive "file=${boot//,/,,}/$part,format=raw,if=virtio,cache=unsafe")
	done
fi

# watch PID: keeps OUT/clock up to date; ends the VM when it is late, and then makes OUT/late
watch() {
	local start=${EPOCHREALTIME/./} now own=0 quiet=0 size printed=0 waited most thread threads=() name
	local -A before=()
	exec {never}<> <(:)
	while read -rt 0.1 -u "$never" || kill -0 "$1" 2>/dev/null; do
		# These are its processors and its main thread; some of them start later than others.
		if [ $own -lt 5000000 ]; then
			threads=()
			for thread in /proc/"$1"/task/*; do
				read -r name <"$thread/comm" && [[ $name == *CPU* || $thread == */$1 ]] && threads+=("$thread")
			done
		fi
		most=0
		for thread in "${threads[@]}"; do
			read -r _ waited _ <"$thread/schedstat" || continue
			waited=$((waited / 1000))
			most=$((waited - ${before[$thread]:-0} > most ? waited - ${before[$thread]:-0} : most))
			before[$thread]=$waited
		done
		now=${EPOCHREALTIME/./}
		most=$((most > now - start ? now - start : most))
		own=$((own + now - start - most)) quiet=$((quiet + now - start - most)) start=$now
		printf '%012d\n' $((own / 1000)) 1<>"$out/clock"
		if [ $quiet -gt "${limit}000000" ]; then
			quiet=0 size=$(stat -c %s "$out/output.log")
			if [ "$size" = "$printed" ]; then
				: >"$out/late"
				kill "$1"
				read -rt 5 -u "$never" || kill -KILL "$1" || :
			fi
			printed=$size
		fi
	done 2>/dev/null
}

status=0
if [ $# -eq 0 ] && [ ! "$boot" ]; then
	"${qemu[@]}" -chardev stdio,id=tty,signal=off -device virtio-serial-pci \
		-device virtconsole,chardev=tty || status=$?
else
	# No matter how this script ends, qemu ends, too.
	setpriv --pdeathsig TERM "${qemu[@]}" </dev/null >&2 &
	vm=$!
	watch $vm 9>&- &
	trap 'kill $vm 2>/dev/null || :; wait; exit 130' INT TERM HUP
	tail -n +1 -f -s 0.1 --pid=$vm "$out/output.log" 9>&- &
	wait $vm || status=$?
	wait
	trap - INT TERM HUP
fi

sed -i 's/\r$//' "$out/console.log"
bad=$(awk -v bounds=yes -f "$project/vm/splats.awk" "$out/console.log")
[ -z "$bad" ] || printf 'vm: the kernel complained (%s):\n%s\n' "$out/console.log" "$bad" >&2

if [ -s "$out/status" ]; then
	status=$(cat "$out/status")
	[ "$status" -ne 0 ] || [ -z "$bad" ] || status=99
elif [ -e "$out/late" ]; then
	echo "vm: nothing printed for $limit s of its own time: ended" >&2
	status=97
else
	printf 'vm: ended without an exit status; its last words:\n' >&2
	tail -n 20 "$out/console.log" >&2
	status=98
fi
exit "$status"
