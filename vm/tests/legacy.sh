# shellcheck shell=bash disable=SC2086,SC2154
# What the tests of the ABI of 2009 share; to be sourced.
#
# With 32 bits addresses arrive sign-extended, and on i386 struct abuse_info has 44 bytes.

_get() { legacy get @3 "$@" >"$T/request"; }
_put() { legacy put @3 from="$T/request" "$@"; }

# _field KEY [FILE]: the value of a key in the request that was taken last, or in a file of KEY=VALUE lines
_field() {
	local key value
	while IFS='=' read -r key value; do
		if [ "$key" = "$1" ]; then
			echo "$value"
			return
		fi
	done <"${2-$T/request}"
}
_info() { legacy info $CTL >"$T/info" && _field "$1" "$T/info"; }
