# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# A disk that is a file on a web server, which is killed, stopped and started again; and the file is changed under it
# run.sh: seconds 240
# run.sh: kernels 6.1

URL=http://localhost:8000/www/image

_listens() { (exec 8<>/dev/tcp/127.0.0.1/8000) 2>"$T/listens"; }

# _web: starts a web server with $T/www/image
_web() {
	spawn web busybox httpd -f -p 127.0.0.1:8000 -h "$T"
	wait_for _listens
}

# _image: a filesystem with a file, and room for 32 MiB
_image() {
	load
	ip link set lo up
	mkdir -p "$T/www" "$T/mnt" "$T/files"
	head -c 8M /dev/urandom >"$T/files/random"
	truncate -s 32M "$T/www/image"
	mke2fs -q -t ext4 -b 4096 -d "$T/files" "$T/www/image"
}

_run() {
	spawn run "$ABUSECTL" run "$@"
	wait_for has "$T/run" '^/dev/abuse0$'
}

a_filesystem_on_a_web_server_is_mounted_and_survives_the_end_of_the_server() {
	_image
	_web
	_run "$URL"
	is capacity "$(status capacity)" $((32 << 20))
	is "read-only" "$(<$SYS/ro)" 1
	is "block size" "$(<$QUEUE/logical_block_size)" 4096
	mount -o ro,noload $DISK "$T/mnt"
	cmp "$T/mnt/random" "$T/files/random"
	echo 3 >/proc/sys/vm/drop_caches
	kill9 web
	spawn read cmp "$T/mnt/random" "$T/files/random"
	wait_for has "$T/run" '; requests wait until it is better$'
	running read || fail "a read does not wait: $(<"$T/read")"
	_web
	finish read
	wait_for has "$T/run" "$URL: the server answers again$"
	umount "$T/mnt"
	cmp $DISK "$T/www/image"
	kill -TERM "${PID[run]}"
	finish run
	kill9 web
}

of_a_file_that_was_changed_no_byte_is_read() {
	_image
	_web
	_run "$URL"
	io op=read
	cp "$T/www/image" "$T/old"
	touch -r "$T/www/image" "$T/old"
	head -c 32M /dev/zero >"$T/www/new"
	touch -d '1 hour ago' "$T/www/new"
	mv "$T/www/new" "$T/www/image"
	expect EIO io op=read offset=1M
	wait_for has "$T/run" "$URL: the file was changed on the server, so its disk is not what it was"
	mv "$T/old" "$T/www/image"
	io op=read offset=1M
	kill -TERM "${PID[run]}"
	finish run
	kill9 web
}

a_web_server_that_hangs_is_waited_for_until_the_deadline() {
	_image
	_web
	tool setup sz=32M,ro
	start server "$URL" --deadline 2
	wait_for io op=read
	kill -STOP "${PID[web]}"
	expect ETIMEDOUT io op=read offset=1M
	shows "$T/server" 'did not answer a request before its deadline'
	kill -CONT "${PID[web]}"
	wait_for io op=read offset=1M
	stop server
	kill9 web
}

a_reset_is_not_kept_waiting_by_a_web_server_that_hangs() {
	_image
	_web
	tool setup sz=32M,ro
	start server "$URL"
	kill -STOP "${PID[web]}"
	spawn read client io $DISK op=read offset=2M
	owned 1
	reset
	finish server 1
	failed read EIO
	kill9 web
}

many_disks_have_files_on_a_web_server() {
	_image
	_web
	tool setup sz=32M,ro
	echo "0 http://me:secret@${URL#http://}" >"$T/disks"
	spawn server "$ABUSECTL" server --all "$T/disks"
	wait_for has "$T/server" ": serving 32 MiB from $URL on "
	cmp $DISK "$T/www/image"
	kill -STOP "${PID[web]}"
	spawn read client io $DISK op=read offset=2M
	owned 1
	reset
	wait_for has "$T/server" 'it was reset'
	failed read EIO
	kill -CONT "${PID[web]}"
	finish server 1
	! grep -q secret "$T/server" || fail "the password is shown: $(<"$T/server")"
	complains 1 "http://localhost:8001/: .*; is a web server running there[?]" run http://me:secret@localhost:8001/
	kill9 web
}
