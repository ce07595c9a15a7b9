#!/bin/sh
# module/lint.sh - runs the kernel's own tools, shellcheck and codespell; each finding is printed and
# fails the run. checkpatch and kernel-doc are those of Debian's linux-source-6.1.
set -eu
unset MAKEFLAGS MFLAGS MAKELEVEL # the jobs and variables of the calling make are not meant for this one

cd "$(dirname "$0")/.."
scripts=$PWD/build/lint/scripts
copy=$PWD/build/lint/module
failed=

for tool in codespell cpio git perl sparse shellcheck; do
	command -v $tool >/dev/null || { echo "lint.sh: apt-get install $tool" >&2; exit 1; }
done

fetch_scripts() {
	tmp=build/lint/tmp
	rm -rf $tmp
	mkdir -p $tmp
	(cd $tmp && apt-get -q -o APT::Sandbox::User=root download linux-source-6.1) >&2 || return 1
	dpkg-deb --fsys-tarfile $tmp/*.deb | tar -xO ./usr/src/linux-source-6.1.tar.xz |
		tar -xJ -C $tmp --strip-components=1 linux-source-6.1/scripts/checkpatch.pl \
			linux-source-6.1/scripts/spelling.txt linux-source-6.1/scripts/const_structs.checkpatch \
			linux-source-6.1/scripts/kernel-doc || return 1
	mv $tmp/scripts "$scripts" # not before all of them are there
	rm -r $tmp
}

# Lists the project's files, committed or not, but none that is ignored.
sources() { git ls-files --cached --others --exclude-standard -- "$@"; }

checkpatch() {
	set -- "$scripts/checkpatch.pl" --strict --no-tree --terse --no-summary --show-types --color=never
	sources ':(glob)module/*.[ch]' ':!module/trace.h' 'module/uapi/*.h' module/Makefile module/Kbuild |
		xargs perl "$@" -f || return 1
	# Definitions of tracepoints do not look like C, in the kernel's own headers either.
	perl "$@" --ignore COMPLEX_MACRO,OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT -f module/trace.h
}

kernel_doc() { sources ':(glob)module/*.h' 'module/uapi/*.h' | xargs perl "$scripts/kernel-doc" -none -Werror; }

# Builds a copy of the module, and runs sparse after each compilation; both write to stderr. sparse does
# not know the cleanup attribute, so it takes a guard() of a spinlock for a lock that is never released.
run_sparse() {
	vm/kernel.sh 6.12
	rm -rf "$copy"
	sources module | cpio --quiet -pd build/lint
	flags=-D__CHECK_ENDIAN__
	! grep -Eqs 'guard\((raw_)?spinlock' module/*.[ch] || flags="$flags -Wno-context"
	status=0
	make -C "$copy" KDIR="$PWD/build/kernel/6.12/headers" C=2 CF="$flags" W=1 \
		>build/lint/sparse.log 2>build/lint/sparse.err || status=1
	! sed "s,$copy/,module/," build/lint/sparse.err | grep -v '^Skipping BTF generation' || status=1
	return $status
}

# The table in module/README.md lists the files from the ground up: each includes only those above it.
rooms() {
	sed -n 's/^| \([a-z]*\)\.[ch] .*/\1/p' module/README.md | awk '
		{ place[$1] = NR; name[NR] = $1 }
		END {
			for (i = 1; i <= NR; i++)
				for (j = 0; j < 2; j++) {
					file = "module/" name[i] (j ? ".h" : ".c")
					while ((getline line < file) > 0)
						if (match(line, /^#include "[a-z]*\.h"/)) {
							other = substr(line, 11, RLENGTH - 13)
							if (other != "compat" && !(other in place && place[other] <= i)) {
								print file ": " line ", which is not above it in module/README.md"
								bad = 1
							}
						}
				}
			exit bad || !NR
		}'
	for file in $(sources ':(glob)module/*.c' ':(glob)module/*.h'); do
		stem=$(basename "${file%.*}")
		grep -q "^| $stem\.[ch] " module/README.md || [ "$stem" = compat ] ||
			{ echo "$file: not in the table of module/README.md"; return 1; }
	done
}

shell_check() {
	sources | xargs awk 'FNR == 1 && (/^#!.*[\/ ](ba|da)?sh( |$)/ || FILENAME ~ /\.sh$/) { print FILENAME }' |
		xargs -P "$(nproc)" -n 4 shellcheck -x
}

# These are not misspelt: filp, the kernel's name for an open file; inflight, a file in sysfs; \n before a
# word and \(bu, the bullet of a manual page; "ser" before a tab. MistakeTest makes mistakes on purpose.
spelling() {
	sources ':!cli/src/test/java/abuse/command/MistakeTest.java' |
		xargs codespell --ignore-words-list afterall,eror,filp,inflight,ser,wirte --ignore-regex '\\n|\\\(bu\b'
}

step() {
	echo "lint: $1"
	"$2" || failed=yes
}

git ls-files >/dev/null # without a list of the sources every step would pass
[ -d "$scripts" ] || fetch_scripts || { apt-get -q update >&2 && fetch_scripts; }
step checkpatch checkpatch
step kernel-doc kernel_doc
step rooms rooms
step sparse run_sparse
step shellcheck shell_check
step spelling spelling
[ -z "$failed" ]
