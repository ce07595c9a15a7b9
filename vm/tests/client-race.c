// SPDX-License-Identifier: GPL-2.0-only
/* The commands of the client in which threads race. */
#define _GNU_SOURCE
#include "client.h"
#include <pthread.h>

/*
 * failure-race [disk=] [rounds=]: one thread answers that the device failed, this one
 * reconnects it as soon as that shows, and then reads. Prints how many of those reads
 * failed.
 */
static const char *race_disk;

static void *read_block(void *failed)
{
	int disk = open_device(race_disk, O_RDONLY | O_DIRECT);
	char *block = map(4096);

	*(int *)failed = pread(disk, block, 4096, 0) != 4096;
	munmap(block, 4096);
	close(disk);
	return NULL;
}

/* Gets the next request, and answers it, unless it is drained before */
static void answer_next(int node, __u32 result)
{
	struct abuse_get get = {};
	struct abuse_put put = { .result = result, .address = address(map(4096)) };
	struct abuse_xfer x = empty_xfer(&put, &get);

	x.nr_gets = x.min_gets = 1;
	if (ioctl(node, ABUSE_XFER, &x))
		die("get");
	put.id = get.id;
	x.nr_puts = x.nr_gets;
	x.nr_gets = x.min_gets = 0;
	if (x.nr_puts && ioctl(node, ABUSE_XFER, &x))
		die("put");
	munmap((void *)(uintptr_t)put.address, 4096);
}

static void *answer_failure(void *data)
{
	answer_next(*(int *)data, ABUSE_RESULT_DEVICE_FAILURE);
	return NULL;
}

static void *answer_okay(void *data)
{
	answer_next(*(int *)data, ABUSE_RESULT_OKAY);
	return NULL;
}

void failure_race(const char *device)
{
	int other, rounds = num("rounds", 100), first, second, failed = 0;
	pthread_t reader, failing, good;
	struct abuse_status s = { .size = sizeof(s) };

	race_disk = arg("disk", "/dev/abuse0");
	while (rounds--) {
		struct abuse_xfer drain = empty_xfer(NULL, NULL);
		struct abuse_config c;

		other = open_device(device, O_RDONLY);
		if (pthread_create(&failing, NULL, answer_failure, &fd) ||
		    pthread_create(&reader, NULL, read_block, &first))
			die("thread");
		do {
			if (ioctl(other, ABUSE_STATUS, &s))
				die("STATUS");
		} while (s.state != ABUSE_STATE_FAILED);
		c = (struct abuse_config){
			.size = sizeof(c),
			.flags = s.flags | ABUSE_FLAGS_RECONNECT,
			.capacity = s.capacity,
			.block_size = s.block_size,
			.queue_depth = s.queue_depth,
		};
		if (ioctl(other, ABUSE_SETUP, &c))
			die("reconnect");
		if (pthread_create(&good, NULL, answer_okay, &other))
			die("thread");
		read_block(&second);
		/* When it failed nobody has to answer it. */
		drain.flags = ABUSE_XFER_DRAIN;
		if (ioctl(other, ABUSE_XFER, &drain))
			die("drain");
		pthread_join(good, NULL);
		pthread_join(reader, NULL);
		pthread_join(failing, NULL);
		failed += second;
		close(other);
	}
	printf("failed=%d\n", failed);
}
