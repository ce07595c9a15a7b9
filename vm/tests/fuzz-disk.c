// SPDX-License-Identifier: GPL-2.0-only
/* Users of the disk, while the fuzzer makes calls. */
#define _GNU_SOURCE
#include "fuzz.h"
#include <linux/fs.h>

/* Checks a read: its bytes are PUT, or what was done to a target; where it read nothing they may be as before */
static void check_read(const char *memory, size_t read, size_t len, __u64 at, bool direct)
{
	for (size_t n = 0; n < len; n++) {
		if (memory[n] == PUT || (target >= 0 && (memory[n] == WRITTEN || !memory[n])) || (n >= read && memory[n] == UNREAD))
			continue;
		printf("byte %zu of %zu is %#x, %zu were read, %s\n", n, len, memory[n] & 0xff, read,
		       direct ? "direct" : "buffered");
		bug(NULL, "a read has other data than was put", at);
	}
}

static void use(struct fuzzer *f, int fd, bool direct, char *memory)
{
	size_t len = BLOCK * (1 + below(f, 4 * PAGE / BLOCK));
	__u64 range[2] = { BLOCK * below(f, (USED - len) / BLOCK), len };
	ssize_t ret;

	switch (below(f, direct ? 8 : 1)) {
	case 4: case 5: case 6:
		memset(memory, WRITTEN, len);
		ret = pwrite(fd, memory, len, range[0]);
		break;
	case 7:
		if (once_in(f, 3))
			ret = fsync(fd);
		else
			ret = ioctl(fd, once_in(f, 2) ? BLKDISCARD : BLKZEROOUT, range);
		break;
	default:
		memset(memory, UNREAD, len);
		if (!direct)
			posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		ret = pread(fd, memory, len, range[0]);
		if (ret > 0)
			COUNT(reads, 1);
		else
			COUNT(failed_reads, 1);
		check_read(memory, ret > 0 ? ret : 0, len, range[0], direct);
	}
	(void)ret;	/* errors are to be expected here */
}

void *use_disk(void *data)
{
	struct fuzzer f = { .random = seed + (uintptr_t)data * 7919 };
	bool direct = (uintptr_t)data % 3;
	char *memory = map(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1);

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		/* The disk is opened often, because after a reset it is another one */
		int fd = open(disk, O_RDWR | (direct ? O_DIRECT : 0));

		if (fd < 0) {
			usleep(2000);
			continue;
		}
		for (int n = 0; n < 30; n++)
			use(&f, fd, direct, memory);
		close(fd);
	}
	return NULL;
}
