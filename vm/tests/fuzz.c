// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random calls of a control node, while others use its disk.
 *
 *	fuzz DEVICE disk=DISK [calls=1000000] [threads=3] [seed=]
 *
 * Most calls are nearly right: they get requests and put them, with one thing
 * or another that is wrong. What must hold, whatever is called:
 *
 *  - a read of the disk has nothing in it but what was put, bytes PUT;
 *  - what a get brings of a write is what was written, bytes WRITTEN, or zeros;
 *  - no byte of the caller's memory changes that the call did not name. Each
 *    thread has an arena, of bytes UNNAMED and far from all else; what a call
 *    names is restored after it;
 *  - an error is one that the ABI knows.
 *
 * There is a reset every few thousand calls. Prints the seed and what was done.
 */
#define _GNU_SOURCE
#include "args.h"
#include "../../module/uapi/abuse.h"
#include <linux/fs.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#define UNNAMED		0xc5
#define PUT		0x74
#define WRITTEN		0x77
#define UNREAD		0x5a

#define BLOCK		4096		/* of the disk, and what buffers are aligned to */
#define ARENA		(16 * PAGE)
#define GUARD		(16 << 20)	/* further than the pieces of a buffer reach */
#define USED		(16 << 20)	/* of the disk */
#define READAHEAD	(1 << 20)	/* behind it */
#define SOURCE		(2 << 20)
#define RACY		(16 * PAGE)
#define MAX_THREADS	16
#define NODES		6

typedef unsigned long long ull;

static const char *device, *disk;
static __u64 nr_calls, seed;
static bool stop;
static int nodes[NODES];

static char *source;		/* read-only, bytes PUT */
static char *moving;		/* the same, now and then */
static char *shared;		/* structures of all threads, written by all at once */

/* What was handed out lately, by whichever node */
static struct abuse_get seen[256];
static unsigned int nr_seen;
static pthread_mutex_t seen_lock = PTHREAD_MUTEX_INITIALIZER;

static struct {
	ull gets, puts, refused, errors, resets, reads, failed_reads, payloads;
} total;

#define COUNT(what, n) __atomic_fetch_add(&total.what, (n), __ATOMIC_RELAXED)

struct fuzzer {
	__u64 random, call;
	char *arena;
	bool racy;		/* the structures of this call are in `shared` */
	struct { char *at; size_t len; } named[1024];
	unsigned int nr_named;
	struct { unsigned int nr; const char *what; int err; } last[16];
};

static __u64 any(struct fuzzer *f)
{
	f->random ^= f->random >> 12;
	f->random ^= f->random << 25;
	f->random ^= f->random >> 27;
	return f->random * 0x2545f4914f6cdd1dULL;
}

static __u64 below(struct fuzzer *f, __u64 n)
{
	return (any(f) >> 16) % n;
}

static bool once_in(struct fuzzer *f, unsigned int n)
{
	return !below(f, n);
}

static void bug(struct fuzzer *f, const char *what, ull value)
{
	printf("BUG: %s (%#llx), seed=%#llx call=%llu\n", what, value, (ull)seed, f ? (ull)f->call : 0);
	for (unsigned int n = 1; f && n <= 16 && n <= f->call; n++) {
		unsigned int at = (f->call - n) % 16;

		printf("  %u before: %s %#x: %s\n", n, f->last[at].what, f->last[at].nr, errname(f->last[at].err));
	}
	fflush(stdout);
	/* Or the users of the disk could not end */
	nr_calls = 0;
	usleep(100000);
	ioctl(nodes[0], ABUSE_RESET);
	_exit(1);
}

static bool all(const char *p, int byte, size_t len)
{
	return !len || ((unsigned char)*p == byte && !memcmp(p, p + 1, len - 1));
}

