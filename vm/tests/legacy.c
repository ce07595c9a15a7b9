// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client of the ABI of 2009, with numbers and layouts of its own: if the module
 * drifts away from them, this does not drift along. Built for 64 and 32 bits.
 *
 *	legacy COMMAND DEVICE [KEY=VALUE ...]	every field can be given
 *	legacy 2009 COMMAND DEVICE		makes the calls and the output of
 *						the tool of 2009
 *
 * See main() for the commands. `get` prints its request as KEY=VALUE lines,
 * which `put from=FILE` reads again; later arguments win.
 */
#define _GNU_SOURCE
#include "args.h"
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

enum {
	GET_STATUS	= 0x4120,
	SET_STATUS	= 0x4121,
	SET_POLL	= 0x4122,
	RESET		= 0x4123,
	GET_BIO		= 0x4124,
	PUT_BIO		= 0x4125,
};

struct info {
	uint64_t device, size;
	uint32_t number, flags, blocksize, max_queue, queue_size, errors, max_vecs;
};

struct vec {
	uint64_t address;
	uint32_t len, offset;
};

struct hdr {
	uint64_t id, sector;
	uint32_t command, result, vec_count, vec_offset;
	uint64_t transfer_address;
};

/* Only i386 aligns 64 bits to 32, so the structure has no padding there. */
#ifdef __i386__
_Static_assert(sizeof(struct info) == 44, "without padding");
#else
_Static_assert(sizeof(struct info) == 48, "with padding");
#endif
_Static_assert(offsetof(struct info, max_vecs) == 40, "both layouts");
_Static_assert(sizeof(struct vec) == 16, "both layouts");
_Static_assert(sizeof(struct hdr) == 40, "both layouts");

#define OLD_POLLMSG	0x0400
#define ROOM		512	/* vectors, as in the tool of 2009 */
#define GUARD		0xa5

/*
 * The tool casts its pointers like this. With 32 bits that extends the sign, so
 * addresses in the upper half arrive as 0xffffffffXXXXXXXX.
 */
#define ADDRESS(pointer) ((uint64_t)(pointer))

static int fd;

/* Returns the argument of an ioctl: that of the client, or a bad one */
static void *pointer(void *good)
{
	const char *text = arg("arg", "good");

	return !strcmp(text, "null") ? NULL :
	       !strcmp(text, "bad") ? (void *)BAD_ADDRESS : good;
}

static void info(void)
{
	unsigned char memory[sizeof(struct info) + 64];
	struct info *i = (void *)memory;
	const char *tail = "untouched";

	memset(memory, GUARD, sizeof(memory));
	if (ioctl(fd, GET_STATUS, pointer(i)))
		die("GET_STATUS");
	for (size_t n = 44; n < sizeof(memory); n++)
		if (memory[n] != GUARD)
			tail = "overwritten";
	printf("device=%#llx\nsize=%llu\nnumber=%u\nflags=%u\nblocksize=%u\nmax_queue=%u\nqueue_size=%u\nerrors=%u\nmax_vecs=%u\ntail=%s\n",
	       (unsigned long long)i->device, (unsigned long long)i->size,
	       i->number, i->flags, i->blocksize, i->max_queue, i->queue_size,
	       i->errors, i->max_vecs, tail);
}

static void setup(void)
{
	struct info i;

	/* Fields that are only "out" contain garbage on purpose. */
	memset(&i, GUARD, sizeof(i));
	i.size = num("size", 16 << 20);
	i.blocksize = num("blocksize", 4096);
	i.max_queue = num("max_queue", 128);
	i.flags = num("flags", 0);
	if (ioctl(fd, SET_STATUS, pointer(&i)))
		die("SET_STATUS");
}

