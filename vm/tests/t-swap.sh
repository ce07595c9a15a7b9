# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# Like t-pressure.sh, but the image is on storage and not in memory, which takes longer
# run.sh: seconds 300
# run.sh: torture only
# run.sh: kernels 6.12

# shellcheck source=vm/tests/t-pressure.sh
. "${BASH_SOURCE[0]%/*}/t-pressure.sh"

memory_runs_out_with_the_disk_on_another_disk() {
	_vda
	ready capacity=1G queue_depth=64 flags=$WRITE_CACHE
	_pressure "swap dirty" file:/dev/vda --pin
}

# The image is written first, because the filesystem needs memory to turn allocated blocks into written ones.
memory_runs_out_with_the_disk_in_a_file() {
	_images
	dd if=/dev/zero of="$T/images/image" bs=1M count=384 status=none
	ready capacity=384M queue_depth=64 flags=$WRITE_CACHE
	_pressure "swap dirty" "file:$T/images/image" --pin
}
