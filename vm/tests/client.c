// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client of today's ABI, with everything else that tests need in C: a server
 * with many bad habits, precise I/O on the disk, a put that is stuck in a page
 * fault, and loading of modules that shows the errno.
 *
 *	client COMMAND DEVICE [KEY=VALUE ...]
 *
 * The comment of each command's function has its arguments. Results are lines of
 * KEY=VALUE.
 */
#define _GNU_SOURCE
#include "client.h"
#include <glob.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#ifndef POLLMSG
#define POLLMSG 0x0400
#endif

int fd;

void *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

__u64 address(const void *p)
{
	return (uintptr_t)p;
}

struct abuse_xfer empty_xfer(struct abuse_put *put, struct abuse_get *get)
{
	return (struct abuse_xfer){
		.size = sizeof(struct abuse_xfer),
		.put_size = sizeof(*put),
		.get_size = sizeof(*get),
		.puts = address(put),
		.gets = address(get),
		.timeout_ns = ABUSE_NO_TIMEOUT,
		.queue = ABUSE_ANY_QUEUE,
	};
}

/*
 * setup [capacity=] [block_size=] [physical_block_size=] [queue_depth=] [flags=]
 *	[queues=] [max_request=] [timeout_ms=] [orphan_ms=] [unserved_ms=] [io_min=]
 *	[io_opt=] [discard_granularity=] [max_discard=] [max_write_zeroes=]
 *	[reserved=] [size=] [tail=BYTE behind it]
 */
static void setup(void)
{
	union {
		struct abuse_config config;
		unsigned char bytes[4096];
	} u = {};

	u.config = (struct abuse_config){
		.size = num("size", sizeof(u.config)),
		.flags = num("flags", 0),
		.capacity = num("capacity", 16 << 20),
		.block_size = num("block_size", 4096),
		.queue_depth = num("queue_depth", 128),
		.queues = num("queues", 0),
		.max_request = num("max_request", 0),
		.timeout_ms = num("timeout_ms", 0),
		.orphan_ms = num("orphan_ms", 0),
		.unserved_ms = num("unserved_ms", 0),
		.physical_block_size = num("physical_block_size", 0),
		.io_min = num("io_min", 0),
		.io_opt = num("io_opt", 0),
		.discard_granularity = num("discard_granularity", 0),
		.max_discard = num("max_discard", 0),
		.max_write_zeroes = num("max_write_zeroes", 0),
		.reserved = num("reserved", 0),
	};
	u.bytes[sizeof(u.config)] = num("tail", 0);
	if (ioctl(fd, ABUSE_SETUP, arg("arg", NULL) ? (void *)BAD_ADDRESS : &u))
		die("SETUP");
}

/*
 * status [size=]: prints the fields, and whether anything after `size` was written
 * status only=FIELD [until=NUMBER]: prints one field, or waits up to four minutes
 *	until it has that value; "latencies" is the sum of all buckets, and "longest"
 *	the least microseconds that the last one of them with an answer stands for
 */
static __u64 latencies(const struct abuse_status *s)
{
	__u64 sum = 0;

	for (int n = 0; n < ABUSE_LATENCY_BUCKETS; n++)
		sum += s->latency[n];
	return sum;
}

static __u64 longest(const struct abuse_status *s)
{
	int n = ABUSE_LATENCY_BUCKETS - 1;

	while (n && !s->latency[n])
		n--;
	return n < 4 ? (__u64)n : (4ULL + n % 4) << (n / 4 - 1);
}

