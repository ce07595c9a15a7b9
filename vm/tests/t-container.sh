# shellcheck shell=bash disable=SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Servers and setup in a container: with namespaces of its own, a /dev of its own, and no capability there or here
# run.sh: seconds 300
# run.sh: kernels 6.1

# _contain NODE...: makes $inside, which runs a command as user 1234 in a container. It has the usual nodes, these,
# and no sysfs
_contain() {
	mkdir "$T/dev"
	cp -a /dev/null /dev/zero /dev/urandom /dev/random "$@" "$T/dev"
	cat >"$T/inside" <<-END
		mount --bind $T/dev /dev
		mount -t proc proc /proc
		mount -t tmpfs tmpfs /sys
		exec setpriv --reuid=1234 --regid=1234 --clear-groups --bounding-set=-all --no-new-privs "\$@"
	END
	inside=(unshare --mount --pid --net --ipc --uts --cgroup --fork --kill-child bash "$T/inside")
}

# _pid REGEX: waits for a server that matches, and puts its process as seen from here into $pid
_pid() {
	wait_for eval "client servers $CTL | grep '$1' >'$T/server'"
	pid=$(sed -n 's/.* pid=\([0-9]*\) .*/\1/p' "$T/server")
}

# As an administrator would: the disk is set up outside, and the container gets one node.
a_server_in_a_container_needs_one_node() {
	ready capacity=32M
	chown 1234 $CTL
	_contain $CTL
	spawn boxed "${inside[@]}" "$ABUSECTL" server 0 mem
	wait_for has "$T/boxed" ': serving 32 MiB from mem on /dev/abuse0'
	told boxed '' 1
	io op=write length=1M threads=8 byte=7
	io op=check length=1M threads=8 byte=7
	_pid text=mem
	tool servers 0 -n -o PID,COMMAND,UID >"$T/out"
	is "the server seen from outside" "$(<"$T/out")" "$pid java 1234"
	serve outside
	nsenter --target "$pid" --pid --mount --net --setuid 1234 --setgid 1234 "$ABUSECTL" servers -n -o PID,COMMAND,UID >"$T/out"
	is "servers seen from inside" "$(sed 's/ \+/ /g' "$T/out")" "$(printf '%s\n' '1 java 1234' '- - 0')"
	end outside
	kill -TERM "$pid"
	finish boxed
	is errors "$(status errors)" 0
	reset
}

# A container is stopped by the end of its first process, whose namespace dies with it.
a_container_that_is_killed_leaves_its_requests_to_the_next() {
	ready capacity=32M
	chown 1234 $CTL
	_contain $CTL
	cp "$ABUSE_BUILD/client" "$T"
	truncate -s 32M "$T/image"
	chown 1234 "$T/image"
	spawn boxed "${inside[@]}" "$T/client" server $CTL hold=2 text=boxed identity=1
	_pid text=boxed
	submit_soon a op=write threads=2 stride=64K byte=5
	owned 2
	kill -KILL "$pid"
	spawn next "${inside[@]}" "$T/client" server $CTL store="$T/image"
	finish a
	io op=check threads=2 stride=64K byte=5
	is redelivered "$(status redelivered)" 2
	reset
}

# The disk's node is made by the kernel, in the machine's own /dev only.
run_in_a_container_needs_the_node_of_the_disk_too() {
	load
	chown 1234 $CTL
	_contain $CTL
	spawn run "${inside[@]}" "$ABUSECTL" run sz=32M
	finish run 1
	shows "$T/run" "^abusectl: $DISK: the kernel has the disk, but there is no node for it; .*'mknod $DISK b 60 0' first"
	is capacity "$(status capacity)" 0
	mknod "$T/dev/abuse0" b 60 0
	spawn run "${inside[@]}" "$ABUSECTL" run sz=32M mem
	wait_for has "$T/run" "^$DISK\$"
	_pid command=java
	io op=write length=1M byte=7
	io op=check length=1M byte=7
	kill -KILL "$pid"
	wait_for [ ! -e $SYS ]
	is capacity "$(status capacity)" 0
}

# What the kernel makes has no node in a private /dev, so each try would make one more, and none of them ever goes.
run_in_a_container_of_root_makes_no_device_that_it_cannot_open() {
	local inside before
	ready
	_contain $CTL
	inside[-1]=$T/root
	sed 's/^exec .*/exec "$@"/; /tmpfs/d' "$T/inside" >"$T/root"
	before=$(ls /sys/class/abuse)
	for _ in 1 2; do
		spawn run "${inside[@]}" "$ABUSECTL" run sz=32M
		finish run 1
		shows "$T/run" "all 1 are set up; 'abusectl reset' frees one, and others have no node in this /dev, such as /dev/abctl1\$"
	done
	is devices "$(ls /sys/class/abuse)" "$before"
}

# Capabilities in a user namespace are none in the initial one.
root_of_a_user_namespace_has_the_rights_of_whoever_owns_the_node() {
	local user
	load
	cp "$ABUSE_BUILD/client" "$T"
	truncate -s 32M "$T/image"
	chown 1234 $CTL "$T/image"
	user=(setpriv --reuid=1234 --regid=1234 --clear-groups unshare --user --map-root-user "$T/client")
	expect EACCES "${user[@]}" status /dev/abctl1
	expect EPERM "${user[@]}" add $CTL
	expect EPERM "${user[@]}" setup $CTL capacity=32M flags=$PARTSCAN
	expect EPERM "${user[@]}" setup $CTL capacity=32M queue_depth=4096 queues=2
	is capacity "$(status capacity)" 0
	is requests_limit "$("${user[@]}" status $CTL only=requests_limit)" 4096
	"${user[@]}" setup $CTL capacity=32M queue_depth=2048 queues=2
	spawn boxed "${user[@]}" server $CTL store="$T/image" text=boxed identity=1
	_pid text=boxed
	shows "$T/server" ' uid=1234 '
	io op=write length=1M threads=4 byte=7
	io op=check length=1M threads=4 byte=7
	"${user[@]}" servers $CTL >"$T/out"
	shows "$T/out" " pid=$pid uid=0 "
	expect EPERM unshare --user --map-root-user "$ABUSE_BUILD/client" add /dev/abctl1
	"${user[@]}" reset $CTL
	finish boxed 3
	is capacity "$(status capacity)" 0
}
