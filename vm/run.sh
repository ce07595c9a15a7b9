#!/bin/bash
# vm/run.sh - runs a command, or an interactive shell, as root in a throw-away VM: a stock Debian
# kernel, the machine's own root read-only below a tmpfs, the same current directory.
#
#   run.sh [-k KERNEL] [-c CPUS] [-m MEM] [-t SECONDS] [-o OUTDIR] [-a CMDLINE] [-r ROOT] [-d SIZE]
#          [-i] [-p] [--] [COMMAND ...]
#
#   -k KERNEL   6.1 (default), 6.12, newest or debug; 6.1-arm64, 6.12-arm64 or 6.12-arm64-16k, with
#               a Debian for arm64 instead of the machine's own root: see kernel.sh
#   -c, -m      processors (2) and memory (2G)
#   -t SECONDS  time limit (1200; a shell has none)
#   -o OUTDIR   /out in the VM, writable (build/vm); console.log in it is the kernel's log
#   -a CMDLINE  more for the kernel's command line
#   -r ROOT     boots this Debian with its systemd instead; the machine's own root is below /machine,
#               the project where it is outside
#   -d SIZE     an empty disk, /dev/vda once virtio_blk is loaded
#   -i          count instructions: time in the VM is what was executed, not what the machine did
#   -p          processors at the same time even under emulation, which a kernel does not always survive
#
# Exit status: the command's; 97 time limit, 98 the VM ended without one (panic, hang), 99 the
# command was fine but the kernel was not: warning, oops, lock or memory splat, hung task.
set -eu

usage() { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
project=$(cd "$(dirname "$0")/.." && pwd)
kernel=6.1 cpus=2 memory=2G limit=1200 out=$project/build/vm extra='' root='' disk='' icount='' threads=single
while getopts k:c:m:t:o:a:r:d:ip option; do
	case $option in
	k) kernel=$OPTARG ;;
	c) cpus=$OPTARG ;;
	m) memory=$OPTARG ;;
	t) limit=$OPTARG ;;
	o) out=$OPTARG ;;
	a) extra=$OPTARG ;;
	r) root=$(cd "$OPTARG" && pwd) ;;
	d) disk=$OPTARG ;;
	i) icount=yes ;;
	p) threads=multi ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
if [ $# -eq 0 ] && ! { [ -t 0 ] && [ -t 1 ]; }; then
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
rm -f "$out/status" "$out/kmemleak.log"
: >"$out/output.log"
: >"$out/console.log"
size=$(stty size 2>/dev/null || echo 24 80)
{
	echo "command=(${*@Q}) kernel=${dir@Q}/root directory=${PWD@Q}"
	echo "project=${project@Q} machine=${root:+yes} systemd=$systemd"
	echo "rows=${size% *} columns=${size#* }"
	echo "export TERM=${TERM:-dumb} LANG=${LANG:-C.UTF-8}"
	cat "$project/vm/guest.sh"
} >"$out/command"

console=ttyS0 qemu=(qemu-system-x86_64)
[ -z "$arm64" ] || console=ttyAMA0 qemu=(qemu-system-aarch64 -M virt)
cmdline="console=$console panic=-1 oops=panic printk.devkmsg=on sysctl.kernel.hung_task_timeout_secs=60"
cmdline+=" mitigations=off audit=0"
qemu+=(-nodefaults -no-user-config -display none -no-reboot
	-m "$memory" -kernel "$dir/kernel" -initrd "$dir/initramfs")

# Stock kernels do not boot with every /dev/kvm: tried once for each kernel.
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
if [ "$icount" ]; then
	qemu+=(-accel "tcg,thread=single" -icount "shift=1,sleep=off,align=off" -smp 1 -cpu "max,-erms,-fsrm")
	# Its clock leaps ahead while it waits for the machine: tasks then seem to hang.
	cmdline+=" tsc=reliable sysctl.kernel.hung_task_timeout_secs=0"
elif [ "$arm64" ]; then
	# What patches itself here is in order. Pointers are signed the quick way.
	qemu+=(-accel "tcg,thread=multi" -smp "$cpus" -cpu "max,pauth-impdef=on")
elif [ "$(accelerator)" = kvm ]; then
	qemu+=(-accel kvm -smp "$cpus" -cpu host)
else
	# One thread, the processors take turns: with a thread each, qemu runs stale code now and then
	# when a kernel patches itself, which ends in "Oops: int3" (seen with 7.2, 10.0 and 11.1).
	qemu+=(-accel "tcg,thread=$threads" -smp "$cpus" -cpu max)
fi
share=local,security_model=none,multidevs=remap
[ -z "$root" ] || qemu+=(-virtfs "$share,path=/,mount_tag=machine,readonly=on")
[ -z "$systemd" ] || cmdline+=" systemd.getty_auto=no"
root=${root:-/}
qemu+=(-append "$cmdline $extra" -serial "file:$out/console.log"
	-virtfs "$share,path=${root//,/,,},mount_tag=root,readonly=on"
	-virtfs "$share,path=${out//,/,,},mount_tag=out")
if [ "$disk" ]; then
	rm -f "$out/disk"
	truncate -s "$disk" "$out/disk"
	qemu+=(-drive "file=${out//,/,,}/disk,format=raw,if=virtio,cache=unsafe")
fi

status=0
if [ $# -eq 0 ]; then
	"${qemu[@]}" -chardev stdio,id=tty,signal=off -device virtio-serial-pci \
		-device virtconsole,chardev=tty || status=$?
else
	# However this script ends, so does qemu.
	setpriv --pdeathsig TERM timeout -k 5 "$limit" "${qemu[@]}" </dev/null >&2 &
	vm=$!
	trap 'kill $vm 2>/dev/null || :; wait; exit 130' INT TERM HUP
	tail -n +1 -f -s 0.1 --pid=$vm "$out/output.log" 9>&- &
	wait $vm || status=$?
	wait
	trap - INT TERM HUP
fi

sed -i 's/\r$//' "$out/console.log"
# What a stock kernel says about itself while it boots under emulation is not ours, unless it dies.
splat='WARNING:|BUG:|Oops|KASAN|KCSAN|UBSAN|KFENCE|ODEBUG|Call Trace:|INFO: task .* blocked for more'
splat+='|possible (circular|recursive|irq) lock|inconsistent lock|lockdep|DEBUG_LOCKS|suspicious RCU'
splat+='|rcu.* stall|soft lockup|hard LOCKUP|general protection|kmemleak: [1-9]|list_(add|del) corruption'
splat+='|refcount_t:|scheduling while atomic|nobody cared|Kernel panic'
fatal='Kernel panic|Oops'
bad=$(awk '/abuse-vm: user space begins/ { inside = 1 } /abuse-vm: user space ends/ { inside = 0 }
	$0 ~ fatal || inside && $0 ~ splat' fatal="$fatal" splat="$splat" "$out/console.log")
[ -z "$bad" ] || printf 'vm: the kernel complained (%s):\n%s\n' "$out/console.log" "$bad" >&2

if [ -s "$out/status" ]; then
	status=$(cat "$out/status")
	[ "$status" -ne 0 ] || [ -z "$bad" ] || status=99
elif [ $status -eq 124 ] || [ $status -eq 137 ]; then
	echo "vm: not done after $limit s: ended" >&2
	status=97
else
	printf 'vm: ended without an exit status; its last words:\n' >&2
	tail -n 20 "$out/console.log" >&2
	status=98
fi
exit "$status"
