# shellcheck shell=bash disable=SC2016,SC2034,SC2086,SC2119,SC2154
# The subcommands of abusectl that look at devices and change them in use.
# run.sh: seconds 240
WAIT=100

ABUSECTL=$(cd "${BASH_SOURCE[0]%/*}/../../cli" && pwd)/abusectl
_abusectl() { "$ABUSECTL" "$@"; }

list_shows_what_is_set_up_and_who_serves_it() {
	ready capacity=32M queues=2 flags=$((WRITE_CACHE | DISCARD))
	serve
	io op=write length=1M
	_abusectl list >"$T/table"
	is "lines of the table" "$(wc -l <"$T/table")" 2
	shows "$T/table" '^DISK +SIZE +BS +QD +NQ +SERVERS +PENDING +OWNED +ERRORS +FLAGS$'
	shows "$T/table" '^/dev/abuse0 +32M +4K +128 +2 +[1-9][0-9]* +0 +0 +0 write-cache,discard$'
	_abusectl list --json >"$T/json"
	perl -MJSON::PP -0e '$d = decode_json(<>)->{devices}; print "$#$d $d->[0]{size} $d->[0]{p50}"' "$T/json" >"$T/values"
	shows "$T/values" '^0 33554432 [0-9]+$'
	end
}

resize_grows_a_disk_in_use() {
	ready capacity=32M timeout=60
	serve
	client status $CTL >"$T/before"
	_abusectl resize 0 64M
	is capacity "$(status capacity)" 67108864
	is "sectors" "$(<$SYS/size)" 131072
	io op=write offset=48M length=1M
	end
}

requeue_takes_requests_from_a_server_that_hangs() {
	ready
	submit stuck op=check byte=0
	exec 4<>$CTL
	take 4
	owned 1
	_abusectl requeue
	pending 1
	_abusectl put --zero >"$T/put"
	finish stuck
	refused 4 ENOMSG "$id0" result=0
	is redelivered "$(status redelivered)" 1
}

an_archive_that_is_missing_stale_or_broken_costs_only_time() {
	cp "$ABUSECTL" "${ABUSECTL%/*}/target/abusectl.jar" "$T"
	same() { # WHAT
		"$T/abusectl" info 9 >"$T/stdout" 2>"$T/stderr" && fail "info of a device that is not there succeeded"
		is "stdout with $1" "$(<"$T/stdout")" ""
		is "stderr with $1" "$(<"$T/stderr")" "abusectl: /dev/abctl9: No such file or directory; is the module loaded? try 'modprobe abuse'"
	}
	same "no archive"
	"$T/abusectl" --archive
	archive=$(echo "$T"/archive/*.[aj]s*) || fail "no archive in $(ls "$T/archive")"
	[ -s "$archive" ] || fail "no archive: $(<"$T/archive/log")"
	same "an archive"
	chmod u+w "$archive"
	truncate -s 100000 "$archive"
	same "half an archive"
	: >"$archive"
	same "an empty archive"
	touch "$T/abusectl.jar"
	same "the archive of an older jar"
}
