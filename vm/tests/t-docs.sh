# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154,SC2317
# The examples in README.md, cli/README.md and the manual pages are run just as they are printed there
# run.sh: seconds 240
# run.sh: kernels 6.1
PROJECT=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
README=$PROJECT/README.md
TOOL=$PROJECT/cli/README.md
PATH=$PROJECT/cli:$PATH

# Loads the module, and replaces commands that would act on the machine itself or print more here
_prepare() {
	load
	examples=0
	modprobe() { [ "$1" != brd ] || command modprobe "$@"; }
	resize2fs() { command resize2fs "$@" >"$T/resize2fs" 2>&1; }
	mount() { mkdir -p "$T/mnt" && command mount "${@/#\/mnt/$T/mnt}"; }
	umount() { command umount "${@/#\/mnt/$T/mnt}"; }
	cp() { command cp "${@/#\/mnt/$T/mnt}"; }
}

# Ends the command that was last started with &
_end_last() {
	kill %%
	wait %% || :
}

# Prints the first example that contains the text, from a file with indented examples or the source of a manual page
_find() { # FILE TEXT
	case $1 in
	*.md) sed -E 's/^    //; t; s/.*//' "$1" ;;
	*) sed -nE '/^\.EX$/,/^\.EE$/{ /^\.EX$/d; s/^\.EE$//; s/\\-/-/g; s/\\\(aq/'\''/g; s/\\e/\\/g; p }' "$1" ;;
	esac | awk -v RS= -v text="$2" 'index($0, text) { print; exit }'
}

# Numbers differ from run to run.
_alike() { sed -E 's/[0-9]+(\.[0-9]+)?/N/g; s/ +/ /g; s/[KMGT]?( us)?$//' "$1"; }
_says() { # OUTPUT EXPECTED
	if [ "$figures" ]; then
		diff <(_alike "$2") <(_alike "$1")
	else
		diff "$2" "$1"
	fi
}

# Runs one command, which must print what is expected; one that ends with & goes on in the background
_command() { # COMMAND EXPECTED
	local output=$2.output
	case $1 in
	*'&')
		: >"$output"
		eval "${1%&} >$output 2>&1 &"
		wait_for _says "$output" "$2"
		;;
	*)
		eval "$1" >"$output" 2>&1 || : # the output has the error
		_says "$output" "$2" >&2 || fail "the output differs: $1"
		;;
	esac
}

