// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client of today's ABI and the other things that tests need in C: a server
 * with many bad habits, precise I/O on the disk, a put that is stuck in a page
 * fault, loading of modules with the errno shown.
 *
 *	client COMMAND DEVICE [KEY=VALUE ...]
 *
 * Each command's function tells its arguments. Results are KEY=VALUE lines.
 */
#define _GNU_SOURCE
#include "args.h"
#include "../../module/uapi/abuse.h"
#include <glob.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#ifndef POLLMSG
#define POLLMSG 0x0400
#endif

typedef unsigned long long ull;

static int fd;

static void *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static __u64 address(const void *p)
{
	return (uintptr_t)p;
}

/*
 * setup [capacity=] [block_size=] [physical_block_size=] [queue_depth=] [flags=]
 *	[queues=] [max_request=] [timeout_ms=] [size=] [tail=BYTE behind it]
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
		.physical_block_size = num("physical_block_size", 0),
	};
	u.bytes[sizeof(u.config)] = num("tail", 0);
	if (ioctl(fd, ABUSE_SETUP, arg("arg", NULL) ? (void *)BAD_ADDRESS : &u))
		die("SETUP");
}

/*
 * status [size=]: the fields, and whether anything behind `size` was written
 * status only=FIELD [until=NUMBER]: one of them, waits up to a minute until it is so;
 *	"latencies" is how many there are in all buckets
 */
static __u64 latencies(const struct abuse_status *s)
{
	__u64 sum = 0;

	for (int n = 0; n < ABUSE_LATENCY_BUCKETS; n++)
		sum += s->latency[n];
	return sum;
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
	       !strcmp(name, "flags") ? s->flags :
	       !strcmp(name, "capacity") ? s->capacity :
	       !strcmp(name, "queue_depth") ? s->queue_depth :
	       !strcmp(name, "queues") ? s->queues :
	       !strcmp(name, "max_request") ? s->max_request :
	       !strcmp(name, "physical_block_size") ? s->physical_block_size :
	       !strcmp(name, "state") ? s->state :
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
			end = vm_ms() + 60000;
	}
	fprintf(stderr, "after 60 seconds %s is %llu, not %s\n", name, (ull)field(&s, name), until);
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
 * xfer [put=ID[:RESULT[:data|0|bad|half|absent]]]... [gets=ROOM] [min=] [timeout=MS]
 *	[queue=] [flags=] [size=] [tail=] [fill=BYTE] [in=FILE] [out=FILE:BYTES]
 *	[buffer=BYTES] [buffer_shift=] [buffer_size=] [dump=FILE] [nr_puts=] [puts=bad]
 *	[gets_at=bad] [put_size=] [get_size=] [put_tail=BYTE] [offset=] [length=]
 *	[reserved=] [pieces=BYTES,BYTES,...]
 * A put's "data" is 2 MiB of `fill`, after what `in` has, copied to `out` afterwards; "half" is the
 * last page of memory that ends there, "absent" was never touched. With pieces
 * the data is in so many, each a page behind the end of the one before; "bad"
 * is then the address of the last one.
 */
static struct abuse_piece pieces[ABUSE_MAX_PIECES + 1];

static unsigned int make_pieces(const char *lengths, char *data, int bad)
{
	unsigned int n = 0;
	char *end;

	for (; *lengths; lengths = end + (*end == ','), n++) {
		pieces[n] = (struct abuse_piece){ address(data), strtoull(lengths, &end, 0) };
		data += pieces[n].length + 4096;
	}
	if (bad)
		pieces[n - 1].address = BAD_ADDRESS;
	return n;
}

/* Elements of an array whose elements are `size` bytes */
static void *element(void *array, size_t size, unsigned int n)
{
	return (char *)array + size * n;
}

static const char *status_of(const struct abuse_put *put)
{
	return put->status == 12345 ? "untouched" : errname(-put->status);
}