static __u64 field(const struct abuse_status *s, const char *name)
{
	return !strcmp(name, "pending") ? s->pending :
	       !strcmp(name, "owned") ? s->owned :
	       !strcmp(name, "gets") ? s->gets :
	       !strcmp(name, "puts") ? s->puts :
	       !strcmp(name, "redelivered") ? s->redelivered :
	       !strcmp(name, "stale") ? s->stale :
	       !strcmp(name, "timeouts") ? s->timeouts :
	       !strcmp(name, "errors") ? s->errors :
	       !strcmp(name, "servers") ? s->servers :
	       !strcmp(name, "latencies") ? latencies(s) :
	       !strcmp(name, "longest") ? longest(s) :
	       !strcmp(name, "flags") ? s->flags :
	       !strcmp(name, "capacity") ? s->capacity :
	       !strcmp(name, "queue_depth") ? s->queue_depth :
	       !strcmp(name, "queues") ? s->queues :
	       !strcmp(name, "max_request") ? s->max_request :
	       !strcmp(name, "physical_block_size") ? s->physical_block_size :
	       !strcmp(name, "state") ? s->state :
	       !strcmp(name, "conditions") ? s->conditions :
	       !strcmp(name, "openers") ? s->openers :
	       !strcmp(name, "capacity_limit") ? s->capacity_limit :
	       !strcmp(name, "block_size_limit") ? s->block_size_limit :
	       !strcmp(name, "queue_depth_limit") ? s->queue_depth_limit :
	       !strcmp(name, "queues_limit") ? s->queues_limit :
	       !strcmp(name, "requests_limit") ? s->requests_limit :
	       !strcmp(name, "max_request_least") ? s->max_request_least :
	       !strcmp(name, "max_request_limit") ? s->max_request_limit :
	       !strcmp(name, "timeout_limit_ms") ? s->timeout_limit_ms :
	       !strcmp(name, "batch_limit") ? s->batch_limit :
	       !strcmp(name, "pieces_limit") ? s->pieces_limit :
	       !strcmp(name, "put_size") ? s->put_size :
	       !strcmp(name, "get_size") ? s->get_size :
	       !strcmp(name, "orphan_ms") ? s->orphan_ms :
	       !strcmp(name, "unserved_ms") ? s->unserved_ms :
	       !strcmp(name, "io_min") ? s->io_min :
	       !strcmp(name, "io_opt") ? s->io_opt :
	       !strcmp(name, "discard_granularity") ? s->discard_granularity :
	       !strcmp(name, "max_discard") ? s->max_discard :
	       !strcmp(name, "max_write_zeroes") ? s->max_write_zeroes :
	       !strcmp(name, "mapped_reads") ? s->mapped_reads :
	       !strcmp(name, "mapped_writes") ? s->mapped_writes :
	       !strcmp(name, "mapped_read_bytes") ? s->mapped_read_bytes :
	       !strcmp(name, "mapped_written_bytes") ? s->mapped_written_bytes :
	       !strcmp(name, "misses") ? s->misses :
	       !strcmp(name, "faults") ? s->faults :
	       !strcmp(name, "extents") ? s->extents :
	       !strcmp(name, "timeout_ms") ? s->timeout_ms : (usage(name), 0);
}

static void one_status(const char *name)
{
	struct abuse_status s = { .size = sizeof(s) };
	const char *until = arg("until", NULL);
	__u64 end = 0;

	for (int n = 1; !end || n % 100 || vm_ms() < end; n++) {
		if (ioctl(fd, ABUSE_STATUS, &s))
			die("STATUS");
		if (!until || field(&s, name) == number(until)) {
			if (!until)
				printf("%llu\n", (ull)field(&s, name));
			return;
		}
		usleep(5000);
		if (!end && n == 99)
			end = vm_ms() + 240000;
	}
	fprintf(stderr, "after 240 seconds %s is %llu, not %s\n", name, (ull)field(&s, name), until);
	exit(1);
}

static void status(void)
{
	union {
		struct abuse_status status;
		unsigned char bytes[4096];
	} u;
	struct abuse_status *s = &u.status;
	__u32 size = num("size", sizeof(*s));
	const char *tail = "untouched";

	memset(&u, 0xa5, sizeof(u));
	s->size = size;
	if (ioctl(fd, ABUSE_STATUS, arg("arg", NULL) ? (void *)BAD_ADDRESS : s))
		die("STATUS");
	for (size_t n = size; n < sizeof(u); n++)
		if (u.bytes[n] != 0xa5)
			tail = "overwritten";
	printf("flags=%u\ndevice=%#llx\ncapacity=%llu\nnumber=%u\nblock_size=%u\nqueue_depth=%u\nqueues=%u\nmax_request=%u\ntimeout_ms=%u\npending=%u\nowned=%u\ngets=%llu\nputs=%llu\nredelivered=%llu\nstale=%llu\ntimeouts=%llu\nerrors=%llu\ntail=%s\n",
	       s->flags, (ull)s->device, (ull)s->capacity, s->number, s->block_size,
	       s->queue_depth, s->queues, s->max_request, s->timeout_ms, s->pending,
	       s->owned, (ull)s->gets, (ull)s->puts, (ull)s->redelivered,
	       (ull)s->stale, (ull)s->timeouts, (ull)s->errors, tail);
}

/*
 * uevents [times=]: sets the device up and resets it, that many times. Each time
 * that the kernel announces the disk, it asks for requests at once. Prints how
 * often that worked, how often the device was not set up, and how often the
 * disk had its attributes.
 */
