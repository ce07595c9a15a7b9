// SPDX-License-Identifier: GPL-2.0-only
/* Calls of the fuzzer that get and put requests, in the ABI of today and that of 2009. */
#define _GNU_SOURCE
#include "fuzz.h"

static void check_payload(struct fuzzer *f, const struct abuse_xfer *x, const struct abuse_get *get)
{
	const char *data = pointer(get->address);

	/* Not if the buffer wraps around the end of the address space */
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

/* Splits the data of a put into pieces, which mostly add up to its length */
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

void fuzz_xfer(struct fuzzer *f)
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
				  once_in(f, 20) ? ABUSE_RESULT_NO_SPACE + below(f, 4) :
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
	case 11: x.busy_ns = any(f); break;
	}
	/* This may name more memory than was meant. */
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

	/* Structures that follow each other in memory may overwrite each other. */
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

/* Returns how many pieces a request has in the ABI of 2009 */
static unsigned int pieces(const struct abuse_get *get)
{
	return get->command > ABUSE_WRITE ? !!get->length : (get->length + PAGE - 1) / PAGE;
}

void fuzz_get_bio(struct fuzzer *f)
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
	/* The last piece may be shorter, and the only piece of a discard longer. */
	if (hdr.ab_vec_count && inside(f, vecs, hdr.ab_vec_count * sizeof(*vecs)) &&
	    hdr.ab_transfer_address == address(vecs)) {
		memcpy(&last, &vecs[hdr.ab_vec_count - 1], sizeof(last));
		get.length += last.ab_len - PAGE;
	}
	check_get(f, &get);
	COUNT(gets, 1);
	remember(&get);
}

void fuzz_put_bio(struct fuzzer *f)
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
	/* Otherwise the header could be taken for vectors with addresses in the arena. */
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
