#!/bin/bash
# bench/startup.sh [JAVA_HOME...]: measures how long short commands take to start, compared with a Java and
# a C program that print one word, and then, in the VM, how long a server takes from its start to its first
# answer. Prints medians of ROUNDS (20, and 7 in the VM) runs in turns, in milliseconds of real time and of
# processor time, and how many times that of the Java program this is. In the VM a millisecond is half a
# million instructions. Without arguments it uses Java 17 and 25, if they are in /usr/lib/jvm. One of the
# commands is info of DEVICE (999). CASES chooses: commands, server, or both.
set -eu
cd "$(dirname "$0")/.."
kernel=6.12
out=$PWD/build/bench/startup

# cases WHICH JAVA_HOME...: writes what is to be measured with them to $work/cases
cases() {
	local which=$1 home version start
	shift
	for home; do
		version=$("$home/bin/java" -version 2>&1 | sed -n 's/^[a-z]* version "\([0-9]*\).*/\1/p')
		mkdir -p "$work/$version/plain"
		cp cli/target/abusectl.jar "$work/$version/abusectl.jar"
		cp cli/target/abusectl.jar "$work/$version/plain"
		ABUSECTL_JAVA=$home/bin/java ABUSECTL_JAR=$work/$version/abusectl.jar cli/abusectl --archive
		start="/usr/bin/env ABUSECTL_JAVA=$home/bin/java ABUSECTL_JAR=$work/$version"
		printf '%s\t%s\n' "java $version hello" "$home/bin/java -cp $out Hello"
		if [ "$which" = server ]; then
			printf '%s\t%s\n' "java $version server" "@/dev/abuse0 $start/abusectl.jar cli/abusectl server 0 mem" \
				"java $version server, no archive" "@/dev/abuse0 $start/plain/abusectl.jar cli/abusectl server 0 mem"
		else
			printf '%s\t%s\n' "java $version --version" "$start/abusectl.jar cli/abusectl --version" \
				"java $version info ${DEVICE:-999}" "$start/abusectl.jar cli/abusectl info ${DEVICE:-999}" \
				"java $version setup frob" "$start/abusectl.jar cli/abusectl setup frob" \
				"java $version info, no archive" "$start/plain/abusectl.jar cli/abusectl info ${DEVICE:-999}"
		fi
	done >>"$work/cases"
}

# table: prints $work/times
table() {
	local version name real cpu
	local -A bare
	printf '%-30s %9s %9s\n' '' 'real' 'processor'
	while IFS=$'\t' read -r name real cpu; do
		version=$(cut -d' ' -f1,2 <<<"$name")
		[[ $name != *hello ]] || bare[$version]="$real $cpu"
		awk -v name="$name" -v real="$real" -v cpu="$cpu" -v bare="${bare[$version]-}" 'BEGIN {
			split(bare, b)
			printf "%-30s %6.1f ms %6.1f ms", name, real / 1000, cpu / 1000
			if (bare && name !~ /hello/)
				printf "   %.2f %.2f", real / b[1], cpu / b[2]
			print ""
		}'
	done <"$work/times"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ "${1:-}" = in-the-vm ]; then
	modprobe abuse
	cases server "${@:3}"
	ABUSECTL_JAR=cli/target/abusectl.jar cli/abusectl setup 0 sz=16M,unserved=0
	"$out/startup" "$2" <"$work/cases" >"$work/times"
	table
	exit
fi

[ $# -gt 0 ] || for home in /usr/lib/jvm/*-17-openjdk-* /usr/lib/jvm/*-25-*; do
	[ ! -x "$home/bin/javac" ] || [ -L "$home" ] || set -- "$@" "$home"
done
[ $# -gt 0 ] || { echo "startup.sh: no Java 17 or 25 in /usr/lib/jvm; name a JAVA_HOME" >&2; exit 1; }
mkdir -p "$out"
gcc -O2 -Wall -Wextra -Werror -o "$out/startup" bench/startup.c
printf 'class Hello { public static void main(String[] words) { System.out.println("hello"); } }\n' >"$work/Hello.java"
"$1/bin/javac" --release 17 -d "$out" "$work/Hello.java"

if [[ ${CASES:-both} != server ]]; then
	printf '#include <stdio.h>\nint main(void)\n{\n\tputs("hello");\n\treturn 0;\n}\n' >"$work/hello.c"
	gcc -O2 -o "$work/hello" "$work/hello.c"
	printf 'C program\t%s\n' "$work/hello" >"$work/cases"
	cases commands "$@"
	"$out/startup" "${ROUNDS:-20}" <"$work/cases" >"$work/times"
	table
fi
if [[ ${CASES:-both} != commands ]]; then
	vm/module.sh $kernel
	vm/run.sh -k $kernel -i -m 3G -o build/bench/startup-vm -- bench/startup.sh in-the-vm "${ROUNDS:-7}" "$@"
fi
