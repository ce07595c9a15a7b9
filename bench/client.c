// SPDX-License-Identifier: GPL-2.0
/*
 * client.c - the yardstick: a server that does no more than ABUSE_XFER needs
 *
 *	client NODE SIZE QUEUES DEPTH null|mem [auto|NS]
 *
 * Sets the device up, prints its name, and serves it. Each queue has one thread and one open file, and
 * looks for requests before it sleeps for as long as the last argument says. Ends with SIGTERM or SIGINT.
 */
#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abuse.h"

static const char *node;
static unsigned int depth, busy;
static char *store;	/* if NULL, reads are zeros, and writes are forgotten */
static char *zeros;

static uint64_t place(const struct abuse_get *get)
{
	if (store)
		return (uintptr_t)store + (get->sector << 9);
	return get->command == ABUSE_READ ? (uintptr_t)zeros : 0;
}

static void *run(void *queue)
{
	struct abuse_get *gets = calloc(depth, sizeof(*gets));
	struct abuse_put *puts = calloc(depth, sizeof(*puts));
	struct abuse_xfer xfer = {
		.size = sizeof(xfer),
		.put_size = sizeof(struct abuse_put),
		.get_size = sizeof(struct abuse_get),
		.puts = (uintptr_t)puts,
		.gets = (uintptr_t)gets,
		.min_gets = 1,
		.timeout_ns = ABUSE_NO_TIMEOUT,
		.queue = (uintptr_t)queue,
		.busy_ns = busy,
	};
	int fd = open(node, O_RDWR);
	unsigned int i;

	for (;;) {
		xfer.nr_gets = depth;
		if (ioctl(fd, ABUSE_XFER, &xfer) && errno != EINTR)
			error(1, errno, "%s: ABUSE_XFER", node);
		for (i = 0; i < xfer.nr_gets; i++) {
			puts[i].id = gets[i].id;
			puts[i].address = place(&gets[i]);
		}
		xfer.nr_puts = xfer.nr_gets;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct abuse_config config = { .size = sizeof(config), .block_size = 4096 };
	struct abuse_status status = { .size = sizeof(status) };
	sigset_t ends;
	pthread_t thread;
	uintptr_t i;
	int fd, signal;

	if (argc != 6 && argc != 7)
		error(2, 0, "usage: client NODE SIZE QUEUES DEPTH null|mem [auto|NS]");
	node = argv[1];
	config.capacity = strtoull(argv[2], NULL, 0);
	config.queues = atoi(argv[3]);
	config.queue_depth = depth = atoi(argv[4]);
	if (argc > 6)
		busy = strcmp(argv[6], "auto") ? strtoul(argv[6], NULL, 0) : ABUSE_BUSY_AUTO;
	zeros = aligned_alloc(4096, ABUSE_MAX_REQUEST);
	memset(zeros, 0, ABUSE_MAX_REQUEST);
	if (!strcmp(argv[5], "mem")) {
		store = mmap(NULL, config.capacity, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (store == MAP_FAILED)
			error(1, errno, "mmap");
	}
	fd = open(node, O_RDWR);
	if (fd < 0 || ioctl(fd, ABUSE_SETUP, &config) || ioctl(fd, ABUSE_STATUS, &status))
		error(1, errno, "%s", node);

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	for (i = 0; i < config.queues; i++)
		pthread_create(&thread, NULL, run, (void *)i);
	printf("/dev/abuse%u\n", status.number);
	fflush(stdout);
	sigwait(&ends, &signal);
	return 0;
}