static void xfer(void)
{
	union {
		struct abuse_xfer xfer;
		unsigned char bytes[4096];
	} u = {};
	struct abuse_xfer *x = &u.xfer;
	static char puts[(ABUSE_MAX_BATCH + 1) * 512];
	static char gets[(ABUSE_MAX_BATCH + 1) * 512];
	size_t put_size = num("put_size", sizeof(struct abuse_put));
	size_t get_size = num("get_size", sizeof(struct abuse_get));
	size_t room = 2 << 20, buffer_size = num("buffer", 0);
	char *data = map(room + 4096), *buffer = buffer_size ? map(buffer_size + 4096) : NULL;
	const char *out = arg("out", NULL), *dump = arg("dump", NULL);
	__s64 timeout = (__s64)num("timeout", 0);
	unsigned int n = 0;
	int err;

	munmap(data + room, 4096);
	memset(data, num("fill", 0), room);
	if (arg("in", NULL))
		read_file(arg("in", NULL), data, room);
	memset(gets, 0xa5, sizeof(gets));
	if (buffer)
		memset(buffer, 0xa5, buffer_size);
	for (char **a = args; *a; a++) {
		char where[16] = "data";

		if (strncmp(*a, "put=", 4))
			continue;
		struct abuse_put *put = element(puts, put_size, n);
		char *end;

		*put = (struct abuse_put){
			.status = 12345,
			.id = strtoull(*a + 4, &end, 0),
			.offset = num("offset", 0),
			.length = num("length", 0),
			.reserved = num("reserved", 0),
		};
		sscanf(end, ":%u:%15s", &put->result, where);
		if (put_size > sizeof(*put))
			*(char *)element(put, sizeof(*put), 1) = num("put_tail", 0);
		put->address = !strcmp(where, "0") ? 0 :
			       !strcmp(where, "bad") ? BAD_ADDRESS :
			       !strcmp(where, "absent") ? address(map(room)) :
			       !strcmp(where, "half") ? address(data + room - 4096) : address(data);
		if (arg("pieces", NULL)) {
			put->nr_pieces = make_pieces(arg("pieces", NULL), data, !strcmp(where, "bad"));
			put->address = address(pieces);
		}
		n++;
	}
	*x = (struct abuse_xfer){
		.size = num("size", sizeof(*x)),
		.put_size = put_size,
		.get_size = get_size,
		.flags = num("flags", 0),
		.puts = arg("puts", NULL) ? BAD_ADDRESS : address(puts),
		.gets = arg("gets_at", NULL) ? BAD_ADDRESS : address(gets),
		.buffer = buffer ? address(buffer) + num("buffer_shift", 0) : 0,
		.buffer_size = num("buffer_size", buffer_size),
		.timeout_ns = timeout < 0 ? ABUSE_NO_TIMEOUT : timeout * 1000000ULL,
		.nr_puts = num("nr_puts", n),
		.nr_gets = num("gets", 0),
		.min_gets = num("min", 0),
		.queue = num("queue", ABUSE_ANY_QUEUE),
	};
	u.bytes[sizeof(*x)] = num("tail", 0);
	err = ioctl(fd, ABUSE_XFER, arg("arg", NULL) ? (void *)BAD_ADDRESS : x) ? errno : 0;
	if (!err)
		printf("nr_puts=%u\nnr_gets=%u\n", x->nr_puts, x->nr_gets);
	for (unsigned int i = 0; i < n; i++)
		printf("put%u=%s\n", i, status_of(element(puts, put_size, i)));
	for (unsigned int i = 0; !err && i < x->nr_gets; i++) {
		struct abuse_get *g = element(gets, get_size, i);

		printf("id%u=%#llx\nsector%u=%llu\nlength%u=%u\ncommand%u=%u\nflags%u=%u\naddress%u=%s%lld\n",
		       i, (ull)g->id, i, (ull)g->sector, i, g->length, i, g->command,
		       i, g->flags, i, g->address ? "buffer+" : "",
		       g->address ? (long long)(g->address - x->buffer) : 0);
	}
	if (arg("get_size", NULL) && !err && x->nr_gets) {
		const unsigned char *tail = element(gets, sizeof(struct abuse_get), 1);

		printf("get_tail=%u\nget_end=%u\n", tail[0], *(unsigned char *)element(gets, get_size, x->nr_gets));
	}
	if (out) {
		char name[256];
		unsigned int len = 0;

		sscanf(out, "%255[^:]:%u", name, &len);
		write_file(name, data, len);
	}
	if (dump)
		write_file(dump, buffer, buffer_size);
	if (err) {
		errno = err;
		die("XFER");
	}
}

