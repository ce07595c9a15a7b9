// SPDX-License-Identifier: GPL-2.0-only
/* The commands of the client that get requests and put them by hand. */
#define _GNU_SOURCE
#include "client.h"
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>

/*
 * xfer [put=ID[:RESULT[:data|0|bad|half|absent]]]... [gets=ROOM] [min=] [timeout=MS]
 *	[queue=] [flags=] [size=] [tail=] [fill=BYTE] [in=FILE] [out=FILE:BYTES]
 *	[buffer=BYTES] [buffer_shift=] [buffer_size=] [dump=FILE] [nr_puts=] [puts=bad]
 *	[gets_at=bad] [put_size=] [get_size=] [put_tail=BYTE] [offset=] [length=]
 *	[reserved=] [pieces=BYTES,BYTES,...] [busy=NS] [arg=bad|readonly, the structure]
 * A put's "data" is what `in` has, followed by `fill`, 2 MiB in all; it is copied
 * to `out` afterwards. "half" is the last page before memory ends, and "absent"
 * was never touched. With pieces the data is in that many, each a page after the
 * end of the one before; "bad" is then the address of the last one, and
 * "0" stands for no pieces.
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

/* Element of an array whose elements are `size` bytes */
static void *element(void *array, size_t size, unsigned int n)
{
	return (char *)array + size * n;
}

static const char *status_of(const struct abuse_put *put)
{
	return put->status == 12345 ? "untouched" : errname(-put->status);
}

void xfer(void)
{
	union {
		struct abuse_xfer xfer;
		unsigned char bytes[4096];
	} *u = map(sizeof(*u));
	struct abuse_xfer *x = &u->xfer;
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
		if (arg("pieces", NULL) && strcmp(where, "0")) {
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
		.busy_ns = num("busy", 0),
	};
	u->bytes[sizeof(*x)] = num("tail", 0);
	if (!strcmp(arg("arg", ""), "readonly") && mprotect(u, sizeof(*u), PROT_READ))
		die("mprotect");
	err = ioctl(fd, ABUSE_XFER, !strcmp(arg("arg", ""), "bad") ? (void *)BAD_ADDRESS : x) ? errno : 0;
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

/*
 * copy-loop: gets a request, prints "copies", and copies its data again and again
 * until that is refused; then prints the error
 */
void copy_loop(void)
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
 * stuck-put [by=uffd|DISK] [timeout=MS]: waits for a request and puts data that
 * is not in memory. uffd: the page fault waits for SIGUSR1, and then the bytes
 * are 0xaa. DISK: the data is a mapping of that disk, 8 MiB into it. Prints
 * "stuck" before the put, and its outcome after it.
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

/* Memory whose first use waits for SIGUSR1 */
static char *map_stuck(void)
{
	static int uffd;
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range.len = 1 << 20,
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	char *bytes = map(1 << 20);
	sigset_t signals;
	pthread_t thread;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	uffd = syscall(__NR_userfaultfd, 0);
	range.range.start = address(bytes);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &range) ||
	    pthread_create(&thread, NULL, resolve, &uffd))
		die("userfaultfd");
	return bytes;
}

void stuck_put(void)
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
		bytes = map_stuck();
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
 * stuck-get: a get of 2009 whose argument is not in memory, until SIGUSR1 comes.
 * Prints "stuck" before and the outcome after.
 */
void stuck_get(void)
{
	int err = ioctl(fd, ABUSE_GET_BIO, map_stuck()) ? errno : 0;

	printf("outcome=%s\n", errname(err));
}
