// SPDX-License-Identifier: GPL-2.0-only
/* The calls of the fuzzer that map the disk. */
#define _GNU_SOURCE
#include "fuzz.h"

int target = -1, memory = -1;

static struct abuse_extent extent(struct fuzzer *f)
{
	struct abuse_extent e = {
		.offset = BLOCK * below(f, USED / BLOCK),
		.length = BLOCK * (1 + below(f, once_in(f, 4) ? USED / BLOCK : 64)),
		.target_offset = BLOCK * below(f, USED / BLOCK),
		.target = target,
		.flags = once_in(f, 4) ? ABUSE_EXTENT_WRITE : 0,
	};

	if (e.flags && once_in(f, 2))
		e.flags |= ABUSE_EXTENT_DISCARD;
	if (e.flags && once_in(f, 2))
		e.flags |= ABUSE_EXTENT_WRITE_ZEROES;

	if (once_in(f, 3)) {
		e.target = memory;
		e.flags |= ABUSE_EXTENT_MEMORY;
	}

	switch (below(f, 60)) {
	case 0: e.offset = any(f); break;
	case 1: e.length = any(f); break;
	case 2: e.target_offset = any(f); break;
	case 3: e.target = once_in(f, 2) ? any(f) : below(f, 20); break;
	case 4: e.flags = any(f); break;
	case 5: e.filesystem = any(f); break;
	case 6: e.offset += 512; break;
	}
	return e;
}

/* Maps, or takes away what is mapped; later calls see to it that servers get something to do. */
void fuzz_map(struct fuzzer *f)
{
	bool remove = once_in(f, 2);
	struct abuse_extents call_of = {
		.size = once_in(f, 20) ? any(f) : sizeof(call_of),
		.flags = once_in(f, 20) ? any(f) : !remove && !once_in(f, 4) ? ABUSE_MAP_REPLACE : 0,
		.element_size = once_in(f, 20) ? any(f) : sizeof(struct abuse_extent) + (once_in(f, 20) ? 8 : 0),
		.nr = once_in(f, 20) ? any(f) : below(f, 6),
		.reserved = once_in(f, 40) ? any(f) : 0,
	};
	struct abuse_extent extents[6];
	void *there = room(f, EXTENTS, sizeof(extents)), *arg;

	for (unsigned int n = 0; n < 6; n++)
		extents[n] = extent(f);
	store(f, there, extents, sizeof(extents));
	call_of.extents = once_in(f, 20) ? bad(f) : address(there);
	arg = room(f, MAP, sizeof(call_of));
	store(f, arg, &call_of, sizeof(call_of));
	call(f, remove ? ABUSE_UNMAP : ABUSE_MAP, remove ? "UNMAP" : "MAP", once_in(f, 20) ? bad(f) : address(arg));
}

/* Asks for memory that is lent, in memory that no other thread changes, because somebody has to close what it gets. */
void fuzz_lent(struct fuzzer *f)
{
	struct abuse_lent lent = {
		.size = once_in(f, 20) ? any(f) : sizeof(lent),
		.flags = once_in(f, 20) ? any(f) : 0,
		.offset = once_in(f, 20) ? any(f) : BLOCK * below(f, USED / BLOCK),
		.descriptor = -1,
		.reserved = once_in(f, 20) ? any(f) : 0,
	}, *arg;

	f->racy = false;
	arg = room(f, LENT, sizeof(lent));
	store(f, arg, &lent, sizeof(lent));
	if (once_in(f, 20)) {
		call(f, ABUSE_LENT, "LENT", bad(f));
		return;
	}
	if (call(f, ABUSE_LENT, "LENT", address(arg)))
		return;
	memcpy(&lent, arg, sizeof(lent));
	if (fcntl(lent.descriptor, F_GETFD) != FD_CLOEXEC)
		bug(f, "no descriptor of lent memory", lent.descriptor);
	close(lent.descriptor);
}