static struct abuse_xfer empty_xfer(struct abuse_put *put, struct abuse_get *get)
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
 * copy-loop: gets a request, prints "copies", and copies its data again and again
 * until that is refused; prints with what
 */
static void copy_loop(void)
{
	struct abuse_get get;
	struct abuse_put put = { .result = ABUSE_RESULT_COPY };
	struct abuse_xfer x = empty_xfer(&put, &get);

	x.nr_gets = x.min_gets = 1;
	if (ioctl(fd, ABUSE_XFER, &x))
		die("get");
	put.id = get.id;
	put.address = address(memset(map(get.length), 1, get.length));
	printf("copies\n");
	fflush(stdout);
	x.nr_gets = x.min_gets = 0;
	do {
		x.nr_puts = 1;
		if (ioctl(fd, ABUSE_XFER, &x))
			die("copy");
	} while (!put.status);
	printf("outcome=%s\n", errname(-put.status));
}

/*
 * uevents [times=]: sets the device up and resets it, so many times, and each time
 * the kernel tells that the disk is there, at once asks for requests. Prints how
 * often that worked, and how often the device was not set up.
 */
static void *setup_and_reset(void *data)
{
	struct abuse_config config = {
		.size = sizeof(config),
		.capacity = 1 << 20,
		.block_size = 4096,
		.queue_depth = 1,
	};
	int *left = data;

	while (__atomic_load_n(left, __ATOMIC_SEQ_CST) > 0) {
		if (ioctl(fd, ABUSE_SETUP, &config))
			die("SETUP");
		usleep(20000);
		if (ioctl(fd, ABUSE_RESET))
			die("RESET");
	}
	return NULL;
}

static void uevents(void)
{
	struct sockaddr_nl all = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int events = socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT);
	int left = num("times", 100), good = 0, none = 0;
	pthread_t thread;
	char text[4096];

	if (events < 0 || bind(events, (void *)&all, sizeof(all)) ||
	    pthread_create(&thread, NULL, setup_and_reset, &left))
		die("uevents");
	while (left > 0) {
		struct abuse_xfer x = empty_xfer(NULL, NULL);

		if (recv(events, text, sizeof(text), 0) < 0)
			die("recv");
		if (strncmp(text, "add@/devices/virtual/block/abuse", 32))
			continue;
		if (!ioctl(fd, ABUSE_XFER, &x))
			good++;
		else if (errno == ENODEV)
			none++;
		else
			die("XFER");
		__atomic_fetch_sub(&left, 1, __ATOMIC_SEQ_CST);
	}
	pthread_join(thread, NULL);
	printf("good=%d\nnone=%d\n", good, none);
}

/*
 * serve [queue=] [identity=BYTE] [text=] [flags=] [size=] [tail=] [whole=1]: says what an
 *	open file serves; prints who is there when that is refused. `whole` is a text
 *	without an end.
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

/* poll [events=BITS] [timeout=MS] [times=]: prints what it woke up with, or "nothing" */
static void wait_ready(void)
{
	struct pollfd p = { .fd = fd, .events = num("events", POLLIN | POLLRDNORM | POLLMSG) };
	int ret = poll(&p, 1, (int)num("timeout", -1));

	if (ret < 0)
		die("poll");
	printf("%s%s%s%s%s%s\n", ret ? "" : "nothing", p.revents & POLLIN ? "IN " : "",
	       p.revents & POLLRDNORM ? "RDNORM " : "", p.revents & POLLMSG ? "MSG " : "",
	       p.revents & POLLHUP ? "HUP " : "", p.revents & POLLERR ? "ERR " : "");
}

