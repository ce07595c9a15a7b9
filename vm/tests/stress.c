// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything that can happen to a device, in random order, while its disk is
 * written and read.
 *
 *	stress DEVICE disk=DISK [seconds=30] [calm=1] [seed=]
 *
 * Users of the disk stamp each block with its number and a version; a block
 * that is read must have the version that was written last, or one of a later
 * write that failed: so a write that was answered is never lost, and one that
 * failed never comes late. Servers, each a process, share a store; they are
 * killed, stopped, requeued, and threads of one share an open file.
 *
 * calm: nothing that fails requests, so that every I/O error is a bug; without
 * it there are resets, timeouts, failures and a read-only disk, too.
 */
#define _GNU_SOURCE
#include "args.h"
#include "../../module/uapi/abuse.h"
#include <linux/fs.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define BLOCK		4096
#define SIZE		(16 << 20)
#define USERS		8
#define BLOCKS		480U		/* of a user; behind them all is room for discards */
#define MOST		16		/* blocks of an I/O */
#define SERVERS		3
#define DEPTH		64

typedef unsigned long long ull;

static const char *device, *disk, *name;
static bool calm, stop;
static __u64 seed;
static char *store;
static int main_node;

static struct {
	ull ios, errors, kills, stops, requeues, resets, reconnects, unloads, forks;
	ull longest_ms;
} total;

#define COUNT(what) __atomic_fetch_add(&total.what, 1, __ATOMIC_RELAXED)

static bool stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

static __u64 any(__u64 *random)
{
	*random ^= *random >> 12;
	*random ^= *random << 25;
	*random ^= *random >> 27;
	return *random * 0x2545f4914f6cdd1dULL;
}

static __u64 below(__u64 *random, __u64 n)
{
	return (any(random) >> 16) % n;
}

static void bug(const char *what, ull value)
{
	printf("BUG: %s (%#llx), seed=%#llx\n", what, value, (ull)seed);
	fflush(stdout);
	/* Or the users of the disk could not end */
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	usleep(100000);
	ioctl(main_node, ABUSE_RESET);
	_exit(1);
}

static ull now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

/*
 * Servers
 */

/* The answers to what was got, where the data is in the store */
static void answer(struct abuse_xfer *x, struct abuse_put *puts, const struct abuse_get *gets)
{
	for (unsigned int n = 0; n < x->nr_gets; n++) {
		bool data = gets[n].command <= ABUSE_WRITE;

		puts[n] = (struct abuse_put){
			.id = gets[n].id,
			.address = data ? (uintptr_t)store + (gets[n].sector << 9) : 0,
		};
	}
	x->nr_puts = x->nr_gets;
}

/* One request with the ABI of 2009 */
static void serve_2009(int node)
{
	struct abuse_vec vecs[ABUSE_MAX_VECS];
	struct abuse_xfr_hdr hdr = { .ab_transfer_address = (uintptr_t)vecs };

	if (ioctl(node, ABUSE_GET_BIO, &hdr))
		return;
	for (unsigned int n = 0; n < hdr.ab_vec_count; n++)
		vecs[n].ab_address = (uintptr_t)store + (hdr.ab_sector << 9) + n * PAGE;
	hdr.ab_result = ABUSE_RESULT_OKAY;
	ioctl(node, ABUSE_PUT_BIO, &hdr);
}

static void *serve(void *data)
{
	__u64 random = (uintptr_t)data ^ seed ^ syscall(SYS_gettid) * 0x9e3779b97f4a7c15ULL;
	struct abuse_get gets[64];
	struct abuse_put puts[64];
	int node = *(int *)data;
	struct abuse_xfer x = {
		.size = sizeof(x),
		.put_size = sizeof(struct abuse_put),
		.get_size = sizeof(struct abuse_get),
		.puts = (uintptr_t)puts,
		.gets = (uintptr_t)gets,
		.queue = ABUSE_ANY_QUEUE,
	};

	for (;;) {
		if (!below(&random, 50))
			serve_2009(node);
		if (!below(&random, 20))
			usleep(below(&random, 2000));
		x.nr_gets = 1 + below(&random, 64);
		x.min_gets = below(&random, 4) ? 1 : 0;
		x.timeout_ns = below(&random, 10) ? 20000000 : 0;
		x.flags = 0;
		if (ioctl(node, ABUSE_XFER, &x)) {
			x.nr_puts = 0;
			if (errno != ENODEV && errno != EINTR)
				bug("XFER of a server", errno);
			usleep(2000);
			continue;
		}
		answer(&x, puts, gets);
	}
	return NULL;
}

