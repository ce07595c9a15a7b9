#!/bin/bash
# cli/library/test.sh - installs all artifacts into a repository of its own, and there compiles and tests a project that
# uses them, and no network. The last line adds the tests up.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
out=$PWD/build/library
version=1.0.0
rm -rf "$out"
mkdir -p "$out/repository"
passed=0 failed=0

# prove NAME FUNCTION: runs a test, every command of which has to succeed, and shows its output if one does not
prove() {
	local status
	set +e
	(set -e && "$2") >"$out/log" 2>&1
	status=$?
	set -e
	if [ $status = 0 ]; then
		passed=$((passed + 1))
		echo "ok $1"
	else
		failed=$((failed + 1))
		echo "FAIL $1"
		sed 's/^/    /' "$out/log"
	fi
}

maven() { mvn -B -ntp "-Dmaven.repo.local=$out/repository" "$@"; }

# The plugins and libraries that builds have fetched, but nothing that one has installed. Links would let an install
# change what they link to.
repository() {
	[ ! -d ~/.m2/repository ] ||
		find ~/.m2/repository -mindepth 1 -maxdepth 1 ! -name abuse -exec cp -r {} "$out/repository" \;
}

# This may have to fetch the plugins for sources and Javadoc, which no other build needs.
installs() { maven -q -DskipTests -Prelease install; }

# has FILE TEXT: a line of the file has the text
has() { grep -qF -- "$2" "$1" || { echo "no '$2' in $1" && return 1; }; }

artifacts_are_whole() {
	local name folder
	for name in abuse abuse-junit; do
		folder=$out/repository/abuse/$name/$version
		for file in "$name-$version".{pom,jar} "$name-$version"-{sources,javadoc}.jar; do
			[ -s "$folder/$file" ] || { echo "no $file" && return 1; }
		done
		(cd "$out" && jar xf "$folder/$name-$version.jar" META-INF/MANIFEST.MF)
		has "$out/META-INF/MANIFEST.MF" "Automatic-Module-Name: ${name/-/.}"
		for element in name description; do
			has "$folder/$name-$version.pom" "<$element>"
		done
	done
	has "$out/repository/abuse/abuse-parent/$version/abuse-parent-$version.pom" '<license>'
}

# What the tool alone needs is not in the library, and what is there is nothing else's
the_library_is_thin() {
	local jar=$out/repository/abuse/abuse/$version/abuse-$version
	jar tf "$jar.jar" | grep '\.class$' | sed 's,/[^/]*$,,' | sort -u >"$out/packages"
	diff - "$out/packages" <<-'END'
		abuse/backend
		abuse/cache
		abuse/crash
		abuse/device
		abuse/disk
		abuse/filter
		abuse/http
		abuse/libc
		abuse/nbd
		abuse/qcow2
		abuse/rbd
		abuse/server
		abuse/writelog
	END
	jar tf "$jar-javadoc.jar" >"$out/pages"
	has "$out/pages" abuse/disk/Disk.html
	if grep -E '(^|/)abuse/(device|cache|server|libc|nbd|rbd|http|qcow2|writelog|crash)/' "$out/pages"; then
		return 1
	fi
}

# A project in another folder; where there is no module, one of its tests fails with the words of the tool
a_project_uses_them() {
	local project
	project=$(mktemp -d)
	cp -r cli/library/consumer/. "$project"
	(cd "$project" && maven -o -Dmaven.test.failure.ignore=true test) | tee "$out/consumer"
	rm -rf "$project"
	if [ -e /dev/abctl0 ]; then
		has "$out/consumer" 'Tests run: 3, Failures: 0, Errors: 0, Skipped: 0'
	else
		has "$out/consumer" 'Tests run: 3, Failures: 0, Errors: 1, Skipped: 0'
		has "$out/consumer" 'there are no devices in /dev; is the module loaded?'
	fi
}

repository
prove "all artifacts are installed, with sources and Javadoc, and doclint finds nothing" installs
prove "artifacts have what a repository wants" artifacts_are_whole
prove "the library has no class of the tool" the_library_is_thin
prove "a project outside this tree compiles with them, and its tests run" a_project_uses_them
rm -rf "$out/repository"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