/*
 * server [store=FILE] [threads=] [batch=] [min=] [buffer=BYTES] [queue=any|own]
 *	[order=fifo|reverse|random] [delay=US] [fail=N] [hold=N] [twice=1]
 *	[log=1] [identity=BYTE] [text=]
 * Answers from a file mapped into memory (or reads with zeros), each thread
 * through an open file of its own: fails every Nth request, holds N requests
 * for ever, puts each answer twice, writes each request to stdout. SIGTERM
 * drains and prints the totals; an error of the ioctl is printed and ends the
 * process with status 3.
 */
static struct {
	const char *device, *order;
	char *store;
	size_t store_size;
	unsigned int threads, batch, min, delay, fail, hold, twice, log, own_queue;
	int draining, says;
	size_t buffer;
	ull gets, puts, stale, odd, held;
} server;

static int server_fds[64];

static char *place(const struct abuse_get *g, char *zeros)
{
	if (!server.store)
		return zeros;
	if ((g->sector << 9) + g->length > server.store_size) {
		fprintf(stderr, "request beyond the end of the store\n");
		_exit(4);
	}
	return server.store + (g->sector << 9);
}

static void *serve(void *data)
{
	unsigned int index = (uintptr_t)data, seed = index + 1, seen = 0;
	struct abuse_get *gets = calloc(server.batch, sizeof(*gets));
	struct abuse_put *puts = calloc(2 * server.batch, sizeof(*puts));
	char *buffer = server.buffer ? map(server.buffer) : NULL;
	char *zeros = map(ABUSE_MAX_REQUEST);
	struct abuse_xfer x = {
		.size = sizeof(x),
		.put_size = sizeof(struct abuse_put),
		.get_size = sizeof(struct abuse_get),
		.puts = address(puts),
		.gets = address(gets),
		.buffer = address(buffer),
		.buffer_size = server.buffer,
		.timeout_ns = ABUSE_NO_TIMEOUT,
		.min_gets = server.min,
		.queue = server.own_queue ? index : ABUSE_ANY_QUEUE,
	};

	for (;;) {
		unsigned int nr_puts = x.nr_puts;

		x.nr_gets = server.batch;
		if (ioctl(server_fds[index], ABUSE_XFER, &x)) {
			if (errno == EINTR)
				continue;
			fprintf(stderr, "server: XFER: %s\n", errname(errno));
			_exit(3);
		}
		for (unsigned int n = 0; n < nr_puts; n++) {
			int expected = server.twice && n % 2 ? -ENOMSG : 0;

			__atomic_fetch_add(&server.puts, !puts[n].status, __ATOMIC_RELAXED);
			__atomic_fetch_add(&server.stale, puts[n].status == -ENOMSG, __ATOMIC_RELAXED);
			__atomic_fetch_add(&server.odd, puts[n].status != expected, __ATOMIC_RELAXED);
		}
		x.nr_puts = 0;
		/* Nothing: either a signal came after the puts, or all is answered */
		if (!x.nr_gets && __atomic_load_n(&server.draining, __ATOMIC_RELAXED))
			return NULL;
		__atomic_fetch_add(&server.gets, x.nr_gets, __ATOMIC_RELAXED);
		for (unsigned int n = 0; n < x.nr_gets; n++) {
			struct abuse_get *g = &gets[n];
			char *bytes = NULL;
			unsigned int at;

			if (server.log)
				printf("command=%u sector=%llu length=%u flags=%u id=%#llx\n", g->command,
				       (ull)g->sector, g->length, g->flags, (ull)g->id);
			if (server.held < server.hold) {
				server.held++;
				continue;
			}
			if (g->command != ABUSE_SYNC_NOTIFICATION)
				bytes = g->command <= ABUSE_WRITE || server.store ? place(g, zeros) : NULL;
			if (g->command == ABUSE_WRITE && g->address) {
				if (server.store)
					memcpy(bytes, (void *)(uintptr_t)g->address, g->length);
				bytes = NULL;
			} else if (g->command == ABUSE_WRITE && !server.store) {
				bytes = NULL;
			} else if (g->command == ABUSE_READ && g->address) {
				bytes = memcpy((void *)(uintptr_t)g->address, bytes, g->length);
			} else if (g->command >= ABUSE_DISCARD && bytes) {
				memset(bytes, 0, g->length);
			}
			/* A random place among the answers so far, or either end */
			at = !strcmp(server.order, "random") ? rand_r(&seed) % (x.nr_puts + 1) :
			     !strcmp(server.order, "reverse") ? 0 : x.nr_puts;
			memmove(&puts[at + 1], &puts[at], (x.nr_puts - at) * sizeof(*puts));
			puts[at] = (struct abuse_put){
				.id = g->id,
				.address = address(bytes),
				.result = server.fail && ++seen % server.fail == 0 ?
					ABUSE_RESULT_MEDIA_FAILURE : ABUSE_RESULT_OKAY,
			};
			x.nr_puts++;
			if (server.twice) {
				puts[x.nr_puts] = puts[at];
				x.nr_puts++;
			}
		}
		if (server.log)
			fflush(stdout);
		if (server.delay)
			usleep(server.delay);
	}
}

