// SPDX-License-Identifier: GPL-2.0-only
/* Memory of the fuzzer: where calls may write, and addresses that are good or bad. */
#define _GNU_SOURCE
#include "fuzz.h"

bool all(const char *p, int byte, size_t len)
{
	return !len || ((unsigned char)*p == byte && !memcmp(p, p + 1, len - 1));
}

void *map(void *at, size_t len, int prot, int flags, int fd)
{
	void *p = mmap(at, len, prot, flags | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

/* Makes memory between two areas that nobody may touch */
char *guarded(size_t len)
{
	char *p = map(NULL, len + 2 * GUARD, PROT_NONE, MAP_PRIVATE, -1);

	return map(p + GUARD, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, -1);
}

__u64 address(const void *p)
{
	return (uintptr_t)p;
}

void *pointer(__u64 address)
{
	return (void *)(uintptr_t)address;
}

/* Notes that the kernel may write there, as far as that is in the arena */
void name(struct fuzzer *f, void *at, size_t len)
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

/* Finds room in the arena, now and then across its end, or where others write, too */
void *room(struct fuzzer *f, enum kind kind, size_t len)
{
	size_t at;

	if (f->racy)
		return shared + kind * RACY;
	if (once_in(f, 100))
		return f->arena + ARENA - (len ? below(f, len) : 0);
	at = len < ARENA ? below(f, ARENA - len) : 0;
	return f->arena + (once_in(f, 8) ? at : at & ~7ULL);
}

/* Makes an address that is bad, or may be */
__u64 bad(struct fuzzer *f)
{
	const __u64 addresses[] = {
		0, 1, BAD_ADDRESS, address(f->arena - PAGE), address(f->arena - 8), address(f->arena + ARENA),
		address(f->arena + ARENA + PAGE - 1), address(source), 1ULL << 47, (1ULL << 47) - PAGE,
		0xffff888000001000ULL, 0xffffffff81000000ULL, ~0ULL, ~0ULL - PAGE + 1, 0xfffffffffffff001ULL,
	};

	return addresses[below(f, sizeof(addresses) / sizeof(*addresses))];
}

/* Chooses where the data of a read comes from; if there is memory, its bytes are PUT */
__u64 from(struct fuzzer *f, size_t len)
{
	if (once_in(f, 12))
		return bad(f);
	if (once_in(f, 12))
		return address(source + SOURCE - below(f, len + 1));
	return address((once_in(f, 4) ? moving : source) + below(f, SOURCE - len + 1));
}

/* Chooses where the data of a write goes */
__u64 to(struct fuzzer *f, size_t len)
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

void check_memory(struct fuzzer *f)
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

/* Writes a structure to where the kernel reads it, as far as there is room */
void store(struct fuzzer *f, void *at, const void *from, size_t len)
{
	size_t there = f->racy ? RACY : (size_t)(f->arena + ARENA - (char *)at);

	name(f, at, len);
	memcpy(at, from, len < there ? len : there);
}

/* Whether all of it is there to be looked at */
bool inside(struct fuzzer *f, const void *at, size_t len)
{
	return !f->racy && (char *)at >= f->arena && (char *)at + len <= f->arena + ARENA;
}

bool overlap(const void *a, __u64 a_len, const void *b, __u64 b_len)
{
	return address(a) - address(b) < b_len || address(b) - address(a) < a_len;
}
