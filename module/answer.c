// SPDX-License-Identifier: GPL-2.0
/*
 * Puts, and copies of a part, until they have ended: one that needs memory that is
 * not present, or whose data is in pieces, is tried again by itself after the others
 * of its chunk. It must not know which ioctl the caller used.
 */
#include "answer.h"
#include "cancel.h"
#include "copy.h"
#include "slot.h"
#include "transfer.h"

/* Makes the memory of a put present and tries again, until it is all copied. */
static int abuse_transfer_alone(struct abuse_set *set,
				struct abuse_client *client,
				struct abuse_put *put, struct abuse_transfer *t,
				bool from_user)
{
	int err;

	do {
		err = abuse_fault_in(abuse_user_ptr(put->address) + t->done,
				     t->length - t->done, from_user);
		if (err)
			return err;
		put->status = 0;
		abuse_transfer_try(set, client, put, t, 1, false);
	} while (put->status == -EAGAIN);
	return put->status;
}

static int abuse_copy_one(struct abuse_set *set, struct abuse_client *client,
			  struct abuse_put *put, struct abuse_transfer *t,
			  bool from_user, bool no_fault)
{
	put->status = 0;
	abuse_transfer_try(set, client, put, t, 1, false);
	if (put->status == -EAGAIN && !no_fault)
		return abuse_transfer_alone(set, client, put, t, from_user);
	return put->status;
}

/**
 * abuse_copy() - copy a part of a request's data
 * @set: the queues
 * @client: the request's owner
 * @get: the request
 * @offset: where the part starts, bytes
 * @length: bytes
 * @address: of user memory: the source of a read, the destination of a write
 * @no_fault: fail with -EAGAIN rather than wait for memory
 *
 * Return: 0, -EINVAL, -ENOMSG, -EBUSY, -EFAULT, -EINTR.
 */
int abuse_copy(struct abuse_set *set, struct abuse_client *client,
	       const struct abuse_get *get, u32 offset, u32 length, u64 address,
	       bool no_fault)
{
	struct abuse_transfer t = { };
	struct abuse_put put = {
		.id		= get->id,
		.address	= address,
		.result		= ABUSE_RESULT_COPY,
		.offset		= offset,
		.length		= length,
	};

	/* A put with address 0 would copy nothing. */
	if (!address)
		return -EFAULT;
	return abuse_copy_one(set, client, &put, &t,
			      get->command == ABUSE_READ, no_fault);
}

/* Copies the pieces that the data of a put is in, then ends the put. */
static int abuse_transfer_pieces(struct abuse_set *set,
				 struct abuse_client *client,
				 struct abuse_put *put, bool no_fault)
{
	struct abuse_transfer t = { };
	u32 i, end, offset = put->offset;
	struct abuse_get get;
	int err;

	err = abuse_peek(set, client, put->id, &get);
	if (err)
		return err;
	end = put->length ? offset + put->length : get.length;
	for (i = 0; i < put->nr_pieces; i++) {
		struct abuse_piece piece;

		err = abuse_read_piece(&piece, put->address, i, no_fault);
		if (!err && piece.length > end - offset)
			err = -EINVAL;
		if (!err && piece.length)
			err = abuse_copy(set, client, &get, offset,
					 piece.length, piece.address, no_fault);
		if (err)
			return err;
		offset += piece.length;
	}
	if (offset != end)
		return -EINVAL;
	put->status = 0;
	abuse_transfer_try(set, client, put, &t, 1, true);
	return put->status;
}

/* Tries a put again that could not end together with its chunk. */
static int abuse_transfer_again(struct abuse_set *set,
				struct abuse_client *client,
				struct abuse_put *put, struct abuse_transfer *t,
				bool no_fault)
{
	struct abuse_get get;
	int err;

	if (put->nr_pieces) {
		put->status = 0;
		/* It may have waited only for another put of its request. */
		abuse_transfer_try(set, client, put, t, 1, false);
		if (put->status == -EAGAIN)
			put->status = abuse_transfer_pieces(set, client, put,
							    no_fault);
		return put->status;
	}
	/* A put without a slot was never begun: another one had its request. */
	if (no_fault && t->slot)
		return -EAGAIN;
	err = abuse_peek(set, client, put->id, &get);
	if (err)
		return err;
	return abuse_copy_one(set, client, put, t, get.command == ABUSE_READ,
			      no_fault);
}

/**
 * abuse_answer() - put requests, with their data
 * @set: the queues
 * @client: the owner of the requests
 * @puts: the answers. Each status is 0 or an error that was found before; out:
 *	0, -EINVAL, -ENOMSG, -EBUSY, -EFAULT, -EINTR
 * @nr: how many, up to ABUSE_CHUNK
 * @no_fault: a put that would have to wait for memory gets -EAGAIN
 *
 * Return: how many were taken.
 */
unsigned int abuse_answer(struct abuse_set *set, struct abuse_client *client,
			  struct abuse_put *puts, unsigned int nr,
			  bool no_fault)
{
	struct abuse_transfer ts[ABUSE_CHUNK] __uninitialized;
	unsigned int i, taken = 0;
	bool failure = false;

	for (i = 0; i < nr; i++)
		ts[i].done = 0;
	abuse_transfer_try(set, client, puts, ts, nr, false);
	for (i = 0; i < nr; i++) {
		struct abuse_put *put = &puts[i];

		if (unlikely(put->status == -EAGAIN))
			put->status = abuse_transfer_again(set, client, put,
							   &ts[i], no_fault);
		if (put->status)
			continue;
		taken++;
		failure |= put->result == ABUSE_RESULT_DEVICE_FAILURE;
	}
	if (unlikely(failure))
		abuse_fail(set, ABUSE_QUEUE_FAILED);
	return taken;
}

/**
 * abuse_end() - put a request that has no data, or whose data has been copied
 * @set: the queues
 * @client: the request's owner
 * @id: the request
 * @result: enum abuse_result
 *
 * Return: 0, -EINVAL, -ENOMSG, -EBUSY.
 */
int abuse_end(struct abuse_set *set, struct abuse_client *client, u64 id,
	      u32 result)
{
	struct abuse_put put = { .id = id, .result = result };
	struct abuse_transfer t = { };

	if (result > ABUSE_RESULT_DEVICE_FAILURE)
		return -EINVAL;
	abuse_transfer_try(set, client, &put, &t, 1, true);
	if (!put.status && result == ABUSE_RESULT_DEVICE_FAILURE)
		abuse_fail(set, ABUSE_QUEUE_FAILED);
	return put.status;
}