static void run_server(const char *device)
{
	pthread_t threads[64];
	sigset_t signals;
	const char *store = arg("store", NULL);
	int signal;

	server.device = device;
	server.order = arg("order", "fifo");
	server.threads = num("threads", 1);
	server.batch = num("batch", 32);
	server.min = num("min", 1);
	server.delay = num("delay", 0);
	server.fail = num("fail", 0);
	server.hold = num("hold", 0);
	server.twice = num("twice", 0);
	server.log = num("log", 0);
	server.buffer = num("buffer", 0);
	server.says = !!arg("identity", NULL);
	server.own_queue = !strcmp(arg("queue", "any"), "own");
	if (store) {
		int file = open(store, O_RDWR);
		struct stat st;

		if (file < 0 || fstat(file, &st))
			die(store);
		server.store_size = st.st_size;
		server.store = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
		if (server.store == MAP_FAILED)
			die("mmap");
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	for (unsigned int n = 0; n < server.threads; n++) {
		server_fds[n] = n ? open_device(device, O_RDONLY) : fd;
		if (server.says) {
			struct abuse_serve serve = { .size = sizeof(serve), .queue = server.own_queue ? n : ABUSE_ANY_QUEUE };

			memset(serve.identity, num("identity", 0), sizeof(serve.identity));
			strncpy(serve.text, arg("text", ""), sizeof(serve.text) - 1);
			if (ioctl(server_fds[n], ABUSE_SERVE, &serve))
				die("SERVE");
		}
		if (pthread_create(&threads[n], NULL, serve, (void *)(uintptr_t)n))
			die("thread");
	}
	printf("ready\n");
	fflush(stdout);
	sigwait(&signals, &signal);
	__atomic_store_n(&server.draining, 1, __ATOMIC_RELAXED);
	for (unsigned int n = 0; n < server.threads; n++) {
		struct abuse_xfer x = {
			.size = sizeof(x),
			.put_size = sizeof(struct abuse_put),
			.get_size = sizeof(struct abuse_get),
			.flags = ABUSE_XFER_DRAIN,
			.queue = ABUSE_ANY_QUEUE,
		};

		if (ioctl(server_fds[n], ABUSE_XFER, &x))
			die("drain");
	}
	for (unsigned int n = 0; n < server.threads; n++)
		pthread_join(threads[n], NULL);
	printf("gets=%llu\nputs=%llu\nstale=%llu\nodd=%llu\n", server.gets, server.puts,
	       server.stale, server.odd);
}

/*
 * stuck-put [by=uffd|DISK] [timeout=MS]: waits for a request and puts data that
 * is not in memory. uffd: the page fault waits until SIGUSR1 comes, then there
 * are bytes 0xaa. DISK: the data is a mapping of that disk, 8 MiB into it.
 * Prints "stuck" before and the outcome after.
 */
static void *resolve(void *data)
{
	int uffd = *(int *)data, signal;
	struct uffd_msg msg;
	sigset_t signals;
	char *page = map(1 << 20);

	if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
		die("userfaultfd");
	printf("stuck\n");
	fflush(stdout);
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigwait(&signals, &signal);
	memset(page, 0xaa, 1 << 20);
	if (ioctl(uffd, UFFDIO_COPY, &(struct uffdio_copy){
			.dst = msg.arg.pagefault.address & ~4095ULL,
			.src = address(page), .len = 1 << 20 }))
		die("UFFDIO_COPY");
	return NULL;
}

static void stuck_put(void)
{
	const char *by = arg("by", "uffd");
	struct abuse_get get;
	struct abuse_put put = {};
	struct abuse_xfer x = {
		.size = sizeof(x),
		.put_size = sizeof(struct abuse_put),
		.get_size = sizeof(struct abuse_get),
		.gets = address(&get),
		.puts = address(&put),
		.timeout_ns = ABUSE_NO_TIMEOUT,
		.nr_gets = 1,
		.min_gets = 1,
		.queue = ABUSE_ANY_QUEUE,
	};
	char *bytes;

	if (!strcmp(by, "uffd")) {
		static int uffd;
		struct uffdio_api api = { .api = UFFD_API };
		struct uffdio_register range = {
			.range.len = 1 << 20,
			.mode = UFFDIO_REGISTER_MODE_MISSING,
		};
		sigset_t signals;
		pthread_t thread;

		sigemptyset(&signals);
		sigaddset(&signals, SIGUSR1);
		sigprocmask(SIG_BLOCK, &signals, NULL);
		uffd = syscall(__NR_userfaultfd, 0);
		bytes = map(1 << 20);
		range.range.start = address(bytes);
		if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &range) ||
		    pthread_create(&thread, NULL, resolve, &uffd))
			die("userfaultfd");
	} else {
		int disk = open_device(by, O_RDWR);

		bytes = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, disk, 8 << 20);
		if (bytes == MAP_FAILED)
			die("mmap");
	}
	if (ioctl(fd, ABUSE_XFER, &x))
		die("get");
	if (strcmp(by, "uffd")) {
		printf("stuck\n");
		fflush(stdout);
	}
	put.id = get.id;
	put.address = address(bytes);
	x.nr_puts = 1;
	x.nr_gets = x.min_gets = 0;
	if (ioctl(fd, ABUSE_XFER, &x))
		printf("outcome=%s\n", errname(errno));
	else
		printf("outcome=%s\n", errname(-put.status));
}

