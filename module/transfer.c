// SPDX-License-Identifier: GPL-2.0
/*
 * Trying puts together: a first pass under the lock makes their slots busy, then all
 * data is copied, and a second pass ends them. It must not wait for memory, nor know
 * why a put is tried.
 */
#include "copy.h"
#include "slot.h"
#include "trace.h"
#include "transfer.h"
#include "wait.h"

static void abuse_count_latency(struct abuse_queue *q,
				const struct abuse_slot *slot, u64 now)
{
	u64 ns = now > slot->start ? now - slot->start : 0;
	u32 us = min_t(u64, div_u64(ns, NSEC_PER_USEC), U32_MAX);
	u32 bucket;

	bucket = us;
	if (us >= 4)
		bucket = 4 * (ilog2(us) - 1) + (us >> (ilog2(us) - 2)) % 4;
	q->count.latency[min(bucket, ABUSE_LATENCY_BUCKETS - 1)]++;
}

/* What the submitter of a request is told. */
static blk_status_t abuse_result_status(u32 result)
{
	switch (result) {
	case ABUSE_RESULT_OKAY:
		return BLK_STS_OK;
	case ABUSE_RESULT_NO_SPACE:
		return BLK_STS_NOSPC;
	case ABUSE_RESULT_TIMEOUT:
		return BLK_STS_TIMEOUT;
	case ABUSE_RESULT_REMOTE_FAILURE:
		return BLK_STS_TARGET;
	case ABUSE_RESULT_RETRY:
		return ABUSE_STS_RETRY;
	default:
		return BLK_STS_IOERR;
	}
}

/* Checks what does not depend on the request. Returns 0 or a negative errno. */
static int abuse_check_put(const struct abuse_put *put)
{
	if (put->status)
		return put->status;
	if (put->result > ABUSE_RESULT_RETRY || put->reserved ||
	    put->nr_pieces > ABUSE_MAX_PIECES)
		return -EINVAL;
	if ((put->offset || put->length) && put->result != ABUSE_RESULT_COPY)
		return -EINVAL;
	return 0;
}

/* Returns how many bytes a put copies, or a negative errno. */
static s64 abuse_put_length(struct request *rq, const struct abuse_put *put)
{
	u32 bytes = blk_rq_bytes(rq);

	if (put->result != ABUSE_RESULT_OKAY &&
	    put->result != ABUSE_RESULT_COPY)
		return 0;
	if (req_op(rq) != REQ_OP_READ && req_op(rq) != REQ_OP_WRITE)
		return put->offset || put->length ? -EINVAL : 0;
	if (put->offset > bytes || put->length > bytes - put->offset)
		return -EINVAL;
	if (req_op(rq) == REQ_OP_WRITE && !put->address)
		return 0;
	return put->length ?: bytes - put->offset;
}

/*
 * Makes the slot of a put busy. Returns -EAGAIN for a put whose data is in
 * pieces, if they have not been copied yet.
 */
static int abuse_transfer_begin(struct abuse_queue *q,
				struct abuse_client *client,
				struct abuse_put *put, bool copied,
				struct abuse_transfer *t)
{
	struct abuse_slot *slot;
	s64 length = 0;
	int err;

	lockdep_assert_held(&q->lock);
	t->slot = NULL;
	t->end = NULL;
	err = abuse_check_put(put);
	if (err)
		return err;
	slot = abuse_slot_find(q, client, put->id);
	if (IS_ERR(slot)) {
		if (PTR_ERR(slot) == -ENOMSG)
			abuse_slot_stale(q, client, put->id);
		return PTR_ERR(slot);
	}
	if (put->result == ABUSE_RESULT_RETRY &&
	    (!q->set->mappable || !blk_rq_bytes(slot->rq)))
		return -EINVAL;
	if (!copied)
		length = abuse_put_length(slot->rq, put);
	if (length < 0)
		return length;
	if (length && put->nr_pieces)
		return -EAGAIN;
	t->length = length;
	t->slot = slot;
	slot->state = ABUSE_SLOT_BUSY;
	slot->recall = ABUSE_RECALL_NONE;
	return 0;
}

static void abuse_transfer_free(struct abuse_queue *q, struct abuse_transfer *t,
				blk_status_t status)
{
	if (status == ABUSE_STS_RETRY)
		t->slot->rq->rq_flags |= RQF_QUIET;
	else if (status != BLK_STS_OK)
		q->count.errors++;
	t->status = status;
	t->end = abuse_slot_free(q, t->slot);
}

/*
 * Ends the busy state of a slot. Returns the status of the put, -EAGAIN if the
 * copy is not complete.
 */
static int abuse_transfer_finish(struct abuse_queue *q,
				 const struct abuse_put *put,
				 struct abuse_transfer *t, u64 now)
{
	struct abuse_slot *slot = t->slot;
	bool complete = t->done == t->length;

