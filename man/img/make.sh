#!/bin/bash
# man/img/make.sh - takes the pictures of the README: each command runs on a terminal in the VM, and what
# that shows becomes an SVG
set -eu
cd "$(dirname "$0")/../.."
columns=132

if [ "${1-}" != in-the-vm ]; then
	out=build/vm/pictures
	vm/module.sh 6.12
	rm -rf $out
	vm/run.sh -k 6.12 -t 600 -o $out -- man/img/make.sh in-the-vm
	for typescript in "$out"/*.typescript; do
		name=${typescript##*/}
		man/img/picture.py $columns <"$typescript" >"man/img/${name%.typescript}.svg"
	done
	exit
fi

PATH=$PWD/cli:$PATH
cd /tmp
modprobe abuse
picture() { # NAME COMMAND...
	printf '\e[1m# %s\e[0m\r\n' "${*:2}" >"/out/$1.typescript"
	script -qc "stty rows 50 cols $columns; ${*:2}" /tmp/typescript >/dev/null </dev/null || :
	# script's own lines, first and last, are not the command's
	sed '1d; $d' /tmp/typescript >>"/out/$1.typescript"
}

export TERM=xterm-256color
abusectl setup 0 sz=64M,bs=4096,discard
abusectl setup 1 sz=1G,queues=2,qs=32,wz
abusectl server 0 file:disk.img --create >0.log &
abusectl server 1 mem >1.log &
until [ -s 0.log ] && [ -s 1.log ]; do sleep 0.2; done
picture help abusectl --help
picture list abusectl list
picture error abusectl setup 2 sz=10M,bs=3000
for disk in 0 1; do
	fio --name=load --filename=/dev/abuse$disk --rw=randrw --bs=16k --iodepth=24 --ioengine=io_uring --direct=1 \
		--rate_iops=$((50 + 50 * disk)) --time_based --runtime=600 >/dev/null &
done
sleep 10
picture info abusectl info 0
picture top abusectl top -n 4
