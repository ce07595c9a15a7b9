// SPDX-License-Identifier: GPL-2.0
/*
 * Requests from the block layer, for the hardware queues of a set. It must not
 * know disks.
 */
#include "cancel.h"
#include "requests.h"
#include "slot.h"
#include "wait.h"

static blk_status_t abuse_queue_rq(struct blk_mq_hw_ctx *hctx,
				   const struct blk_mq_queue_data *bd)
{
	struct abuse_queue *q = hctx->driver_data;
	blk_status_t status;

	switch (req_op(bd->rq)) {
	case REQ_OP_READ:
	case REQ_OP_WRITE:
	case REQ_OP_FLUSH:
	case REQ_OP_DISCARD:
	case REQ_OP_WRITE_ZEROES:
		break;
	default:
		return BLK_STS_NOTSUPP;
	}

	status = abuse_submit(q, bd->rq);
	/*
	 * By now the request may be answered and the set killed. The set is
	 * freed a grace period later, and this runs under RCU.
	 */
	if (bd->last)
		abuse_wake(q);
	return status;
}

static void abuse_commit_rqs(struct blk_mq_hw_ctx *hctx)
{
	abuse_wake(hctx->driver_data);
}

static enum blk_eh_timer_return abuse_timeout(struct request *rq)
{
	return abuse_expire(rq->mq_hctx->driver_data, rq);
}

static int abuse_init_hctx(struct blk_mq_hw_ctx *hctx, void *data,
			   unsigned int index)
{
	struct abuse_set *set = data;

	hctx->driver_data = &set->queue[index];
	return 0;
}

const struct blk_mq_ops abuse_mq_ops = {
	.queue_rq	= abuse_queue_rq,
	.commit_rqs	= abuse_commit_rqs,
	.timeout	= abuse_timeout,
	.init_hctx	= abuse_init_hctx,
};