static void *setup_and_reset(void *data)
{
	struct abuse_config config = {
		.size = sizeof(config),
		.capacity = 1 << 20,
		.block_size = 4096,
		.queue_depth = 1,
	};
	int *left = data, before;

	while ((before = __atomic_load_n(left, __ATOMIC_SEQ_CST)) > 0) {
		if (ioctl(fd, ABUSE_SETUP, &config))
			die("SETUP");
		/* Waits until the other one has asked, which must find the device. */
		while (__atomic_load_n(left, __ATOMIC_SEQ_CST) == before)
			usleep(1000);
		if (ioctl(fd, ABUSE_RESET))
			die("RESET");
	}
	return NULL;
}

static void uevents(void)
{
	struct sockaddr_nl all = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int events = socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT);
	int left = num("times", 100), good = 0, none = 0, told = 0;
	pthread_t thread;
	char text[4096], path[4200];

	if (events < 0 || bind(events, (void *)&all, sizeof(all)) ||
	    pthread_create(&thread, NULL, setup_and_reset, &left))
		die("uevents");
	while (left > 0) {
		struct abuse_xfer x = empty_xfer(NULL, NULL);

		if (recv(events, text, sizeof(text), 0) < 0)
			die("recv");
		if (strncmp(text, "add@/devices/virtual/block/abuse", 32))
			continue;
		snprintf(path, sizeof(path), "/sys%s/abuse/state", text + 4);
		told += !access(path, R_OK);
		if (!ioctl(fd, ABUSE_XFER, &x))
			good++;
		else if (errno == ENODEV)
			none++;
		else
			die("XFER");
		__atomic_fetch_sub(&left, 1, __ATOMIC_SEQ_CST);
	}
	pthread_join(thread, NULL);
	printf("good=%d\nnone=%d\ntold=%d\n", good, none, told);
}

/*
 * serve [queue=] [identity=BYTE] [text=] [flags=] [size=] [tail=] [whole=1]: says what an
 *	open file serves; if that is refused, prints who is there. With `whole` the text
 *	does not end.
 */
static void say(int node)
{
	union {
		struct abuse_serve serve;
		unsigned char bytes[4096];
	} u = {};

	u.serve = (struct abuse_serve){
		.size = num("size", sizeof(u.serve)),
		.flags = num("flags", 0),
		.queue = num("queue", ABUSE_ANY_QUEUE),
	};
	memset(u.serve.identity, num("identity", 0), sizeof(u.serve.identity));
	if (arg("whole", NULL))
		memset(u.serve.text, 'x', sizeof(u.serve.text));
	else
		strncpy(u.serve.text, arg("text", ""), sizeof(u.serve.text) - 1);
	u.bytes[sizeof(u.serve)] = num("tail", 0);
	if (ioctl(node, ABUSE_SERVE, arg("arg", NULL) ? (void *)BAD_ADDRESS : &u)) {
		if (errno == EBUSY)
			printf("pid=%u\ntext=%s\n", u.serve.pid, u.serve.text);
		die("SERVE");
	}
}

/*
 * quiesce [flags=] [timeout_ms=] [size=] [tail=BYTE behind it]: prints how many
 *	requests are owned, even if it fails
 */
static void quiesce(void)
{
	union {
		struct abuse_quiesce quiesce;
		unsigned char bytes[4096];
	} u = {};
	int ret;

	u.quiesce = (struct abuse_quiesce){
		.size = num("size", sizeof(u.quiesce)),
		.flags = num("flags", 0),
		.timeout_ms = num("timeout_ms", 0),
		.owned = ~0U,
	};
	u.bytes[sizeof(u.quiesce)] = num("tail", 0);
	ret = ioctl(fd, ABUSE_QUIESCE, arg("arg", NULL) ? (void *)BAD_ADDRESS : &u);
	printf("owned=%d\n", (int)u.quiesce.owned);
	fflush(stdout);
	if (ret)
		die("QUIESCE");
}

/* As poll(), but of several who wait so one is enough to be woken */
static int poll_exclusive(struct pollfd *p, int timeout)
{
	struct epoll_event event = { .events = p->events | EPOLLEXCLUSIVE };
	int epoll = epoll_create1(0), ret;

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, p->fd, &event))
		die("epoll");
	ret = epoll_wait(epoll, &event, 1, timeout);
	p->revents = ret > 0 ? event.events : 0;
	return ret;
}

/* poll [events=BITS] [timeout=MS] [exclusive=yes]: prints what it woke up with, or "nothing" */
static void wait_ready(void)
{
	struct pollfd p = { .fd = fd, .events = num("events", POLLIN | POLLRDNORM | POLLMSG) };
	int timeout = (int)num("timeout", -1);
	int ret = arg("exclusive", NULL) ? poll_exclusive(&p, timeout) : poll(&p, 1, timeout);

	if (ret < 0)
		die("poll");
	printf("%s%s%s%s%s%s\n", ret ? "" : "nothing", p.revents & POLLIN ? "IN " : "",
	       p.revents & POLLRDNORM ? "RDNORM " : "", p.revents & POLLMSG ? "MSG " : "",
	       p.revents & POLLHUP ? "HUP " : "", p.revents & POLLERR ? "ERR " : "");
}

