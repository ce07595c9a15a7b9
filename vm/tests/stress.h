/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the stress test share. */
#ifndef STRESS_H
#define STRESS_H

#include "args.h"
#include "../../module/uapi/abuse.h"
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/types.h>

#define BLOCK		4096
#define SIZE		(16 << 20)
#define USERS		8
#define BLOCKS		480U		/* of a user; after all of them there is room for discards */
#define MOST		16		/* blocks of an I/O */
#define SERVERS		3
#define DEPTH		64

typedef unsigned long long ull;

extern const char *device, *disk, *name;
extern bool calm;
extern __u64 seed;
extern char *store;

struct totals {
	ull ios, errors, kills, stops, requeues, resets, reconnects, unloads, forks;
	ull longest_ms;
};

extern struct totals total;

#define COUNT(what) __atomic_fetch_add(&total.what, 1, __ATOMIC_RELAXED)

struct user {
	unsigned int index;
	__u64 random, version;
	int fd;
	/* For each block, the last write that was answered, and the last that was tried */
	__u64 answered[BLOCKS], tried[BLOCKS];
};

/* stress.c */
bool stopped(void);
__u64 any(__u64 *random);
__u64 below(__u64 *random, __u64 n);
_Noreturn void bug(const char *what, ull value);

/* stress-server.c */
void answer(struct abuse_xfer *x, struct abuse_put *puts, const struct abuse_get *gets);
pid_t start_server(void);

/* stress-disk.c */
void *use_disk(void *data);

/* stress-mischief.c */
struct abuse_config config(__u64 *random);
void *mischief(void *data);

#endif