/*
 * io DISK op=read|check|write|sync|discard|zeroes|size [offset=] [length=]
 *	[byte= | from=FILE] [vector=BYTES] [threads=] [stride=] [fua=1] [buffered=1]
 * The data is so many of the byte, or what the file begins with, in one piece
 * of memory or in vectors with gaps as large between them. Thread N works at offset + N * stride, which is the length if not given.
 * Neighbours that have to wait may become one request. Prints how many failed
 * and how, and exits 1 when any did. A failed read that changed the memory is
 * told too.
 */
static struct {
	int fd, fua, byte, failed, changed, error;
	const char *op;
	char *from;
	__u64 offset, length, stride, vector;
} io;

/* Where byte N of the data is. */
static char *io_place(char *memory, __u64 n)
{
	return memory + n + n / io.vector * io.vector;
}

static char io_byte(__u64 n)
{
	return io.from ? io.from[n] : io.byte;
}

static void *one_io(void *data)
{
	__u64 range[2] = { io.offset + (uintptr_t)data * io.stride, io.length };
	int nr = io.length / io.vector;
	struct iovec vecs[nr];
	char *memory = NULL;
	ssize_t ret;
	__u64 size;

	if (strchr("rcw", *io.op)) {
		memory = map(2 * io.length + 4096);
		memset(memory, 0x5a, 2 * io.length);
		for (int i = 0; i < nr; i++)
			vecs[i] = (struct iovec){ io_place(memory, i * io.vector), io.vector };
	}
	if (!strcmp(io.op, "read") || !strcmp(io.op, "check")) {
		ret = preadv(io.fd, vecs, nr, range[0]);
		if (ret >= 0 && ret != (ssize_t)io.length) {
			ret = -1;
			errno = ENODATA;
		}
		for (__u64 n = 0; n < io.length; n++) {
			char byte = *io_place(memory, n);

			if (ret < 0 && byte != 0x5a)
				io.changed = 1;
			if (ret > 0 && *io.op == 'c' && byte != io_byte(n)) {
				fprintf(stderr, "byte %llu is %#x\n", (ull)(range[0] + n), byte & 0xff);
				ret = -1;
				errno = EILSEQ;
				break;
			}
		}
	} else if (!strcmp(io.op, "write")) {
		for (__u64 n = 0; n < io.length; n++)
			*io_place(memory, n) = io_byte(n);
		ret = pwritev2(io.fd, vecs, nr, range[0], io.fua ? RWF_DSYNC : 0);
	} else if (!strcmp(io.op, "sync")) {
		ret = fsync(io.fd);
	} else if (!strcmp(io.op, "discard")) {
		ret = ioctl(io.fd, BLKDISCARD, range);
	} else if (!strcmp(io.op, "zeroes")) {
		ret = ioctl(io.fd, BLKZEROOUT, range);
	} else if (!strcmp(io.op, "size")) {
		ret = ioctl(io.fd, BLKGETSIZE64, &size);
		printf("size=%llu\n", (ull)size);
	} else {
		usage(io.op);
	}
	if (ret < 0) {
		io.error = errno;
		__atomic_fetch_add(&io.failed, 1, __ATOMIC_RELAXED);
	}
	if (memory)
		munmap(memory, 2 * io.length + 4096);
	return NULL;
}