static void get(void)
{
	static struct vec vecs[ROOM + 1];
	struct hdr h;
	const char *transfer = arg("transfer", "good");
	unsigned int written = 0;
	int err;

	/* The vectors are full of garbage, which shows what GET_BIO does not fill. */
	memset(vecs, GUARD, sizeof(vecs));
	memset(&h, arg("garbage", NULL) ? GUARD : 0, sizeof(h));
	h.transfer_address = !strcmp(transfer, "null") ? 0 :
			     !strcmp(transfer, "bad") ? BAD_ADDRESS : ADDRESS(vecs);
	err = ioctl(fd, GET_BIO, pointer(&h)) ? errno : 0;
	for (unsigned int n = 0; n < ROOM + 1; n++)
		for (unsigned int b = 0; b < sizeof(struct vec); b++)
			if (((unsigned char *)&vecs[n])[b] != GUARD)
				written = n + 1;
	printf("id=%#llx\nsector=%llu\ncommand=%u\nresult=%u\nvec_count=%u\nvec_offset=%u\nwritten=%u\ntransfer_address=%s\n",
	       (unsigned long long)h.id, (unsigned long long)h.sector,
	       h.command, h.result, h.vec_count, h.vec_offset, written,
	       h.transfer_address == ADDRESS(vecs) ? "same" : h.transfer_address ? "other" : "0");
	for (unsigned int n = 0; !err && n < h.vec_count && n < written; n++)
		printf("len%u=%u\noffset%u=%u\naddress%u=%#llx\n", n, vecs[n].len, n,
		       vecs[n].offset, n, (unsigned long long)vecs[n].address);
	if (err) {
		errno = err;
		die("GET_BIO");
	}
}

/* Adds the lines of a file before the other arguments */
static void read_args(const char *name)
{
	static char text[64 << 10], *all[4096];
	FILE *f = fopen(name, "r");
	size_t n = 0;

	if (!f)
		die(name);
	text[fread(text, 1, sizeof(text) - 1, f)] = 0;
	fclose(f);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		all[n++] = line;
	for (char **a = args; *a; a++)
		all[n++] = *a;
	args = all;
}

/*
 * put from=FILE [fill=BYTE|in=FILE] [out=FILE] [transfer=null|bad]
 *	[bad=PIECE] [lenN=BYTES] and every field of the header
 */
static void put(void)
{
	static struct vec vecs[ROOM];
	const char *transfer = arg("transfer", "good"), *in = arg("in", NULL);
	size_t bytes = 0, room = 4 << 20;
	char *data = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct hdr h;

	memset(data, num("fill", 0), room);
	if (in) {
		int file = open(in, O_RDONLY);

		if (file < 0 || read(file, data, room) < 0)
			die(in);
	}
	h.id = num("id", 0);
	h.sector = num("sector", 0);
	h.command = num("command", 0);
	h.result = num("result", 0);
	h.vec_count = num("vec_count", 0);
	h.vec_offset = num("vec_offset", 0);
	h.transfer_address = !strcmp(transfer, "null") ? 0 :
			     !strcmp(transfer, "bad") ? BAD_ADDRESS : ADDRESS(vecs);
	for (unsigned int n = 0; n < h.vec_count && n < ROOM; n++) {
		char key[16];

		snprintf(key, sizeof(key), "len%u", n);
		vecs[n].len = num(key, PAGE);
		vecs[n].address = n == num("bad", ROOM) ? BAD_ADDRESS : ADDRESS(data + bytes);
		bytes += vecs[n].len;
	}
	if (ioctl(fd, PUT_BIO, pointer(&h)))
		die("PUT_BIO");
	if (arg("out", NULL))
		write_file(arg("out", NULL), data, bytes);
}

/* poll [events=BITS] [timeout=MS]: prints what poll() returned and revents */
static void wait_ready(void)
{
	struct pollfd p = { .fd = fd, .events = num("events", OLD_POLLMSG) };
	int ret = poll(&p, 1, (int)num("timeout", -1));

	if (ret < 0)
		die("poll");
	printf("%d %x\n", ret, p.revents & 0xffff);
	fflush(stdout);
}

