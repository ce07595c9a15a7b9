// SPDX-License-Identifier: GPL-2.0-only
/* Users of the disk, which know what they wrote. */
#define _GNU_SOURCE
#include "stress.h"
#include <linux/fs.h>
#include <sys/mman.h>
#include <time.h>

static ull now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

static void stamp(__u64 *data, __u64 block, __u64 version)
{
	for (unsigned int n = 0; n < BLOCK / sizeof(*data); n += 2) {
		data[n] = block;
		data[n + 1] = version;
	}
}

static void check(struct user *u, const __u64 *data, unsigned int block)
{
	__u64 number = u->index * BLOCKS + block, version = data[1];

	/* A block that was never written successfully may be zeros. */
	if (version)
		for (unsigned int n = 0; n < BLOCK / sizeof(*data); n += 2)
			if (data[n] != number || data[n + 1] < u->answered[block] || data[n + 1] > u->tried[block])
				bug("a block has other data than was written", number);
	if (version < u->answered[block])
		bug("a write that was answered is lost", number);
}

void *use_disk(void *data)
{
	struct user *u = data;
	__u64 *memory = mmap(NULL, MOST * BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	u->fd = -1;
	while (!stopped()) {
		unsigned int nr = 1 + below(&u->random, MOST), first = below(&u->random, BLOCKS - nr + 1);
		__u64 at = (__u64)(u->index * BLOCKS + first) * BLOCK;
		__u64 range[2] = { (__u64)USERS * BLOCKS * BLOCK + BLOCK * below(&u->random, 100), BLOCK * nr };
		ull start = now_ms(), took;
		unsigned int n;
		bool fails;

		if (u->fd < 0) {
			u->fd = open(disk, O_RDWR | O_DIRECT | O_CLOEXEC);
			if (u->fd < 0) {
				usleep(5000);
				continue;
			}
		}
		switch (below(&u->random, 20)) {
		case 0:
			fails = fsync(u->fd);
			break;
		case 1:
			fails = ioctl(u->fd, below(&u->random, 2) ? BLKDISCARD : BLKZEROOUT, range);
			break;
		case 2 ... 9:
			fails = pread(u->fd, memory, nr * BLOCK, at) != (ssize_t)nr * BLOCK;
			for (n = 0; !fails && n < nr; n++)
				check(u, memory + n * (BLOCK / sizeof(*memory)), first + n);
			break;
		default:
			u->version++;
			for (n = 0; n < nr; n++) {
				stamp(memory + n * (BLOCK / sizeof(*memory)), u->index * BLOCKS + first + n, u->version);
				u->tried[first + n] = u->version;
			}
			fails = pwrite(u->fd, memory, nr * BLOCK, at) != (ssize_t)nr * BLOCK;
			for (n = 0; !fails && n < nr; n++)
				u->answered[first + n] = u->version;
		}
		if (fails && calm)
			bug("I/O error", errno);
		took = now_ms() - start;
		if (took > __atomic_load_n(&total.longest_ms, __ATOMIC_RELAXED))
			__atomic_store_n(&total.longest_ms, took, __ATOMIC_RELAXED);
		COUNT(ios);
		if (fails)
			COUNT(errors);
		if (fails || !below(&u->random, 200)) {
			close(u->fd);
			u->fd = -1;
		}
	}
	return NULL;
}