	lockdep_assert_held(&q->lock);
	if (slot->recall == ABUSE_RECALL_REQUEUE &&
	    q->state == ABUSE_QUEUE_LIVE) {
		abuse_slot_repend(q, slot, true);
		return -ENOMSG;
	}
	/* What was taken from its owner is not answered by him, whatever comes next. */
	if (complete && put->result != ABUSE_RESULT_COPY &&
	    slot->recall != ABUSE_RECALL_REQUEUE) {
		q->count.puts++;
		trace_abuse_put(q, slot, put->result, now);
		abuse_count_latency(q, slot, now);
		abuse_transfer_free(q, t, abuse_result_status(put->result));
		return 0;
	}
	if (q->state != ABUSE_QUEUE_LIVE ||
	    slot->recall == ABUSE_RECALL_EXPIRE) {
		/* It should have failed while it was busy. */
		if (q->state == ABUSE_QUEUE_LIVE) {
			trace_abuse_expire(q, slot);
			q->count.timeouts++;
		} else {
			trace_abuse_cancel(q, slot);
		}
		abuse_transfer_free(q, t, BLK_STS_IOERR);
		return -ENOMSG;
	}
	slot->state = ABUSE_SLOT_OWNED;
	return complete ? 0 : -EAGAIN;
}

/*
 * Drops the lock of @q and takes that of @next, unless they are the same. The
 * two annotations hide this from sparse, which cannot follow locks in a loop.
 */
static struct abuse_queue *abuse_queue_switch(struct abuse_queue *q,
					      struct abuse_queue *next)
{
	if (q != next) {
		if (q) {
			spin_unlock(&q->lock);
			__acquire(&q->lock);
		}
		if (next) {
			spin_lock(&next->lock);
			__release(&next->lock);
		}
	}
	return next;
}

static void abuse_transfer_end(struct abuse_queue *q, struct abuse_transfer *t,
			       struct io_comp_batch *batch)
{
	/*
	 * The end of a batch does not restart the hardware queue, so requests
	 * that a lowered depth holds back would wait for a timer.
	 */
	if (READ_ONCE(q->depth) < q->set->nr_tags)
		batch = NULL;
	if (t->status != BLK_STS_OK ||
	    !blk_mq_add_to_batch(t->end, batch, 0, blk_mq_end_request_batch))
		blk_mq_end_request(t->end, t->status);
}

/* Whether put @i names a request that an earlier put of the chunk has not ended. */
static bool abuse_is_repeated(const struct abuse_put *puts,
			      const struct abuse_transfer *ts, unsigned int i)
{
	unsigned int j;

	for (j = 0; j < i; j++) {
		if ((ts[j].slot || puts[j].status == -EAGAIN) &&
		    puts[j].id == puts[i].id)
			return true;
	}
	return false;
}

/**
 * abuse_transfer_try() - try puts without a page fault
 * @set: the queues
 * @client: the owner of the requests
 * @puts: the answers; each gets its status, -EAGAIN if it has to be tried again
 * @ts: their progress
 * @nr: how many
 * @copied: their data has been copied already
 */
void abuse_transfer_try(struct abuse_set *set, struct abuse_client *client,
			struct abuse_put *puts, struct abuse_transfer *ts,
			unsigned int nr, bool copied)
{
	DEFINE_IO_COMP_BATCH(batch);
	struct abuse_queue *q = NULL;
	unsigned int i, answered = 0, lost = 0;
	bool later = false;
	u64 now;

	for (i = 0; i < nr; i++) {
		/* Puts of one request are carried out in their order. */
		if (unlikely(later) && !puts[i].status &&
		    abuse_is_repeated(puts, ts, i)) {
			ts[i].slot = NULL;
			ts[i].end = NULL;
			puts[i].status = -EAGAIN;
			continue;
		}
		q = abuse_queue_switch(q, abuse_queue_of(set, puts[i].id));
		puts[i].status = abuse_transfer_begin(q, client, &puts[i],
						      copied, &ts[i]);
		if (unlikely(puts[i].status == -EBUSY) &&
		    abuse_is_repeated(puts, ts, i))
			puts[i].status = -EAGAIN;
		later |= puts[i].status == -EAGAIN;
	}
	abuse_queue_switch(q, NULL);

	for (i = 0; i < nr; i++) {
		struct abuse_transfer *t = &ts[i];

		if (t->slot && t->done < t->length)
			t->done += abuse_rq_copy(t->slot->rq,
						 puts[i].offset + t->done,
						 t->length - t->done,
						 abuse_user_ptr(puts[i].address) +
						 t->done);
	}

	now = ktime_get_ns();
	q = NULL;
	for (i = 0; i < nr; i++) {
		if (!ts[i].slot)
			continue;
		q = abuse_queue_switch(q, abuse_queue_of(set, puts[i].id));
		puts[i].status = abuse_transfer_finish(q, &puts[i], &ts[i],
						       now);
		answered += !puts[i].status && ts[i].end;
		if (puts[i].status == -ENOMSG) {
			abuse_slot_stale(q, client, puts[i].id);
			lost++;
		}
	}
	abuse_queue_switch(q, NULL);
	if (answered)
		atomic64_add(answered, &client->puts);

	for (i = 0; i < nr; i++) {
		q = abuse_queue_of(set, puts[i].id);
		if (ts[i].end)
			abuse_transfer_end(q, &ts[i], &batch);
		if (lost && ts[i].slot)
			abuse_wake(q);
	}
	if (batch.complete)
		batch.complete(&batch);
}
