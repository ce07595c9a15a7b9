# shellcheck shell=bash disable=SC2154
# What process 1 of the VM does once its root is mounted. run.sh writes this to OUTDIR/command, below lines
# that set command (an array, empty for a shell), kernel (the folder of its packages), directory, project,
# rows and columns; machine, if the root is not the machine's own; systemd, if systemd takes over and runs
# this once more as a service; and shared, if there is a shared folder.

if [ $$ = 1 ]; then
	mount -t tmpfs tmpfs /run
	mkdir -p /lib/modules
	if [ "$shared" ]; then
		mkdir -p /shared
		mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 shared /shared
	fi
	if [ "$machine" ]; then
		mkdir -p /machine "$project" /run/modules/{data,work}
		mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro machine /machine
		mount --bind "/machine$project" "$project"
		kernel=/machine$kernel
		mount -t overlay -o "lowerdir=$kernel/lib/modules,upperdir=/run/modules/data,workdir=/run/modules/work" \
			modules /lib/modules
		ln -s "$kernel"/usr/src/linux-headers-* /usr/src
	else
		mount --bind "$kernel/lib/modules" /lib/modules
	fi
	echo abuse-vm >/proc/sys/kernel/hostname
	echo 127.0.1.1 abuse-vm >>/etc/hosts
	if [ "$systemd" ]; then
		printf '%s\n' '[Unit]' 'Description=What the VM is there for' 'After=multi-user.target' \
			'[Service]' 'ExecStart=/bin/bash /out/command' >/etc/systemd/system/abuse-vm.service
		mkdir -p /etc/systemd/system/graphical.target.wants
		ln -s ../abuse-vm.service /etc/systemd/system/graphical.target.wants
		echo abuse-vm >/etc/hostname
		exec /sbin/init
	fi
	case $directory/ in
	/tmp/*) ;; # the project itself lies there, and writes go to the tmpfs above it anyway
	*) mount -t tmpfs -o mode=1777 tmpfs /tmp ;;
	esac
	mkdir -p /run/lock /dev/shm /dev/pts
	mount -t tmpfs -o mode=1777 tmpfs /dev/shm
	mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	[ ! -d /sys/kernel/debug ] || mount -t debugfs debugfs /sys/kernel/debug
	[ ! -d /sys/kernel/tracing ] || mount -t tracefs tracefs /sys/kernel/tracing
	ln -sf /proc/self/fd /dev/fd
	for number in 0:stdin 1:stdout 2:stderr; do ln -sf "fd/${number%:*}" "/dev/${number#*:}"; done
fi

export HOME=/root USER=root LOGNAME=root
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cd "$directory" || exit 1

# KCSAN starts only now, because it would make the boot slower.
[ ! -e /sys/kernel/debug/kcsan ] || echo on >/sys/kernel/debug/kcsan

echo "<5>abuse-vm: user space begins" >/dev/kmsg
if [ ${#command[@]} -eq 0 ]; then
	[ ! -x cli/abusectl ] || PATH=$PWD/cli:$PATH
	modprobe abuse
	ip link set lo up
	exec 3<>/dev/hvc0 # stays open, because the terminal forgets its size when it is closed
	stty sane rows "$rows" columns "$columns" <&3
	setsid -c -w bash -i <&3 >&3 2>&1 3>&-
	status=$?
else
	# The output goes through a pipe, so that the command can open /dev/stdout and it is no terminal.
	mkfifo /run/output
	cat </run/output >>/out/output.log &
	reader=$!
	setsid -w "${command[@]}" </dev/null >/run/output 2>&1
	status=$?
	# A process that the command left running may hold the pipe open, so wait a second for the rest, not longer.
	for _ in {1..20}; do
		kill -0 $reader 2>/dev/null || break
		sleep 0.05
	done
fi

leaks=/sys/kernel/debug/kmemleak
if [ -e $leaks ]; then
	echo scan >$leaks
	sleep 6 # kmemleak does not report younger objects
	echo scan >$leaks
	cat $leaks >/out/kmemleak.log
fi
echo "<5>abuse-vm: user space ends" >/dev/kmsg
echo $status >/out/status
sleep 0.1 # another process may still be writing to the console
echo b >/proc/sysrq-trigger
sleep 60