# _example FILE TEXT [waits|figures]: runs the first example that contains the text. With "waits" its last command
# goes on in the background, and its output to $T/later. With "figures" the numbers in its output may differ.
_example() {
	local line n figures='' commands=() expected
	[ "${3-}" != figures ] || figures=yes
	examples=$((examples + 1))
	while IFS= read -r line; do
		if [[ $line == '# '* ]]; then
			commands+=("${line#\# }")
			expected=$T/example$examples.${#commands[@]}
			: >"$expected"
		else
			echo "$line" >>"$expected"
		fi
	done < <(_find "$1" "$2")
	[ ${#commands[@]} != 0 ] || fail "no example with: $2"
	for ((n = 1; n <= ${#commands[@]}; n++)); do
		if [ $n = ${#commands[@]} ] && [ "${3-}" = waits ]; then
			eval "${commands[n - 1]} >$T/later 2>&1 &"
			PID[later]=$!
			pending 1
		else
			_command "${commands[n - 1]}" "$T/example$examples.$n"
		fi
	done
}
_man() { _example "$PROJECT/man/$1" "${@:2}"; }

_works() {
	echo data >"$T/mnt/file"
	sync -f "$T/mnt"
	umount /mnt
}

# Each part ends what it has begun, or the next one would not do what it says.
the_readme_can_be_typed_from_top_to_bottom() {
	_prepare
	ip link set lo up
	_example "$README" 'abusectl run sz=64M'
	echo data >"$T/mnt/file"
	_example "$README" 'kill %1'
	_example "$README" 'nbd-exec:qemu-nbd'
	_example "$README" 'http://localhost'
	_example "$README" 'abusectl server /dev/abctl0 file:disk.img'
	is "what was written to the first disk" "$(<"$T/mnt/file")" data
	_example "$README" 'abusectl reset'
	wait %% && fail "the server goes on without a disk" || :
	_example "$README" 'dd if=/dev/abuse0' waits
	_example "$README" 'hello, disk'
	finish later
	is "what was read" "$(<"$T/later")" "hello, disk"
	_example "$README" 'dd of=/dev/abuse0' waits
	_example "$README" 'abusectl put --wait --out -'
	finish later
	reset
	_example "$README" 'error:op=write,nth=3'
	_example "$README" 'abusectl map 0'
	command modprobe -r brd
	is "capacity" "$(status capacity)" 0
}

the_readme_of_the_tool_shows_it() {
	_prepare
	_example "$TOOL" 'size=10G'
	reset
	setup capacity=128M flags=$WRITE_CACHE
	serve
	io op=write
	_example "$TOOL" 'abusectl info 0' figures
	end
	_example "$TOOL" 'abusectl reset'
}

the_manual_pages_make_a_disk() {
	_prepare
	_man abusectl-run.8 'abusectl run'
	_end_last
	rm disk.img
	_man abusectl-server.8 'abusectl setup'
	_end_last
	reset
	rm disk.img
	_man abusectl.8 'abusectl run'
	_man abusectl.8 'abusectl setup'
	_works
	_man abusectl-servers.8 'PID,SERVES' figures
	_man abusectl-requeue.8 'abusectl requeue'
	mount /dev/abuse0 /mnt
	_man abusectl-resize.8 'abusectl resize'
	_man abusectl-reset.8 'abusectl reset'
	wait
}

_in_project() {
	cd "$PROJECT" || exit # files that are written there vanish with the VM
}

the_readme_has_a_disk_in_a_java_program() {
	_prepare
	_in_project
	_find "$README" 'class MyDisk' | sed -nE '/^# cat/,/^END$/{ s/^# //; p }' >"$T/lines"
	bash -eu "$T/lines"
	_find "$README" 'class MyDisk' | sed -n 's/^# java/exec java/p' >"$T/line"
	[ -s "$T/line" ] || fail "no command in the example"
	mkfifo "$T/enter"
	exec 9<>"$T/enter"
	spawn program bash -c 'exec <"$1"; . "$2"' bash "$T/enter" "$T/line"
	wait_for has "$T/program" '^/dev/abuse0 is in memory; Enter takes it away$'
	io op=write byte=5
	io op=check byte=5
	echo >&9
	exec 9>&-
	finish program
	is "capacity" "$(status capacity)" 0
}

the_readme_makes_a_backend_with_a_file_for_each_block() {
	_prepare
	_in_project
	_find "$README" 'record FolderBackend' >"$T/example"
	sed -nE '/^# cat/,/^END$/{ s/^# //; p }; /^# (mkdir|javac|echo|jar) /s/^# //p' "$T/example" >"$T/lines"
	bash -eu "$T/lines" >"$T/javac" 2>&1 || fail "$(<"$T/javac")"
	sed -n 's/^# abusectl \(.*\) &$/exec abusectl \1/p' "$T/example" >"$T/line"
	spawn run bash -eu "$T/line"
	wait_for has "$T/run" '^/dev/abuse0$'
	io op=write offset=8192 byte=5
	io op=check offset=8192 byte=5
	io op=check byte=0
	holds folder/8192.block 4096 5
	kill -TERM "${PID[run]}"
	finish run
}

the_manual_pages_map_a_disk() {
	_prepare
	_man abusectl-map.8 'abusectl map 0'
	_man abusectl-maps.8 'abusectl maps 0'
	_man abusectl-unmap.8 'abusectl unmap 0'
	command modprobe loop 2>"$T/modprobe" || : # it may be no module
	_man abusectl-map.8 'losetup /dev/loop5'
	command modprobe -r brd
	reset
	wait
}

the_recipes_for_testers_do_what_they_say() {
	_prepare
	for text in nth=3 list=bad op=flush,nth=1 when=cut 'mark 0 stored' 'mark 0 saved' flush=ignored when=hang delay: ENOSPC when=tear 'filter 0 add' file=flips; do
		_man abuse-testing.7 "$text" # in one folder, where nothing is deleted in between
	done
	_man abusectl-filter.8 'filter 0 remove' figures
	_man abusectl-mark.8 'abusectl mark'
	_man abusectl-replay.8 'abusectl replay'
	_man abusectl-crashes.8 'abusectl crashes'
	is "recipes" "$(grep -c '^\.SS' "$PROJECT/man/abuse-testing.7")" 14 # with the one in t-library.sh
}

the_manual_pages_show_a_disk() {
	_prepare
	_man abusectl-setup.8 'abusectl setup'
	reset
	setup capacity=64M flags=$WRITE_CACHE
	submit later op=read
	_man abusectl-get.8 'abusectl get'
	_man abusectl-poll.8 'abusectl poll' figures
	serve
	finish later
	_man abusectl-info.8 'abusectl info' figures
	_man abusectl-list.8 'abusectl list' figures
	end
	truncate -s 64M disk.img
	submit write op=write byte=7
	_man abusectl-put.8 'abusectl put' waits # it never ends
	finish write
	io op=check byte=7
	is "a byte of the image" "$(head -c 1 disk.img)" $'\a'
}

the_loop_in_the_readme_is_c() {
	{
		echo '#include <errno.h>'
		echo '#include <sys/ioctl.h>'
		echo '#include "abuse.h"'
		echo 'struct abuse_put answer(struct abuse_get *);'
		echo 'void serve(int fd, struct abuse_get *gets, struct abuse_put *puts, void *buffer)'
		echo '{'
		_find "$README" 'struct abuse_xfer x'
		echo '}'
	} >serve.c
	# This kernel interrupts the first and the third call, and has no device for the fourth.
	cat >>serve.c <<-'EOF'
		#include <stdarg.h>
		#include <stdlib.h>
		static int calls;
		struct abuse_put answer(struct abuse_get *get) { return (struct abuse_put){ .id = get->id }; }
		int ioctl(int fd, unsigned long request, ...)
		{
			va_list list;
			va_start(list, request);
			struct abuse_xfer *x = va_arg(list, struct abuse_xfer *);
			va_end(list);
			errno = ++calls == 4 ? ENODEV : EINTR;
			if (fd != 5 || request != ABUSE_XFER || x->nr_gets != 32 || x->nr_puts != (calls > 2))
				abort();
			x->nr_gets = calls == 2;
			return calls == 2 ? 0 : -1;
		}
		int main(void)
		{
			static struct abuse_get gets[32];
			static struct abuse_put puts[32];
			serve(5, gets, puts, gets);
			return calls != 4;
		}
	EOF
	gcc -Wall -Wextra -Werror -I"$PROJECT/module/uapi" -o serve serve.c || fail "$(<serve.c)"
	./serve || fail "the loop ended after a signal: $(<serve.c)"
}

# A path in code starts at the top folder, the folder of the page, or one of the two of Java; the path of a link starts
# at the folder of the page.
the_readmes_name_files_that_are_there() {
	local page path named=0
	for page in "$PROJECT"/*.md "$PROJECT"/*/README.md; do
		while read -r path; do
			[ -e "$PROJECT/$path" ] || [ -e "${page%/*}/$path" ] || [ -e "$PROJECT/cli/src/main/java/abuse/$path" ] ||
				[ -e "$PROJECT/cli/src/test/java/abuse/$path" ] || fail "$page: there is no $path"
			named=$((named + 1))
		done < <(grep -oE '`[A-Za-z@_/][^` ]*/[^`* ]+\.(c|h|sh|in|java|fish|4|8)`' "$page" | tr -d '`' | grep -v 't-TOPIC')
		while read -r path; do
			[ -e "${page%/*}/$path" ] || fail "$page: there is no $path"
			named=$((named + 1))
		done < <(grep -oE '\]\([^):]+\)' "$page" | sed 's/^](\(.*\))$/\1/')
	done
	for path in cli completions man module vm packaging bench; do
		[ -s "$PROJECT/$path/README.md" ] || fail "no README.md in $path"
	done
	[ $named -gt 80 ] || fail "only $named names"
}

the_manual_pages_name_files_that_are_installed() {
	for prefix in /usr /usr/local; do
		make -s -C "$PROJECT" -o cli/target/abusectl.jar install PREFIX=$prefix DESTDIR="$T/tree" >"$T/make" 2>&1 ||
			fail "$(<"$T/make")"
		named=$(sed -nE 's,^\.I (/usr/[^ ]*)$,\1,p' "$T/tree$prefix"/share/man/man8/*abuse*)
		[ "$named" ] || fail "no page names a file below $prefix"
		for file in $named; do
			[[ $file == $prefix/* && -e $T/tree$file ]] || fail "no $file below $prefix"
		done
		[ -d "$T/tree/etc/abuse" ] || fail "no folder for the files that abuse@.service(8) tells to write"
		rm -r "$T/tree"
	done
}

the_readme_of_the_tool_serves_an_image_in_pieces() {
	_prepare
	_in_project
	head -c 64M /dev/urandom >disk.img
	_find "$TOOL" 'javac -cp' >"$T/lines"
	bash -eu "$T/lines" >"$T/javac" 2>&1 || fail "$(<"$T/javac")"
	_find "$TOOL" 'run --plugin' | sed 's/^abusectl run/exec &/' >"$T/lines"
	spawn run bash -eu "$T/lines"
	wait_for has "$T/run" '^/dev/abuse0$'
	[ "$(echo part.*)" = 'part.aa part.ab part.ac' ] || fail "the pieces are $(echo part.*)"
	cmp $DISK disk.img || fail "the bytes are not those of the image"
	kill -TERM "${PID[run]}"
	finish run
}
