# shellcheck shell=bash disable=SC2016,SC2034,SC2086,SC2119,SC2154
# abusectl in less friendly surroundings: no folder to execute from, readers that go away,
# closed descriptors, disks with other names
# run.sh: seconds 240
# run.sh: kernels 6.12 newest rt debug kcsan

PROJECT=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
_abusectl() { "$ABUSECTL" "$@"; }

# Uses a copy of the program in a folder without the archive that makes starts fast
_without_archive() {
	cp "$ABUSECTL" "$PROJECT/cli/target/abusectl.jar" "$T"
	ABUSECTL=$T/abusectl
}

# Makes three folders in which no temporary file can be written and executed
_unusable() {
	mkdir "$T"/{noexec,full,readonly}
	mount -t tmpfs -o noexec tmpfs "$T/noexec"
	mount -t tmpfs -o size=4k tmpfs "$T/full"
	bytes 4096 1 >"$T/full/file"
	mount -t tmpfs -o ro tmpfs "$T/readonly"
}

without_an_archive_it_needs_no_folder_for_temporary_files() {
	_without_archive
	_unusable
	ready capacity=32M
	for folder in noexec full readonly; do
		ABUSECTL_JAVA_OPTS=-Djava.io.tmpdir=$T/$folder _abusectl info 0 >"$T/out" 2>"$T/err" || fail "$folder: $(<"$T/err")"
		shows "$T/out" '^ab_size = 33554432$'
		is "the error about $folder" "$(<"$T/err")" ''
	done
	is "what is left behind" "$(ls -d /tmp/abusectl* /dev/shm/* /var/tmp/abusectl* "$T"/noexec/* 2>"$T/ls")" ''
}

where_nothing_can_be_executed_it_says_so_in_one_line() {
	_without_archive
	_unusable
	mount -t tmpfs -o noexec tmpfs /var/tmp
	mount -o remount,noexec /dev/shm
	status=0
	HOME=$T/readonly ABUSECTL_JAVA_OPTS=-Djava.io.tmpdir=$T/noexec _abusectl info 0 >"$T/out" 2>"$T/err" || status=$?
	mount -o remount,exec /dev/shm
	umount /var/tmp
	is "exit status" $status 1
	is lines "$(wc -l <"$T/err")" 1
	shows "$T/err" "^abusectl: no folder to execute JNR's library from \($T/noexec: .*; /dev/shm: .*; /var/tmp: .*; $T/readonly: .*\); 'abusectl --archive'"
}

top_and_trace_end_with_their_reader() {
	ready
	serve
	spawn load "${FIO[@]}" --name=load --rw=randread --bs=4k --iodepth=4 --size=8M --time_based --runtime=1000
	for command in 'top -d 0.2' trace; do
		spawn pipe bash -c '"$@" 2>"$0/err" | head -n 1 >"$0/out"; exit ${PIPESTATUS[0]}' "$T" "$ABUSECTL" $command 0
		wait_for eval '! running pipe'
		finish pipe 141
		is "messages of $command" "$(<"$T/err")" ''
		shows "$T/out" 'DISK|TIME'
	done
	is "trace instances" "$(ls /sys/kernel/tracing/instances)" ''
	kill9 load
	end
}

closed_descriptors_are_no_place_for_data() {
	ready
	submit read op=read
	status=0
	_abusectl put --data - <&- >"$T/out" 2>"$T/err" || status=$?
	is "exit status" $status 1
	shows "$T/err" '^abusectl: -: Bad file descriptor; the request was given back$'
	pending 1
	_abusectl put --zero >&- 2>"$T/err" && fail "a request was answered that nobody saw"
	shows "$T/err" '^abusectl: standard output: Bad file descriptor$'
	pending 1
	_abusectl put --zero >"$T/out" 2>&- <&-
	finish read
}

an_image_on_a_block_device_says_how_large_the_disk_is() {
	modprobe -r brd # that of a test before this one may be larger
	modprobe brd rd_nr=1 rd_size=8192
	load
	spawn run "$ABUSECTL" run file:/dev/ram0
	wait_for has "$T/run" '^/dev/abuse0$'
	is capacity "$(status capacity)" 8388608
	io op=check byte=0
	stop run
	modprobe -r brd
}

a_disk_is_known_by_a_link_to_it() {
	ready capacity=32M
	mkdir -p /dev/disk/by-id "$T/links"
	ln -s ../../abuse0 /dev/disk/by-id/abuse-0
	ln -s /dev/disk/by-id "$T/links/by"
	ln -s /dev/abctl0 "$T/links/node"
	for name in /dev/disk/by-id/abuse-0 "$T/links/by/abuse-0" "$T/links/node" "$T/links/../links/node"; do
		_abusectl info "$name" >"$T/out"
		shows "$T/out" '^ab_size = 33554432$'
	done
	_abusectl resize /dev/disk/by-id/abuse-0 64M
	is capacity "$(status capacity)" 67108864
	rm /dev/disk/by-id/abuse-0
}