static pid_t start_server(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		static int node;
		pthread_t thread;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* What others own is theirs alone. */
		syscall(SYS_close_range, 3, ~0U, 0);
		node = open_device(device, O_RDONLY);
		if (getpid() % 2)
			pthread_create(&thread, NULL, serve, &node);
		serve(&node);
	}
	return pid;
}

/*
 * Users of the disk
 */

struct user {
	unsigned int index;
	__u64 random, version;
	int fd;
	/* Of each block: the last write that was answered, the last one that was tried */
	__u64 answered[BLOCKS], tried[BLOCKS];
};

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

	/* Never written, or not with success: zeros */
	if (version)
		for (unsigned int n = 0; n < BLOCK / sizeof(*data); n += 2)
			if (data[n] != number || data[n + 1] < u->answered[block] || data[n + 1] > u->tried[block])
				bug("a block has other data than was written", number);
	if (version < u->answered[block])
		bug("a write that was answered is lost", number);
}

static void *use_disk(void *data)
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

/*
 * What happens to the device
 */

static struct abuse_config config(__u64 *random)
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
	};
	/* Another one may have made it larger meanwhile, or taken it away. */
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
	/* A reset may have come in between, then this is a good first setup. */
	if (!ioctl(node, ABUSE_SETUP, &c) && calm)
		bug("an odd setup was taken", c.flags);
}

/* Gets what there is, at most 4, with a node of its own */
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

/* After a requeue a put is stale */
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

/* The open file outlives whoever opened it, in a child or another program */
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

/* Writes a word to an attribute of the disk, if that is there */
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

static void *mischief(void *data)
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
		/* Live and writable again, whatever it was */
		if (!calm && !below(&random, 3))
			reconnect(&random, node, 0, 0);
	}
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	close(node);
	return NULL;
}

/* One that nothing happens to, so that what was begun can end */
static void drive(unsigned int seconds)
{
	ull end = vm_ms() + seconds * 1000ULL, last = vm_ms(), ios = 0, now;

	do {
		usleep(100000);
		now = vm_ms();
		if (ios != __atomic_load_n(&total.ios, __ATOMIC_RELAXED)) {
			ios = __atomic_load_n(&total.ios, __ATOMIC_RELAXED);
			last = now;
		}
		if (now - last > 60000)
			bug("no I/O has ended for 60 seconds", ios);
	} while (now < end);
}

int main(int argc, char **argv)
{
	static struct user users[USERS];
	pthread_t user[USERS], thread[SERVERS];
	struct abuse_config first;
	struct timespec now;
	int file;
	pid_t last;
	unsigned int n;

	if (argc == 2 && !strcmp(argv[1], "sleep"))
		return usleep(3000);
	if (argc < 2)
		usage("stress DEVICE disk=DISK [seconds=] [calm=1] [seed=]");
	args = argv + 2;
	name = argv[0];
	device = argv[1];
	disk = arg("disk", "/dev/abuse0");
	calm = num("calm", 0);
	clock_gettime(CLOCK_REALTIME, &now);
	seed = num("seed", now.tv_sec * 1000003ULL ^ now.tv_nsec) | 1;
	printf("seed=%#llx\n", (ull)seed);
	fflush(stdout);

	file = memfd_create("store", MFD_CLOEXEC);
	if (file < 0 || ftruncate(file, 2 * SIZE))
		die("memfd");
	store = mmap(NULL, 2 * SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	main_node = open_device(device, O_RDWR | O_CLOEXEC);
	first = config(&(__u64){ seed });
	if (ioctl(main_node, ABUSE_SETUP, &first))
		die("SETUP");

	for (n = 0; n < SERVERS; n++)
		if (pthread_create(&thread[n], NULL, mischief, (void *)(uintptr_t)(n + 1)))
			die("thread");
	for (n = 0; n < USERS; n++) {
		users[n].index = n;
		users[n].random = seed + n * 104729;
		if (pthread_create(&user[n], NULL, use_disk, &users[n]))
			die("thread");
	}
	drive(num("seconds", 30));

	last = start_server();
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (n = 0; n < SERVERS; n++)
		pthread_join(thread[n], NULL);
	for (n = 0; n < USERS; n++)
		pthread_join(user[n], NULL);
	kill(last, SIGKILL);
	waitpid(last, NULL, 0);
	if (ioctl(main_node, ABUSE_RESET))
		die("RESET");
	printf("ios=%llu\nerrors=%llu\nkills=%llu\nstops=%llu\nrequeues=%llu\nresets=%llu\nreconnects=%llu\nunloads=%llu\nforks=%llu\nlongest_ms=%llu\n",
	       total.ios, total.errors, total.kills, total.stops, total.requeues, total.resets, total.reconnects,
	       total.unloads, total.forks, total.longest_ms);
	if (!total.ios || !total.kills || !total.requeues)
		bug("nothing was done", 0);
	return 0;
}