/*
 * The tool of 2009, with every call as the tool made it: a descriptor without
 * write access, a zeroed header, room for 512 vectors that it never mentions, no
 * checks of what comes back, and answers from malloc (here with a pattern in it).
 */
static void old_get_and_put(int answer)
{
	struct hdr h;
	struct vec vecs[ROOM];

	memset(&h, 0, sizeof(h));
	h.transfer_address = ADDRESS(vecs);
	if (ioctl(fd, GET_BIO, &h) < 0)
		die("ioctl");
	printf("%s\nsector = %lld\nvcnt = %d\n", h.command ? "WRITE" : "READ",
	       (long long)h.sector, h.vec_count);
	for (unsigned int n = 0; n < h.vec_count; n++) {
		printf("len%u = %u, offset = %x\n", n, vecs[n].len, vecs[n].offset);
		if (answer) {
			void *piece = malloc(vecs[n].len);

			memset(piece, 0x42, vecs[n].len);
			vecs[n].address = ADDRESS(piece);
		}
	}
	if (answer) {
		if (ioctl(fd, PUT_BIO, &h) < 0)
			die("ioctl");
		for (unsigned int n = 0; n < h.vec_count; n++)
			free((void *)(uintptr_t)vecs[n].address);
	}
	fflush(stdout);
}

static void old_tool(const char *command)
{
	struct info i;

	if (!strcmp(command, "reset")) {
		if (ioctl(fd, RESET) < 0)
			die("ioctl");
	} else if (!strcmp(command, "info")) {
		if (ioctl(fd, GET_STATUS, &i) < 0)
			die("ioctl");
		printf("ab_size = %lld\nab_number = %d\nab_flags = %x\nab_blocksize = %d\nab_max_queue = %d\nab_queue_size = %d\nab_errors = %d\n",
		       (long long)i.size, i.number, i.flags, i.blocksize,
		       i.max_queue, i.queue_size, i.errors);
	} else if (!strcmp(command, "setup")) {
		memset(&i, 0, sizeof(i));
		i.size = 4096 * 4096;
		i.blocksize = 4096;
		i.max_queue = 128;
		if (ioctl(fd, SET_STATUS, &i) < 0)
			die("ioctl");
	} else if (!strcmp(command, "get")) {
		old_get_and_put(0);
	} else if (!strcmp(command, "put")) {
		old_get_and_put(1);
	} else if (!strcmp(command, "poll")) {
		wait_ready();
	} else if (!strcmp(command, "server")) {
		for (;;) {
			wait_ready();
			old_get_and_put(1);
		}
	} else {
		usage(command);
	}
}

int main(int argc, char **argv)
{
	const char *command = argc > 2 ? argv[1] : "";
	int old = !strcmp(command, "2009") && argc > 3;

	args = argv + argc;
	if (argc < 3)
		usage("legacy [2009] COMMAND DEVICE [KEY=VALUE ...]");
	fd = open_device(argv[2 + old], O_RDONLY);
	if (old) {
		old_tool(argv[2]);
		return 0;
	}
	args = argv + 3;
	if (arg("from", NULL))
		read_args(arg("from", NULL));
	if (!strcmp(command, "info"))
		info();
	else if (!strcmp(command, "setup"))
		setup();
	else if (!strcmp(command, "get"))
		get();
	else if (!strcmp(command, "put"))
		put();
	else if (!strcmp(command, "poll"))
		wait_ready();
	else if (!strcmp(command, "reset")) {
		if (ioctl(fd, RESET))
			die("RESET");
	} else if (!strcmp(command, "set-poll")) {
		if (ioctl(fd, SET_POLL, NULL))
			die("SET_POLL");
	} else if (!strcmp(command, "ioctl")) {
		if (ioctl(fd, num("nr", 0), pointer(NULL)))
			die("ioctl");
	} else {
		usage(command);
	}
	return 0;
}
