// SPDX-License-Identifier: GPL-2.0-only
/* How the fuzzer makes calls, and those of its calls that move no data. */
#define _GNU_SOURCE
#include "fuzz.h"
#include <poll.h>
#include <pthread.h>
#include <stddef.h>

/* Requests that were handed out lately, by any node */
static struct abuse_get seen[256];
static unsigned int nr_seen;
static pthread_mutex_t seen_lock = PTHREAD_MUTEX_INITIALIZER;

void remember(const struct abuse_get *get)
{
	pthread_mutex_lock(&seen_lock);
	seen[nr_seen++ % 256] = *get;
	pthread_mutex_unlock(&seen_lock);
}

/* Chooses a request that was handed out, mostly a recent one, or makes up an id */
struct abuse_get recall(struct fuzzer *f)
{
	struct abuse_get get;

	pthread_mutex_lock(&seen_lock);
	get = seen[(nr_seen - 1 - below(f, once_in(f, 8) ? 256 : 12)) % 256];
	pthread_mutex_unlock(&seen_lock);
	if (once_in(f, 12)) {
		/* This may be any request, and only a source suits all of them. */
		get.id = once_in(f, 4) ? any(f) : once_in(f, 3) ? get.id ^ 1ULL << below(f, 64) :
			 get.id + below(f, 5) - 2;
		get.command = ABUSE_READ;
	}
	if (get.length > ABUSE_MAX_REQUEST)
		get.length = 0;	/* of a discard */
	return get;
}

void check_get(struct fuzzer *f, const struct abuse_get *get)
{
	if (!get->id || get->command > ABUSE_WRITE_ZEROES || get->flags > 127)
		bug(f, "a request that makes no sense", get->command);
	if (get->command == ABUSE_SYNC_NOTIFICATION ? get->length || get->sector :
	    !get->length || (get->sector << 9) + get->length > USED + READAHEAD)
		bug(f, "a request for a place that nobody used", get->sector);
}

