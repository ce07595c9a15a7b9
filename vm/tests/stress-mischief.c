// SPDX-License-Identifier: GPL-2.0-only
/* What happens to the device during the stress test. */
#define _GNU_SOURCE
#include "stress.h"
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct abuse_config config(__u64 *random)
{
	return (struct abuse_config){
		.size = sizeof(struct abuse_config),
		.flags = ABUSE_FLAGS_WRITE_CACHE | ABUSE_FLAGS_DISCARD | ABUSE_FLAGS_WRITE_ZEROES,
		.capacity = SIZE,
		.block_size = 512 << below(random, 4),
		.queue_depth = DEPTH,
		.queues = below(random, 3),
		.max_request = below(random, 2) ? 0 : PAGE << below(random, 5),
	};
}

static void reconnect(__u64 *random, int node, __u32 flags, __u32 timeout_ms)
{
	struct abuse_status s = { .size = sizeof(s) };
	struct abuse_config c;

	if (ioctl(node, ABUSE_STATUS, &s))
		bug("STATUS", errno);
	if (!s.capacity)
		return;
	if (s.pending + s.owned > DEPTH * s.queues)
		bug("more requests than there is room for", s.pending + s.owned);
	c = (struct abuse_config){
		.size = sizeof(c),
		.flags = (s.flags & ~ABUSE_FLAGS_READ_ONLY) | ABUSE_FLAGS_RECONNECT | flags,
		.capacity = s.capacity + (below(random, 20) ? 0 : BLOCK),
		.block_size = s.block_size,
		.queue_depth = 1 + below(random, DEPTH),
		.timeout_ms = timeout_ms,
		.orphan_ms = calm || below(random, 3) ? 0 : 1 + below(random, 20),
	};
	/* Another process may have made it larger meanwhile, or reset it. */
	if (ioctl(node, ABUSE_SETUP, &c) && errno != EINVAL)
		bug("reconnect", errno);
	COUNT(reconnects);
}

static void odd_setup(__u64 *random, int node)
{
	struct abuse_config c = config(random);

	c.flags |= ABUSE_FLAGS_RECONNECT;
	switch (below(random, 8)) {
	case 0: c.flags = ~0U; break;
	case 1: c.capacity = SIZE + 1; break;
	case 2: c.capacity = 1ULL << 63; break;
	case 3: c.block_size = 1 + 2 * any(random); break;
	case 4: c.queue_depth = DEPTH + 1 + below(random, ~0U - DEPTH); break;
	case 5: c.queues = 5000 + below(random, 1 << 31); break;
	case 6: c.max_request = 1 + 2 * any(random); break;
	case 7: c.physical_block_size = 3; break;
	}
	/* If a reset came in between, this is a good first setup. */
	if (!ioctl(node, ABUSE_SETUP, &c) && calm)
		bug("an odd setup was taken", c.flags);
}

/* Gets up to 4 requests through an open file of its own */
static int take(int flags, struct abuse_get *gets, unsigned int *nr)
{
	struct abuse_xfer x = {
		.size = sizeof(x),
		.put_size = sizeof(struct abuse_put),
		.get_size = sizeof(struct abuse_get),
		.gets = (uintptr_t)gets,
		.nr_gets = 4,
		.min_gets = 1,
		.timeout_ns = 2000000,
		.queue = ABUSE_ANY_QUEUE,
	};
	int node = open_device(device, O_RDWR | flags);

	*nr = ioctl(node, ABUSE_XFER, &x) ? 0 : x.nr_gets;
	return node;
}

/* Checks that a put is stale after a requeue */
static void put_late(void)
{
	struct abuse_get gets[4];
	struct abuse_put puts[4];
	struct abuse_xfer x = {
		.size = sizeof(x), .put_size = sizeof(struct abuse_put), .get_size = sizeof(struct abuse_get),
		.puts = (uintptr_t)puts, .queue = ABUSE_ANY_QUEUE
	};
	unsigned int nr;
	int node = take(O_CLOEXEC, gets, &nr);

	x.nr_gets = nr;
	answer(&x, puts, gets);
	x.nr_gets = 0;
	if (ioctl(node, ABUSE_REQUEUE) && (calm || errno != ENODEV))
		bug("REQUEUE", errno);
	COUNT(requeues);
	if (!ioctl(node, ABUSE_XFER, &x))
		for (unsigned int n = 0; n < nr; n++)
			if (puts[n].status != -ENOMSG)
				bug("a put after a requeue", puts[n].status);
	close(node);
}

/* Lets the open file outlive whoever opened it, in a child or another program */
static void inherit(__u64 *random)
{
	bool exec = below(random, 2);
	struct abuse_get gets[4];
	unsigned int nr;
	int node = take(exec ? 0 : O_CLOEXEC, gets, &nr);
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid && exec)
		execl(name, name, "sleep", NULL);
	if (!pid) {
		usleep(below(random, 5000));
		_exit(0);
	}
	close(node);
	if (waitpid(pid, NULL, 0) != pid)
		die("wait");
	COUNT(forks);
}