static void *map(void *at, size_t len, int prot, int flags, int fd)
{
	void *p = mmap(at, len, prot, flags | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

/* Memory between two stretches that nobody may touch */
static char *guarded(size_t len)
{
	char *p = map(NULL, len + 2 * GUARD, PROT_NONE, MAP_PRIVATE, -1);

	return map(p + GUARD, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, -1);
}

static __u64 address(const void *p)
{
	return (uintptr_t)p;
}

static void *pointer(__u64 address)
{
	return (void *)(uintptr_t)address;
}

/* The kernel may write there, as far as it is in the arena */
static void name(struct fuzzer *f, void *at, size_t len)
{
	__u64 arena = address(f->arena), from = address(at), to = from + len;

	if (to < from || to > arena + ARENA)
		to = arena + ARENA;
	if (from < arena)
		from = arena;
	if (from >= to)
		return;
	f->named[f->nr_named].at = pointer(from);
	f->named[f->nr_named].len = to - from;
	f->nr_named++;
}

/* Where threads write the same structure at once; each kind has its own place */
enum kind { XFER, PUTS, GETS, BUFFER, HEADER, VECS, INFO, CONFIG, STATUS, DATA, PIECES, SERVE, KINDS };

/* Room in the arena, now and then across its end, or where others write, too */
static void *room(struct fuzzer *f, enum kind kind, size_t len)
{
	size_t at;

	if (f->racy)
		return shared + kind * RACY;
	if (once_in(f, 100))
		return f->arena + ARENA - (len ? below(f, len) : 0);
	at = len < ARENA ? below(f, ARENA - len) : 0;
	return f->arena + (once_in(f, 8) ? at : at & ~7ULL);
}

/* An address that is wrong, or may be */
static __u64 bad(struct fuzzer *f)
{
	const __u64 addresses[] = {
		0, 1, BAD_ADDRESS, address(f->arena - PAGE), address(f->arena - 8), address(f->arena + ARENA),
		address(f->arena + ARENA + PAGE - 1), address(source), 1ULL << 47, (1ULL << 47) - PAGE,
		0xffff888000001000ULL, 0xffffffff81000000ULL, ~0ULL, ~0ULL - PAGE + 1, 0xfffffffffffff001ULL,
	};

	return addresses[below(f, sizeof(addresses) / sizeof(*addresses))];
}

/* Where the data of a read comes from: whatever is there, it is bytes PUT */
static __u64 from(struct fuzzer *f, size_t len)
{
	if (once_in(f, 12))
		return bad(f);
	if (once_in(f, 12))
		return address(source + SOURCE - below(f, len + 1));
	return address((once_in(f, 4) ? moving : source) + below(f, SOURCE - len + 1));
}

/* Where the data of a write goes */
static __u64 to(struct fuzzer *f, size_t len)
{
	char *at;

	if (f->racy || once_in(f, 12))
		return bad(f);
	if (once_in(f, 4))
		return 0;
	at = room(f, DATA, len);
	name(f, at, len);
	return address(at);
}

static void remember(const struct abuse_get *get)
{
	pthread_mutex_lock(&seen_lock);
	seen[nr_seen++ % 256] = *get;
	pthread_mutex_unlock(&seen_lock);
}

/* A request that was handed out, mostly of late; or one with another id */
static struct abuse_get recall(struct fuzzer *f)
{
	struct abuse_get get;

	pthread_mutex_lock(&seen_lock);
	get = seen[(nr_seen - 1 - below(f, once_in(f, 8) ? 256 : 12)) % 256];
	pthread_mutex_unlock(&seen_lock);
	if (once_in(f, 12)) {
		/* It may be any request: only a source is right for all of them. */
		get.id = once_in(f, 4) ? any(f) : once_in(f, 3) ? get.id ^ 1ULL << below(f, 64) :
			 get.id + below(f, 5) - 2;
		get.command = ABUSE_READ;
	}
	if (get.length > ABUSE_MAX_REQUEST)
		get.length = 0;	/* of a discard */
	return get;
}

static void check_get(struct fuzzer *f, const struct abuse_get *get)
{
	if (!get->id || get->command > ABUSE_WRITE_ZEROES || get->flags > 63)
		bug(f, "a request that makes no sense", get->command);
	if (get->command == ABUSE_SYNC_NOTIFICATION ? get->length || get->sector :
	    !get->length || (get->sector << 9) + get->length > USED + READAHEAD)
		bug(f, "a request for a place that nobody used", get->sector);
}

/* Makes the call, and checks what it must not do */
static int call(struct fuzzer *f, unsigned int nr, const char *what, __u64 arg)
{
	static const int known[] = { 0, EINVAL, EFAULT, E2BIG, EFBIG, ENODEV, ENOMSG, EBUSY, EINTR, EOPNOTSUPP,
				     ENOTTY, ENOMEM, EALREADY };
	int node = nodes[once_in(f, 4) ? below(f, NODES) : f->call % 2];
	int err = ioctl(node, nr, pointer(arg)) ? errno : 0;

	f->last[f->call % 16].nr = nr;
	f->last[f->call % 16].what = what;
	f->last[f->call % 16].err = err;
	f->call++;
	for (unsigned int n = 0; n < sizeof(known) / sizeof(*known); n++)
		if (err == known[n])
			return err;
	bug(f, "an error that the ABI does not know", err);
	return err;
}

static void check_memory(struct fuzzer *f)
{
	for (unsigned int n = 0; n < f->nr_named; n++)
		memset(f->named[n].at, UNNAMED, f->named[n].len);
	f->nr_named = 0;
	if (f->call % 16 == 0 && !all(f->arena, UNNAMED, ARENA)) {
		size_t at = 0;

		while ((unsigned char)f->arena[at] == UNNAMED)
			at++;
		bug(f, "memory changed that no call named", at);
	}
	if (f->call % 4096 == 0 && !all(source, PUT, SOURCE))
		bug(f, "read-only memory changed", 0);
}

/* Writes a structure where the kernel reads it, as far as there is room */
static void store(struct fuzzer *f, void *at, const void *from, size_t len)
{
	size_t there = f->racy ? RACY : (size_t)(f->arena + ARENA - (char *)at);

	name(f, at, len);
	memcpy(at, from, len < there ? len : there);
}

/* Whether all of it is there to be looked at */
static bool inside(struct fuzzer *f, const void *at, size_t len)
{
	return !f->racy && (char *)at >= f->arena && (char *)at + len <= f->arena + ARENA;
}

static bool overlap(const void *a, __u64 a_len, const void *b, __u64 b_len)
{
	return address(a) - address(b) < b_len || address(b) - address(a) < a_len;
}

static void check_payload(struct fuzzer *f, const struct abuse_xfer *x, const struct abuse_get *get)
{
	const char *data = pointer(get->address);

	/* Unless the buffer goes round the end of all addresses */
	if (x->buffer + x->buffer_size < x->buffer)
		return;
	if (get->address < x->buffer || get->address + get->length > x->buffer + x->buffer_size ||
	    get->address % BLOCK)
		bug(f, "data outside of the buffer", get->address);
	if (get->command != ABUSE_WRITE || !inside(f, data, get->length))
		return;
	COUNT(payloads, 1);
	if (all(data, WRITTEN, get->length))
		return;
	for (__u32 n = 0; n < get->length; n++) {
		if (data[n] == WRITTEN || !data[n])
			continue;
		printf("byte %u of %u at arena + %#tx is %#x, buffer %#llx of %#llx, %u gets\n", n, get->length,
		       data + n - f->arena, data[n] & 0xff, (ull)x->buffer - address(f->arena), (ull)x->buffer_size,
		       x->nr_gets);
		bug(f, "a write has other data than was written", get->sector);
	}
}

/* The data of a put in pieces, which mostly are as long as it is together */
static void in_pieces(struct fuzzer *f, struct abuse_put *put, const struct abuse_get *get)
{
	struct abuse_piece pieces[8];
	__u64 left = put->length ?: get->length - put->offset;
	unsigned int nr = 1 + below(f, 8);
	void *at;

	for (unsigned int n = 0; n < nr; n++) {
		pieces[n].length = n == nr - 1 ? left : below(f, left + 1);
		pieces[n].address = get->command == ABUSE_WRITE ? to(f, pieces[n].length) : from(f, pieces[n].length);
		left -= pieces[n].length;
	}
	if (once_in(f, 8))
		pieces[below(f, nr)].length = any(f);
	at = room(f, PIECES, sizeof(pieces));
	store(f, at, pieces, sizeof(pieces));
	put->address = once_in(f, 20) ? bad(f) : address(at);
	put->nr_pieces = once_in(f, 20) ? any(f) : nr;
}

static void fuzz_xfer(struct fuzzer *f)
{
	struct abuse_put puts[80];
	unsigned int nr_puts, nr_gets;
	struct abuse_xfer x = {
		.size = sizeof(x), .put_size = sizeof(struct abuse_put), .get_size = sizeof(struct abuse_get),
		.queue = ABUSE_ANY_QUEUE
	};
	struct abuse_xfer *arg;
	struct abuse_get *gets;
	int err;

	nr_puts = once_in(f, 50) ? below(f, 80) : below(f, 5);
	nr_gets = once_in(f, 30) ? below(f, 80) : below(f, 8);
	for (unsigned int n = 0; n < nr_puts; n++) {
		struct abuse_get get = recall(f);

		puts[n] = (struct abuse_put){
			.id = get.id,
			.address = get.command == ABUSE_WRITE ? to(f, get.length) : from(f, get.length),
			.result = once_in(f, 300) ? any(f) : once_in(f, 10) ? ABUSE_RESULT_COPY :
				  once_in(f, 10) ? ABUSE_RESULT_MEDIA_FAILURE :
				  once_in(f, 1000) ? ABUSE_RESULT_DEVICE_FAILURE : ABUSE_RESULT_OKAY,
			.status = any(f),
		};
		if (puts[n].result == ABUSE_RESULT_COPY && get.length && once_in(f, 2)) {
			puts[n].offset = below(f, get.length);
			puts[n].length = once_in(f, 8) ? any(f) : below(f, get.length - puts[n].offset + 1);
		}
		if (get.length && puts[n].length <= get.length && once_in(f, 8))
			in_pieces(f, &puts[n], &get);
		if (once_in(f, 500))
			puts[n].reserved = any(f);
	}
	x.get_size += once_in(f, 20) ? 8 * below(f, 5) : 0;
	x.flags = once_in(f, 4) ? ABUSE_XFER_NO_FAULT : once_in(f, 5000) ? ABUSE_XFER_DRAIN :
		  once_in(f, 100) ? any(f) & ~ABUSE_XFER_DRAIN : 0;
	x.nr_puts = nr_puts;
	x.nr_gets = nr_gets;
	if (once_in(f, 20)) {
		x.min_gets = below(f, nr_gets + 1);
		x.timeout_ns = below(f, 500000);
	}
	if (once_in(f, 4))
		x.queue = below(f, 3);
	if (once_in(f, 2)) {
		x.buffer = f->racy ? address(shared + BUFFER * RACY) : address(f->arena) + BLOCK * below(f, 8 * PAGE / BLOCK);
		x.buffer_size = PAGE << below(f, 4);
	}
	x.puts = address(room(f, PUTS, nr_puts * sizeof(*puts)));
	store(f, pointer(x.puts), puts, nr_puts * sizeof(*puts));
	if (once_in(f, 50))
		x.puts = bad(f);
	x.gets = once_in(f, 50) ? bad(f) : address(room(f, GETS, nr_gets * x.get_size));
	gets = pointer(x.gets);
	name(f, gets, nr_gets * x.get_size);
	switch (below(f, 400)) {
	case 0: x.size = any(f); break;
	case 1: x.nr_puts = any(f); break;
	case 2: x.nr_gets = ABUSE_MAX_BATCH + below(f, 2); break;
	case 3: x.min_gets = any(f); break;
	case 4: x.buffer = bad(f); break;
	case 5: x.buffer_size = any(f); break;
	case 6: x.queue = any(f); break;
	case 7: x.buffer += 1ULL << below(f, 13); break;
	case 8: x.buffer = ~0ULL << 12; x.buffer_size = ~0ULL; break;
	case 9: x.put_size = once_in(f, 2) ? 2 * sizeof(*puts) : any(f); break;
	case 10: x.get_size = any(f); break;
	case 11: x.reserved = any(f); break;
	}
	/* That may be more than was meant. */
	if (x.nr_puts <= ABUSE_MAX_BATCH)
		name(f, pointer(x.puts), (size_t)x.nr_puts * x.put_size);
	if (x.nr_gets <= ABUSE_MAX_BATCH)
		name(f, gets, (size_t)x.nr_gets * x.get_size);
	name(f, pointer(x.buffer), x.buffer_size);

	arg = room(f, XFER, sizeof(x));
	store(f, arg, &x, sizeof(x));
	err = call(f, ABUSE_XFER, "XFER", once_in(f, 100) ? bad(f) : address(arg));
	COUNT(errors, !!err);
	if (err || !inside(f, arg, sizeof(x)))
		return;
	if (arg->nr_puts > x.nr_puts || arg->nr_gets > x.nr_gets)
		bug(f, "more than there was room for", arg->nr_gets);
	COUNT(puts, arg->nr_puts);
	COUNT(refused, x.nr_puts - arg->nr_puts);
	COUNT(gets, arg->nr_gets);

	/* What is behind each other in memory is written over each other. */
	nr_gets = arg->nr_gets;
	if (!inside(f, gets, nr_gets * x.get_size) || overlap(arg, sizeof(*arg), gets, nr_gets * x.get_size) ||
	    overlap(pointer(x.buffer), x.buffer_size, gets, nr_gets * x.get_size) ||
	    overlap(pointer(x.buffer), x.buffer_size, arg, sizeof(*arg)))
		return;
	for (unsigned int n = 0; n < nr_gets; n++) {
		struct abuse_get get;

		memcpy(&get, (char *)gets + n * x.get_size, sizeof(get));
		check_get(f, &get);
		if (get.address)
			check_payload(f, &x, &get);
		remember(&get);
	}
}

/* The pieces of a request in the ABI of 2009 */
static unsigned int pieces(const struct abuse_get *get)
{
	return get->command > ABUSE_WRITE ? !!get->length : (get->length + PAGE - 1) / PAGE;
}

static void fuzz_get_bio(struct fuzzer *f)
{
	struct abuse_vec *vecs = room(f, VECS, ABUSE_MAX_VECS * sizeof(*vecs));
	struct abuse_xfr_hdr hdr = {
		.ab_id = any(f),
		.ab_command = any(f),
		.ab_vec_count = any(f),
		.ab_transfer_address = once_in(f, 4) ? 0 : once_in(f, 10) ? bad(f) : address(vecs),
	};
	struct abuse_xfr_hdr *arg = room(f, HEADER, sizeof(hdr));
	struct abuse_get get = {};
	struct abuse_vec last;

	store(f, arg, &hdr, sizeof(hdr));
	name(f, pointer(hdr.ab_transfer_address), ABUSE_MAX_VECS * sizeof(*vecs));
	if (call(f, ABUSE_GET_BIO, "GET_BIO", once_in(f, 50) ? bad(f) : address(arg)) ||
	    !inside(f, arg, sizeof(hdr)) || overlap(arg, sizeof(hdr), vecs, ABUSE_MAX_VECS * sizeof(*vecs)))
		return;
	memcpy(&hdr, arg, sizeof(hdr));
	if (hdr.ab_vec_count > ABUSE_MAX_VECS)
		bug(f, "more pieces than ever", hdr.ab_vec_count);
	get.id = hdr.ab_id;
	get.sector = hdr.ab_sector;
	get.command = hdr.ab_command;
	get.length = hdr.ab_vec_count * PAGE;
	/* The last piece is shorter; or the only one, of a discard, longer. */
	if (hdr.ab_vec_count && inside(f, vecs, hdr.ab_vec_count * sizeof(*vecs)) &&
	    hdr.ab_transfer_address == address(vecs)) {
		memcpy(&last, &vecs[hdr.ab_vec_count - 1], sizeof(last));
		get.length += last.ab_len - PAGE;
	}
	check_get(f, &get);
	COUNT(gets, 1);
	remember(&get);
}

static void fuzz_put_bio(struct fuzzer *f)
{
	struct abuse_get get = recall(f);
	struct abuse_vec vecs[ABUSE_MAX_VECS], *at;
	struct abuse_xfr_hdr hdr = {
		.ab_id = get.id,
		.ab_sector = get.sector,
		.ab_command = get.command,
		.ab_result = once_in(f, 10) ? below(f, 5) == 2 : ABUSE_RESULT_OKAY,
		.ab_vec_count = pieces(&get),
	};
	struct abuse_xfr_hdr *arg = room(f, HEADER, sizeof(hdr));
	unsigned int nr = pieces(&get);

	for (unsigned int n = 0; n < nr; n++) {
		unsigned int len = get.command > ABUSE_WRITE ? get.length :
				   n < nr - 1 ? PAGE : get.length - (nr - 1) * PAGE;

		vecs[n] = (struct abuse_vec){
			.ab_address = get.command == ABUSE_WRITE ? to(f, len) : from(f, PAGE),
			.ab_len = once_in(f, 500) ? any(f) : len,
			.ab_offset = any(f),
		};
	}
	at = room(f, VECS, nr * sizeof(*vecs));
	/* Or the header would be vectors, too, whose addresses are of the arena. */
	if (overlap(arg, sizeof(hdr), at, nr * sizeof(*vecs)))
		return;
	store(f, at, vecs, nr * sizeof(*vecs));
	hdr.ab_transfer_address = once_in(f, 20) ? bad(f) : address(at);
	if (once_in(f, 20))
		hdr.ab_vec_count = any(f);
	if (once_in(f, 50))
		hdr.ab_sector ^= 1ULL << below(f, 64);
	store(f, arg, &hdr, sizeof(hdr));
	if (!call(f, ABUSE_PUT_BIO, "PUT_BIO", once_in(f, 50) ? bad(f) : address(arg)))
		COUNT(puts, 1);
}

static struct abuse_config good_config(struct fuzzer *f)
{
	return (struct abuse_config){
		.size = sizeof(struct abuse_config),
		.flags = ABUSE_FLAGS_WRITE_CACHE | ABUSE_FLAGS_DISCARD | ABUSE_FLAGS_WRITE_ZEROES,
		.capacity = USED,
		.block_size = 512 << below(f, 4),
		.queue_depth = 1 + below(f, 64),
		.queues = below(f, 2),
		.max_request = once_in(f, 8) ? 0 : PAGE << below(f, 4),
	};
}

static void fuzz_setup(struct fuzzer *f)
{
	struct abuse_config config = good_config(f), *arg;
	struct abuse_status status = { .size = sizeof(status) };

	config.flags |= ABUSE_FLAGS_RECONNECT | (once_in(f, 20) ? ABUSE_FLAGS_READ_ONLY : 0);
	if (!ioctl(nodes[0], ABUSE_STATUS, &status) && status.capacity) {
		config.block_size = status.block_size;
		config.capacity = status.capacity + (once_in(f, 50) ? config.block_size : 0);
		config.queues = config.max_request = config.physical_block_size = 0;
	}
	config.timeout_ms = once_in(f, 10) ? below(f, 3000) : 0;
	switch (below(f, 40)) {
	case 0: config.size = once_in(f, 2) ? any(f) : sizeof(config) + below(f, 64); break;
	case 1: config.flags = any(f); break;
	case 2: config.capacity = any(f); break;
	case 3: config.block_size = 1U << below(f, 32); break;
	case 4: config.queue_depth = any(f); break;
	case 5: config.queues = any(f); break;
	case 6: config.max_request = any(f); break;
	case 7: config.timeout_ms = any(f); break;
	case 8: config.physical_block_size = any(f); break;
	}
	arg = room(f, CONFIG, sizeof(config));
	store(f, arg, &config, sizeof(config));
	call(f, ABUSE_SETUP, "SETUP", once_in(f, 20) ? bad(f) : address(arg));
}

static void fuzz_set_status(struct fuzzer *f)
{
	struct abuse_info info = {
		.ab_size = USED + below(f, 4) * 4096,
		.ab_flags = once_in(f, 4) ? any(f) : ABUSE_FLAGS_RECONNECT,
		.ab_blocksize = once_in(f, 4) ? any(f) : 512ULL << below(f, 4),
		.ab_max_queue = once_in(f, 4) ? any(f) : 1 + below(f, 64),
	};
	struct abuse_info *arg = room(f, INFO, sizeof(info));

	store(f, arg, &info, sizeof(info));
	call(f, ABUSE_SET_STATUS, "SET_STATUS", once_in(f, 20) ? bad(f) : address(arg));
}

static void fuzz_get_status(struct fuzzer *f)
{
	/* Not four bytes more, which a structure of 64 bits has behind it */
	size_t len = offsetof(struct abuse_info, ab_max_vecs) + sizeof(__u32);
	char *arg = room(f, INFO, len);

	name(f, arg, len);
	call(f, ABUSE_GET_STATUS, "GET_STATUS", once_in(f, 20) ? bad(f) : address(arg));
}

static void fuzz_status(struct fuzzer *f)
{
	__u32 size = once_in(f, 10) ? any(f) : once_in(f, 4) ? below(f, 2 * sizeof(struct abuse_status)) :
		     sizeof(struct abuse_status);
	void *arg = room(f, STATUS, size < ARENA ? size : ARENA);

	store(f, arg, &size, sizeof(size));
	name(f, arg, size);
	call(f, ABUSE_STATUS, "STATUS", once_in(f, 20) ? bad(f) : address(arg));
}

static void fuzz_serve(struct fuzzer *f)
{
	struct abuse_serve serve = {
		.size = once_in(f, 20) ? any(f) : sizeof(serve),
		.flags = once_in(f, 20) ? any(f) : 0,
		.queue = once_in(f, 20) ? any(f) : once_in(f, 4) ? below(f, 3) : ABUSE_ANY_QUEUE,
		.identity = { below(f, 3) },
		.text = "fuzz",
	};
	void *arg = room(f, SERVE, sizeof(serve));

	if (once_in(f, 20))
		memset(serve.text, 'x', sizeof(serve.text));
	store(f, arg, &serve, sizeof(serve));
	call(f, ABUSE_SERVE, "SERVE", once_in(f, 20) ? bad(f) : address(arg));
}

/* Everything fails, unless the disk is in use, and there is a device again afterwards */
static void fuzz_reset(struct fuzzer *f, unsigned int nr, const char *what)
{
	struct abuse_config config = good_config(f);

	COUNT(resets, 1);
	call(f, nr, what, any(f));
	if (ioctl(nodes[0], ABUSE_SETUP, &config) && errno != EBUSY)
		bug(f, "a good setup was refused", errno);
}

/* What is no ioctl of ours, and other system calls */
static void fuzz_other(struct fuzzer *f)
{
	struct pollfd p = { .fd = nodes[below(f, NODES)], .events = any(f) };
	int node;

	switch (below(f, 8)) {
	case 0:
		/* Whoever is in a call keeps the old one until the call returns */
		node = open_device(device, once_in(f, 2) ? O_RDONLY : O_RDWR);
		dup2(node, nodes[below(f, NODES)]);
		close(node);
		break;
	case 1:
		if (read(p.fd, f->arena, below(f, 100)) >= 0 || write(p.fd, f->arena, below(f, 100)) >= 0)
			bug(f, "read or write of a control node", 0);
		break;
	case 2:
		if (mmap(NULL, PAGE, PROT_READ, MAP_SHARED, p.fd, 0) != MAP_FAILED || lseek(p.fd, 1, SEEK_SET) >= 0)
			bug(f, "mmap or lseek of a control node", 0);
		break;
	case 3:
		do
			node = once_in(f, 2) ? 0x4100 + below(f, 256) : any(f);
		while (node >= ABUSE_GET_STATUS && node <= 0x412f);
		call(f, node, "ioctl", any(f));
		break;
	case 4:
		call(f, ABUSE_SET_POLL, "SET_POLL", any(f));
		break;
	default:
		poll(&p, 1, 0);
	}
}

static void *fuzz(void *data)
{
	struct fuzzer *f = data;

	while (f->call < __atomic_load_n(&nr_calls, __ATOMIC_RELAXED)) {
		unsigned int what = below(f, 10000);

		f->racy = once_in(f, 30);
		if (what < 1)
			fuzz_reset(f, ABUSE_RESET, "RESET");
		else if (what < 3)
			fuzz_reset(f, ABUSE_REMOVE, "REMOVE");
		else if (what < 20)
			fuzz_serve(f);
		else if (what < 60)
			fuzz_setup(f);
		else if (what < 90)
			fuzz_set_status(f);
		else if (what < 600)
			fuzz_get_status(f);
		else if (what < 900)
			fuzz_status(f);
		else if (what < 1000)
			call(f, ABUSE_REQUEUE, "REQUEUE", any(f));
		else if (what < 1800)
			fuzz_get_bio(f);
		else if (what < 3000)
			fuzz_put_bio(f);
		else if (what < 3300)
			fuzz_other(f);
		else
			fuzz_xfer(f);
		check_memory(f);
	}
	return NULL;
}

/* What a read brought is bytes PUT; where it brought nothing it may be as it was */
static void check_read(const char *memory, size_t read, size_t len, __u64 at, bool direct)
{
	for (size_t n = 0; n < len; n++) {
		if (memory[n] == PUT || (n >= read && memory[n] == UNREAD))
			continue;
		printf("byte %zu of %zu is %#x, %zu were read, %s\n", n, len, memory[n] & 0xff, read,
		       direct ? "direct" : "buffered");
		bug(NULL, "a read has other data than was put", at);
	}
}

/* Sources come and go while they are read */
static void *move(void *data)
{
	int file = *(int *)data;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		map(moving, SOURCE, PROT_NONE, MAP_PRIVATE | MAP_FIXED, -1);
		usleep(500);
		map(moving, SOURCE, PROT_READ, MAP_SHARED | MAP_FIXED, file);
		usleep(500);
	}
	return NULL;
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
	(void)ret;	/* errors are in the nature of this */
}

static void *use_disk(void *data)
{
	struct fuzzer f = { .random = seed + (uintptr_t)data * 7919 };
	bool direct = (uintptr_t)data % 3;
	char *memory = map(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1);

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		/* Often anew: after a reset it is another disk */
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

int main(int argc, char **argv)
{
	unsigned int nr_threads, n;
	static struct fuzzer fuzzers[MAX_THREADS];
	pthread_t threads[MAX_THREADS], users[6], mover;
	struct abuse_config config;
	struct timespec now;
	int file;

	if (argc < 2)
		usage("fuzz DEVICE disk=DISK [calls=] [threads=] [seed=]");
	args = argv + 2;
	device = argv[1];
	disk = arg("disk", NULL);
	nr_threads = num("threads", 3);
	nr_calls = num("calls", 1000000) / nr_threads;
	clock_gettime(CLOCK_REALTIME, &now);
	seed = num("seed", now.tv_sec * 1000003ULL ^ now.tv_nsec) | 1;
	printf("seed=%#llx\n", (ull)seed);
	fflush(stdout);
	if (nr_threads > MAX_THREADS)
		usage("threads");

	file = memfd_create("source", 0);
	if (file < 0 || ftruncate(file, SOURCE))
		die("memfd");
	memset(map(NULL, SOURCE, PROT_READ | PROT_WRITE, MAP_SHARED, file), PUT, SOURCE);
	source = map(guarded(SOURCE), SOURCE, PROT_READ, MAP_SHARED | MAP_FIXED, file);
	moving = guarded(SOURCE);
	shared = guarded(KINDS * RACY);
	for (n = 0; n < NODES; n++)
		nodes[n] = open_device(device, O_RDWR);
	for (n = 0; n < nr_threads; n++) {
		fuzzers[n].random = seed + n * 104729;
		fuzzers[n].arena = guarded(ARENA);
		memset(fuzzers[n].arena, UNNAMED, ARENA);
	}
	config = good_config(&fuzzers[0]);
	if (ioctl(nodes[0], ABUSE_SETUP, &config) && errno != EBUSY)
		die("SETUP");

	if (pthread_create(&mover, NULL, move, &file))
		die("thread");
	for (n = 0; disk && n < 6; n++)
		if (pthread_create(&users[n], NULL, use_disk, (void *)(uintptr_t)n))
			die("thread");
	for (n = 0; n < nr_threads; n++)
		if (pthread_create(&threads[n], NULL, fuzz, &fuzzers[n]))
			die("thread");
	for (n = 0; n < nr_threads; n++)
		pthread_join(threads[n], NULL);

	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	if (ioctl(nodes[0], ABUSE_RESET))
		die("RESET");
	for (n = 0; disk && n < 6; n++)
		pthread_join(users[n], NULL);
	pthread_join(mover, NULL);
	printf("calls=%llu\ngets=%llu\nputs=%llu\nrefused=%llu\nerrors=%llu\nresets=%llu\nreads=%llu\nfailed_reads=%llu\npayloads=%llu\n",
	       (ull)nr_calls * nr_threads, total.gets, total.puts, total.refused, total.errors, total.resets,
	       total.reads, total.failed_reads, total.payloads);
	if (disk && (!total.reads || !total.puts))
		bug(NULL, "nothing was done", 0);
	return 0;
}