/* Makes the call, and checks what it must not do */
int call(struct fuzzer *f, unsigned int nr, const char *what, __u64 arg)
{
	static const int known[] = { 0, EINVAL, EFAULT, E2BIG, EFBIG, ENODEV, ENOMSG, EBUSY, EINTR, EOPNOTSUPP,
				     ENOTTY, ENOMEM, EALREADY, ETIME, ECANCELED,
				     EBADF, EACCES, EEXIST, ELOOP, EMEDIUMTYPE, ENOENT, ENOSPC, ENOTBLK };
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

struct abuse_config good_config(struct fuzzer *f)
{
	return (struct abuse_config){
		.size = sizeof(struct abuse_config),
		.flags = ABUSE_FLAGS_WRITE_CACHE | ABUSE_FLAGS_DISCARD | ABUSE_FLAGS_WRITE_ZEROES |
			 (target < 0 ? 0 : ABUSE_FLAGS_MAPPABLE),
		.capacity = USED,
		.block_size = 512 << below(f, 4),
		.queue_depth = 1 + below(f, 64),
		.queues = below(f, 2),
		.max_request = once_in(f, 8) ? 0 : PAGE << below(f, 4),
	};
}

void fuzz_setup(struct fuzzer *f)
{
	struct abuse_config config = good_config(f), *arg;
	struct abuse_status status = { .size = sizeof(status) };

	config.flags |= ABUSE_FLAGS_RECONNECT | (once_in(f, 20) ? ABUSE_FLAGS_READ_ONLY : 0) |
			(once_in(f, 3) ? ABUSE_FLAGS_AUTOREMOVE : 0);
	if (!ioctl(nodes[0], ABUSE_STATUS, &status) && status.capacity) {
		config.block_size = status.block_size;
		config.capacity = status.capacity + (once_in(f, 50) ? config.block_size : 0);
		config.queues = config.max_request = config.physical_block_size = 0;
		if (!once_in(f, 8))
			config.flags &= ~ABUSE_FLAGS_AUTOREMOVE | status.flags;
	}
	config.timeout_ms = once_in(f, 10) ? below(f, 3000) : 0;
	config.orphan_ms = once_in(f, 4) ? below(f, 20) : 0;
	config.unserved_ms = once_in(f, 4) ? below(f, 20) : 0;
	switch (below(f, 42)) {
	case 0: config.size = once_in(f, 2) ? any(f) : sizeof(config) + below(f, 64); break;
	case 1: config.flags = any(f); break;
	case 2: config.capacity = any(f); break;
	case 3: config.block_size = 1U << below(f, 32); break;
	case 4: config.queue_depth = any(f); break;
	case 5: config.queues = any(f); break;
	case 6: config.max_request = any(f); break;
	case 7: config.timeout_ms = any(f); break;
	case 8: config.physical_block_size = any(f); break;
	case 9: config.orphan_ms = any(f); break;
	case 10: config.unserved_ms = any(f); break;
	case 11: config.io_min = any(f); break;
	case 12: config.io_opt = any(f); break;
	case 13: config.discard_granularity = any(f); break;
	case 14: config.max_discard = any(f); break;
	case 15: config.max_write_zeroes = any(f); break;
	case 16: config.reserved = any(f); break;
	}
	arg = room(f, CONFIG, sizeof(config));
	store(f, arg, &config, sizeof(config));
	call(f, ABUSE_SETUP, "SETUP", once_in(f, 20) ? bad(f) : address(arg));
}

void fuzz_set_status(struct fuzzer *f)
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

void fuzz_get_status(struct fuzzer *f)
{
	/* The kernel may not write the four bytes of padding that 64 bits have. */
	size_t len = offsetof(struct abuse_info, ab_max_vecs) + sizeof(__u32);
	char *arg = room(f, INFO, len);

	name(f, arg, len);
	call(f, ABUSE_GET_STATUS, "GET_STATUS", once_in(f, 20) ? bad(f) : address(arg));
}

void fuzz_status(struct fuzzer *f)
{
	__u32 size = once_in(f, 10) ? any(f) : once_in(f, 4) ? below(f, 2 * sizeof(struct abuse_status)) :
		     sizeof(struct abuse_status);
	void *arg = room(f, STATUS, size < ARENA ? size : ARENA);

	store(f, arg, &size, sizeof(size));
	name(f, arg, size);
	call(f, ABUSE_STATUS, "STATUS", once_in(f, 20) ? bad(f) : address(arg));
}

void fuzz_serve(struct fuzzer *f)
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

/* Quiesces the device, mostly for a moment: whoever waits for its requests must not wait long. */
void fuzz_quiesce(struct fuzzer *f)
{
	struct abuse_quiesce quiesce = {
		.size = once_in(f, 20) ? any(f) : sizeof(quiesce),
		.flags = once_in(f, 20) ? any(f) : 0,
		.timeout_ms = once_in(f, 20) ? any(f) % ABUSE_MAX_TIMEOUT + ABUSE_MAX_TIMEOUT : below(f, 3),
	};
	struct abuse_quiesce resume = { .size = sizeof(resume), .flags = ABUSE_QUIESCE_RESUME };
	void *arg = room(f, QUIESCE, sizeof(quiesce));

	store(f, arg, &quiesce, sizeof(quiesce));
	call(f, ABUSE_QUIESCE, "QUIESCE", once_in(f, 20) ? bad(f) : address(arg));
	for (int n = 0; n < NODES; n++)
		if (ioctl(nodes[n], ABUSE_QUIESCE, &resume) && errno != ENODEV)
			bug(f, "a good resume was refused", errno);
}

void fuzz_list(struct fuzzer *f, unsigned int nr, const char *what)
{
	size_t known = nr == ABUSE_SERVERS ? sizeof(struct abuse_server) :
		       nr == ABUSE_REQUESTS ? sizeof(struct abuse_request) : sizeof(struct abuse_extent);
	struct abuse_list list = {
		.size = once_in(f, 20) ? any(f) : sizeof(list),
		.flags = once_in(f, 20) ? any(f) : 0,
		.cursor = once_in(f, 4) ? any(f) >> below(f, 64) : 0,
		.element_size = once_in(f, 20) ? any(f) : once_in(f, 4) ? 8 * below(f, 34) : known,
		.nr = once_in(f, 20) ? any(f) : below(f, 70),
		.reserved = once_in(f, 40) ? any(f) : 0,
	};
	__u64 len = (__u64)list.nr * list.element_size;
	void *elements, *arg;

	if (len > ARENA)
		len = ARENA;
	elements = room(f, ELEMENTS, len);
	name(f, elements, len);
	list.elements = once_in(f, 20) ? bad(f) : address(elements);
	arg = room(f, LIST, sizeof(list));
	store(f, arg, &list, sizeof(list));
	call(f, nr, what, once_in(f, 20) ? bad(f) : address(arg));
}

/* Resets the device, or removes it unless it is in use, and sets it up again */
void fuzz_reset(struct fuzzer *f, unsigned int nr, const char *what)
{
	struct abuse_config config = good_config(f);

	COUNT(resets, 1);
	call(f, nr, what, any(f));
	if (ioctl(nodes[0], ABUSE_SETUP, &config) && errno != EBUSY)
		bug(f, "a good setup was refused", errno);
}

/* Makes ioctls that the module does not have, and other system calls */
void fuzz_other(struct fuzzer *f)
{
	struct pollfd p = { .fd = nodes[below(f, NODES)], .events = any(f) };
	int node;

	switch (below(f, 8)) {
	case 0:
		/* A thread that is in a call keeps the old open file until the call returns */
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
		while (node >= ABUSE_GET_STATUS && node <= ABUSE_EXTENTS);
		call(f, node, "ioctl", any(f));
		break;
	case 4:
		call(f, ABUSE_SET_POLL, "SET_POLL", any(f));
		break;
	default:
		poll(&p, 1, 0);
	}
}
