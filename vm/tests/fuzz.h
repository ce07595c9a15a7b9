/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the fuzzer share. */
#ifndef FUZZ_H
#define FUZZ_H

#include "args.h"
#include "../../module/uapi/abuse.h"
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define UNNAMED		0xc5
#define PUT		0x74
#define WRITTEN		0x77
#define UNREAD		0x5a

#define BLOCK		4096		/* of the disk, and what buffers are aligned to */
#define ARENA		(16 * PAGE)
#define GUARD		(16 << 20)	/* longer than the pieces of a buffer reach */
#define USED		(16 << 20)	/* of the disk */
#define READAHEAD	(1 << 20)	/* after that */
#define SOURCE		(2 << 20)
#define RACY		(16 * PAGE)
#define MAX_THREADS	16
#define NODES		6

typedef unsigned long long ull;

extern const char *device, *disk;
extern __u64 nr_calls, seed;
extern bool stop;
extern int nodes[NODES];
extern int target;		/* bytes PUT to begin with, or -1; then nothing is mapped */
extern int memory;		/* the same, in memory */

extern char *source;		/* read-only bytes PUT */
extern char *moving;		/* the same, now and then */
extern char *shared;		/* structures of all threads, written by all at once */

struct totals {
	ull gets, puts, refused, errors, resets, reads, failed_reads, payloads;
};

extern struct totals total;

#define COUNT(what, n) __atomic_fetch_add(&total.what, (n), __ATOMIC_RELAXED)

struct fuzzer {
	__u64 random, call;
	char *arena;
	bool racy;		/* the structures of this call are in `shared` */
	struct { char *at; size_t len; } named[1024];
	unsigned int nr_named;
	struct { unsigned int nr; const char *what; int err; } last[16];
};

/* The places where threads write the same structure at once, one for each kind */
enum kind { XFER, PUTS, GETS, BUFFER, HEADER, VECS, INFO, CONFIG, STATUS, DATA, PIECES, SERVE, LIST, ELEMENTS, QUIESCE, EXTENTS, MAP, LENT, KINDS };

/* fuzz.c */
__u64 any(struct fuzzer *f);
__u64 below(struct fuzzer *f, __u64 n);
bool once_in(struct fuzzer *f, unsigned int n);
_Noreturn void bug(struct fuzzer *f, const char *what, ull value);

/* fuzz-arena.c */
bool all(const char *p, int byte, size_t len);
void *map(void *at, size_t len, int prot, int flags, int fd);
char *guarded(size_t len);
__u64 address(const void *p);
void *pointer(__u64 address);
void name(struct fuzzer *f, void *at, size_t len);
void *room(struct fuzzer *f, enum kind kind, size_t len);
__u64 bad(struct fuzzer *f);
__u64 from(struct fuzzer *f, size_t len);
__u64 to(struct fuzzer *f, size_t len);
void check_memory(struct fuzzer *f);
void store(struct fuzzer *f, void *at, const void *from, size_t len);
bool inside(struct fuzzer *f, const void *at, size_t len);
bool overlap(const void *a, __u64 a_len, const void *b, __u64 b_len);

/* fuzz-calls.c */
void remember(const struct abuse_get *get);
struct abuse_get recall(struct fuzzer *f);
void check_get(struct fuzzer *f, const struct abuse_get *get);
int call(struct fuzzer *f, unsigned int nr, const char *what, __u64 arg);
struct abuse_config good_config(struct fuzzer *f);
void fuzz_setup(struct fuzzer *f);
void fuzz_set_status(struct fuzzer *f);
void fuzz_get_status(struct fuzzer *f);
void fuzz_status(struct fuzzer *f);
void fuzz_serve(struct fuzzer *f);
void fuzz_quiesce(struct fuzzer *f);
void fuzz_list(struct fuzzer *f, unsigned int nr, const char *what);
void fuzz_reset(struct fuzzer *f, unsigned int nr, const char *what);
void fuzz_other(struct fuzzer *f);

/* fuzz-xfer.c */
void fuzz_xfer(struct fuzzer *f);
void fuzz_get_bio(struct fuzzer *f);
void fuzz_put_bio(struct fuzzer *f);

/* fuzz-map.c */
void fuzz_map(struct fuzzer *f);
void fuzz_lent(struct fuzzer *f);

/* fuzz-disk.c */
void *use_disk(void *data);

#endif
