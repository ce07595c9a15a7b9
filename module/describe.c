// SPDX-License-Identifier: GPL-2.0
/*
 * What a request of the block layer asks for, in the words of the ABI. It must
 * not know who has the request.
 */
#include <linux/blk-mq.h>
#include <linux/string.h>

#include "describe.h"

#define ABUSE_GET_HINTS	(REQ_FUA | REQ_META | REQ_RAHEAD | REQ_SWAP | \
			 REQ_NOUNMAP)

/**
 * abuse_command_of() - the command of the ABI
 * @op: what the block layer calls it
 */
u16 abuse_command_of(enum req_op op)
{
	switch (op) {
	case REQ_OP_READ:
		return ABUSE_READ;
	case REQ_OP_WRITE:
		return ABUSE_WRITE;
	case REQ_OP_DISCARD:
		return ABUSE_DISCARD;
	case REQ_OP_WRITE_ZEROES:
		return ABUSE_WRITE_ZEROES;
	default:
		return ABUSE_SYNC_NOTIFICATION;
	}
}

static u16 abuse_rq_hints(struct request *rq)
{
	blk_opf_t opf = rq->cmd_flags;
	u16 flags = 0;

	if (req_op(rq) == REQ_OP_WRITE && (opf & REQ_FUA))
		flags |= ABUSE_GET_FUA;
	if (req_op(rq) == REQ_OP_WRITE_ZEROES && (opf & REQ_NOUNMAP))
		flags |= ABUSE_GET_NOUNMAP;
	if (opf & REQ_META)
		flags |= ABUSE_GET_META;
	if (opf & REQ_RAHEAD)
		flags |= ABUSE_GET_RAHEAD;
	if (opf & REQ_SWAP)
		flags |= ABUSE_GET_SWAP;
	return flags;
}

/**
 * abuse_describe() - say what a request asks for
 * @rq: the request
 * @get: out, all but the id and what only the slot knows
 */
void abuse_describe(struct request *rq, struct abuse_get *get)
{
	memset(get, 0, sizeof(*get));
	get->command = abuse_command_of(req_op(rq));
	if (get->command != ABUSE_SYNC_NOTIFICATION) {
		get->sector = blk_rq_pos(rq);
		get->length = blk_rq_bytes(rq);
	}
	if (rq->cmd_flags & ABUSE_GET_HINTS)
		get->flags = abuse_rq_hints(rq);
}
