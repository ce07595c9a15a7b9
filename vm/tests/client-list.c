// SPDX-License-Identifier: GPL-2.0-only
/* The commands of the client that tell who has what. */
#define _GNU_SOURCE
#include "client.h"

/*
 * servers, requests, extents [nr=ROOM] [cursor=] [once=1] [size=] [tail=BYTE behind it] [flags=]
 *	[reserved=] [element_size=] [elements=bad]
 * A line for each, with its fields, from as many calls as that takes, or from `once`
 * one; then how many calls there were, what the last one told, and what became of the
 * memory behind the last element and of the part of elements that is not known.
 */
static void *element(void *array, size_t size, unsigned int n)
{
	return (char *)array + size * n;
}

static void print_server(const struct abuse_server *s)
{
	printf("server=%llu pid=%u uid=%u queue=%d flags=%u waiting=%u owned=%u oldest_ms=%u idle_ms=%u gets=%llu puts=%llu stale=%llu command=%s text=%s\n",
	       (ull)s->server, s->pid, s->uid, (int)s->queue, s->flags, s->waiting, s->owned, s->oldest_ms,
	       s->idle_ms, (ull)s->gets, (ull)s->puts, (ull)s->stale, s->command, s->text);
}

static void print_request(const struct abuse_request *r)
{
	printf("server=%llu pid=%u state=%u command=%u sector=%llu length=%u flags=%u queue=%u gets=%u age_ms=%u reserved=%u\n",
	       (ull)r->server, r->pid, r->state, r->command, (ull)r->sector, r->length, r->flags, r->queue,
	       r->gets, r->age_ms, r->reserved);
}

static void print_extent(const struct abuse_extent *e)
{
	printf("offset=%llu length=%llu target_offset=%llu target=%#llx flags=%u filesystem=%#x\n", (ull)e->offset,
	       (ull)e->length, (ull)e->target_offset, (ull)e->target, e->flags, e->filesystem);
}

void list(unsigned int call)
{
	union {
		struct abuse_list list;
		unsigned char bytes[4096];
	} u = {};
	struct abuse_list *l = &u.list;
	size_t known = call == ABUSE_SERVERS ? sizeof(struct abuse_server) :
		       call == ABUSE_REQUESTS ? sizeof(struct abuse_request) : sizeof(struct abuse_extent);
	size_t size = num("element_size", known);
	unsigned int nr = num("nr", 16), calls = 0, total = 0;
	const char *behind = "untouched", *unknown = "zero";
	unsigned char *array = map((nr + 1) * size + 4096);

	*l = (struct abuse_list){
		.size = num("size", sizeof(*l)),
		.flags = num("flags", 0),
		.elements = arg("elements", NULL) ? BAD_ADDRESS : address(array),
		.cursor = num("cursor", 0),
		.element_size = size,
		.reserved = num("reserved", 0),
	};
	u.bytes[sizeof(*l)] = num("tail", 0);
	do {
		memset(array, 0xa5, (nr + 1) * size);
		l->nr = nr;
		if (ioctl(fd, call, arg("arg", NULL) ? (void *)BAD_ADDRESS : l))
			die(call == ABUSE_SERVERS ? "SERVERS" : call == ABUSE_REQUESTS ? "REQUESTS" : "EXTENTS");
		calls++;
		total += l->nr;
		for (unsigned int n = 0; n < l->nr; n++) {
			unsigned char *e = element(array, size, n);

			if (call == ABUSE_SERVERS)
				print_server((void *)e);
			else if (call == ABUSE_REQUESTS)
				print_request((void *)e);
			else
				print_extent((void *)e);
			for (size_t i = known; i < size; i++)
				if (e[i])
					unknown = "not zero";
		}
		for (size_t i = l->nr * size; i < (nr + 1) * size; i++)
			if (array[i] != 0xa5)
				behind = "overwritten";
	} while (l->cursor && nr && !arg("once", NULL));
	printf("calls=%u\ntold=%u\ntotal=%u\ncursor=%#llx\nbehind=%s\nunknown=%s\n", calls, total, l->total,
	       (ull)l->cursor, behind, unknown);
}