static void fail_requests(__u64 *random)
{
	struct abuse_get gets[4];
	struct abuse_put puts[4];
	struct abuse_xfer x = {
		.size = sizeof(x), .put_size = sizeof(struct abuse_put), .get_size = sizeof(struct abuse_get),
		.puts = (uintptr_t)puts, .queue = ABUSE_ANY_QUEUE
	};
	__u32 result = below(random, 4) ? ABUSE_RESULT_MEDIA_FAILURE : ABUSE_RESULT_DEVICE_FAILURE;
	unsigned int nr;
	int node = take(O_CLOEXEC, gets, &nr);

	x.nr_gets = nr;
	answer(&x, puts, gets);
	x.nr_gets = 0;
	for (unsigned int n = 0; n < nr; n++)
		puts[n].result = result;
	ioctl(node, ABUSE_XFER, &x);
	close(node);
}

static void reset_and_setup(__u64 *random, int node)
{
	struct abuse_config c = config(random);

	if (ioctl(node, ABUSE_RESET))
		bug("RESET", errno);
	COUNT(resets);
	if (below(random, 2))
		usleep(below(random, 3000));
	if (ioctl(node, ABUSE_SETUP, &c) && errno != EBUSY && errno != EINVAL)
		bug("SETUP", errno);
}

/* Writes a word to an attribute of the disk, if there is a disk */
static void attribute(const char *file, const char *word)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "/sys/block/%s/queue/%s", strrchr(disk, '/') + 1, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, word, strlen(word)) < 0 && errno != EINVAL && errno != ENODEV && errno != ENOENT)
		bug(file, errno);
	close(fd);
}

static void look_at_disk(__u64 *random)
{
	int fd = open(disk, O_RDONLY | O_CLOEXEC);
	char block[BLOCK];
	__u64 size;

	ioctl(fd, BLKGETSIZE64, &size);
	if (!below(random, 3))
		ioctl(fd, BLKRRPART);
	if (!below(random, 3))
		ioctl(fd, BLKFLSBUF);
	if (pread(fd, block, BLOCK, (__u64)USERS * BLOCKS * BLOCK) < 0 && calm)
		bug("a buffered read", errno);
	close(fd);
}

void *mischief(void *data)
{
	__u64 random = seed + (uintptr_t)data * 7919;
	int node = open_device(device, O_RDWR | O_CLOEXEC);
	pid_t server = start_server();
	struct pollfd p = { .fd = node, .events = POLLIN };
	struct abuse_info info;
	struct abuse_get gets[4];
	unsigned int nr;

	while (!stopped()) {
		if (!below(&random, 3))
			usleep(below(&random, 20000));
		switch (below(&random, calm ? 14 : 18)) {
		case 0:
			kill(server, SIGKILL);
			waitpid(server, NULL, 0);
			COUNT(kills);
			server = start_server();
			break;
		case 1:
			kill(server, SIGSTOP);
			usleep(below(&random, 5000));
			if (ioctl(node, ABUSE_REQUEUE) && (calm || errno != ENODEV))
				bug("REQUEUE", errno);
			usleep(below(&random, 5000));
			kill(server, SIGCONT);
			COUNT(stops);
			break;
		case 2:
			close(take(O_CLOEXEC, gets, &nr));
			break;
		case 3:
		case 4:
			inherit(&random);
			break;
		case 5:
			poll(&p, 1, below(&random, 4));
			break;
		case 6:
			put_late();
			break;
		case 7:
			if (ioctl(node, ABUSE_GET_STATUS, &info))
				bug("GET_STATUS", errno);
			break;
		case 8:
			reconnect(&random, node, 0, 0);
			break;
		case 9:
			odd_setup(&random, node);
			break;
		case 10:
			if (!syscall(SYS_delete_module, "abuse", O_NONBLOCK) || errno != EAGAIN)
				bug("the module was unloaded", errno);
			COUNT(unloads);
			break;
		case 11:
			attribute("scheduler", below(&random, 2) ? "mq-deadline" : "none");
			break;
		case 12:
			attribute("nr_requests", below(&random, 2) ? "8" : "64");
			break;
		case 13:
			look_at_disk(&random);
			break;
		case 14:
			reset_and_setup(&random, node);
			break;
		case 15:
			fail_requests(&random);
			break;
		case 16:
			reconnect(&random, node, ABUSE_FLAGS_READ_ONLY, 0);
			break;
		case 17:
			reconnect(&random, node, 0, 1000);
			break;
		}
		/* Makes the device live and writable again, no matter what it was. */
		if (!calm && !below(&random, 3))
			reconnect(&random, node, 0, 0);
	}
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	close(node);
	return NULL;
}