static void run_io(const char *disk)
{
	unsigned int nr = num("threads", 1);
	pthread_t threads[1024];
	pthread_attr_t attr;

	io.op = arg("op", "read");
	io.fd = open_device(disk, (*io.op == 'r' || *io.op == 'c' ? O_RDONLY : O_RDWR) |
			    (arg("buffered", NULL) ? 0 : O_DIRECT));
	io.fua = num("fua", 0);
	io.byte = num("byte", 0);
	io.offset = num("offset", 0);
	io.length = num("length", 4096);
	io.stride = num("stride", io.length);
	io.vector = num("vector", io.length);
	if (arg("from", NULL)) {
		io.from = map(io.length);
		read_file(arg("from", NULL), io.from, io.length);
	}
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 << 10);
	for (unsigned int n = 1; n < nr; n++)
		if (pthread_create(&threads[n], &attr, one_io, (void *)(uintptr_t)n))
			die("thread");
	one_io(NULL);
	for (unsigned int n = 1; n < nr; n++)
		pthread_join(threads[n], NULL);
	if (io.failed) {
		fprintf(stderr, "%d failed: %s%s\n", io.failed, errname(io.error),
			io.changed ? ", and memory was changed" : "");
		exit(1);
	}
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

/* clean MODULE...: every device reset, the modules unloaded; some 20 seconds for each */
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
	} else if (!strcmp(command, "serve"))
		say(fd);
	else if (!strcmp(command, "requeue")) {
		if (ioctl(fd, ABUSE_REQUEUE))
			die("REQUEUE");
	} else if (!strcmp(command, "xfer"))
		xfer();
	else if (!strcmp(command, "poll"))
		wait_ready();
	else if (!strcmp(command, "copy-loop"))
		copy_loop();
	else if (!strcmp(command, "uevents"))
		uevents();
	else if (!strcmp(command, "server"))
		run_server(argv[2]);
	else if (!strcmp(command, "stuck-put"))
		stuck_put();
	else
		usage(command);
	return 0;
}