/* load FILE [KEY=VALUE ...], unload NAME: modules, with the errno shown */
static void load(const char *file)
{
	char text[4096] = "";
	int module = open_device(file, O_RDONLY);

	for (char **a = args; *a; a++) {
		strcat(text, *a);
		strcat(text, " ");
	}
	if (syscall(__NR_finit_module, module, text, 0))
		die("load");
}

/* clean MODULE...: resets every device, and unloads the modules, each within some 20 seconds */
static void unload(const char *module)
{
	for (int n = 0; syscall(__NR_delete_module, module, O_NONBLOCK) && errno != ENOENT; n++) {
		if (n == 2000)
			die("unload");
		usleep(10000);
	}
}

static void clean(const char *module)
{
	glob_t nodes = {};

	glob("/dev/abctl*", 0, NULL, &nodes);
	for (size_t n = 0; n < nodes.gl_pathc; n++) {
		fd = open_device(nodes.gl_pathv[n], O_RDONLY);
		if (ioctl(fd, ABUSE_RESET))
			die("RESET");
		close(fd);
	}
	unload(module);
	for (char **a = args; *a; a++)
		unload(*a);
}

/* add DEVICE [number=N]: makes another device */
static void add(void)
{
	__u32 number = num("number", ABUSE_ANY_DEVICE);

	if (ioctl(fd, ABUSE_ADD, &number))
		die("ADD");
	printf("number=%u\n", number);
}

int main(int argc, char **argv)
{
	const char *command = argc > 2 ? argv[1] : "";

	if (argc < 3)
		usage("client COMMAND DEVICE [KEY=VALUE ...]");
	args = argv + 3;
	if (!strcmp(command, "load")) {
		load(argv[2]);
		return 0;
	}
	if (!strcmp(command, "unload")) {
		if (syscall(__NR_delete_module, argv[2], O_NONBLOCK))
			die("unload");
		return 0;
	}
	if (!strcmp(command, "clean")) {
		clean(argv[2]);
		return 0;
	}
	if (!strcmp(command, "io")) {
		run_io(argv[2]);
		return 0;
	}
	fd = open_device(argv[2], O_RDONLY);
	if (!strcmp(command, "setup"))
		setup();
	else if (!strcmp(command, "status") && arg("only", NULL))
		one_status(arg("only", NULL));
	else if (!strcmp(command, "status"))
		status();
	else if (!strcmp(command, "reset")) {
		if (ioctl(fd, ABUSE_RESET))
			die("RESET");
	} else if (!strcmp(command, "remove")) {
		if (ioctl(fd, ABUSE_REMOVE))
			die("REMOVE");
	} else if (!strcmp(command, "remove-lazy")) {
		if (ioctl(fd, ABUSE_REMOVE_LAZY))
			die("REMOVE_LAZY");
	} else if (!strcmp(command, "add"))
		add();
	else if (!strcmp(command, "quiesce"))
		quiesce();
	else if (!strcmp(command, "serve"))
		say(fd);
	else if (!strcmp(command, "servers"))
		list(ABUSE_SERVERS);
	else if (!strcmp(command, "requests"))
		list(ABUSE_REQUESTS);
	else if (!strcmp(command, "extents"))
		list(ABUSE_EXTENTS);
	else if (!strcmp(command, "map"))
		map_extents(ABUSE_MAP);
	else if (!strcmp(command, "unmap"))
		map_extents(ABUSE_UNMAP);
	else if (!strcmp(command, "lent"))
		lent();
	else if (!strcmp(command, "requeue")) {
		if (ioctl(fd, ABUSE_REQUEUE))
			die("REQUEUE");
	} else if (!strcmp(command, "xfer"))
		xfer();
	else if (!strcmp(command, "poll"))
		wait_ready();
	else if (!strcmp(command, "look"))
		look(argv[2]);
	else if (!strcmp(command, "copy-loop"))
		copy_loop();
	else if (!strcmp(command, "uevents"))
		uevents();
	else if (!strcmp(command, "server"))
		run_server(argv[2]);
	else if (!strcmp(command, "stuck-put"))
		stuck_put();
	else if (!strcmp(command, "stuck-get"))
		stuck_get();
	else if (!strcmp(command, "failure-race"))
		failure_race(argv[2]);
	else
		usage(command);
	return 0;
}
