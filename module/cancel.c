// SPDX-License-Identifier: GPL-2.0
/*
 * How requests fail without an answer: by a reset, a device failure, the end of
 * their time, or because nobody serves. It must not know which of these it is.
 */
#include <linux/jiffies.h>
#include <linux/sched.h>

#include "cancel.h"
#include "slot.h"
#include "trace.h"

/*
 * Whether a request has time left, though the block layer's timer has expired:
 * time stands still while its queue is quiesced, and starts anew at a resume.
 */
static bool abuse_slot_has_time(struct abuse_queue *q, struct abuse_slot *slot)
{
	lockdep_assert_held(&q->lock);
	return q->nr_pending < 0 ||
	       time_before(jiffies, READ_ONCE(slot->rq->deadline));
}

/*
 * Fails the request of a slot if it is pending or owned and, unless @only is
 * NULL, if it is that one and has no time left. If that one is busy, it is
 * failed later. Without @only, a queue that a reconnect has made live again is
 * left alone.
 */
static bool abuse_slot_cancel(struct abuse_queue *q, struct abuse_slot *slot,
			      struct request *only)
{
	struct request *rq = NULL;

	spin_lock(&q->lock);
	if (only ? only != slot->rq || abuse_slot_has_time(q, slot) :
		   q->state == ABUSE_QUEUE_LIVE) {
		/* It has just ended, or need not end any more. */
	} else if (slot->state == ABUSE_SLOT_PENDING ||
		   slot->state == ABUSE_SLOT_OWNED) {
		if (only) {
			trace_abuse_expire(q, slot);
			q->count.timeouts++;
		} else {
			trace_abuse_cancel(q, slot);
		}
		q->count.errors++;
		rq = abuse_slot_free(q, slot);
	} else if (only && slot->state == ABUSE_SLOT_BUSY &&
		   slot->recall == ABUSE_RECALL_NONE) {
		/* One that was requeued must not end by its owner's answer. */
		slot->recall = ABUSE_RECALL_EXPIRE;
	}
	spin_unlock(&q->lock);
	if (rq)
		blk_mq_end_request(rq, BLK_STS_IOERR);
	return rq;
}

/**
 * abuse_expire() - a request times out
 * @q: the hardware queue
 * @rq: the request
 *
 * Return: BLK_EH_DONE when the request was failed; BLK_EH_RESET_TIMER when
 * there is no timeout, or time is left, or when the request is busy: then it
 * fails as soon as the copy ends, unless that copy belongs to its answer.
 */
enum blk_eh_timer_return abuse_expire(struct abuse_queue *q, struct request *rq)
{
	/* None if just now the depth was reached, and the scheduler took it back. */
	int tag = READ_ONCE(rq->tag);

	if (READ_ONCE(q->set->timeout_ms) && tag >= 0 &&
	    abuse_slot_cancel(q, &q->slots[tag], rq))
		return BLK_EH_DONE;
	return BLK_EH_RESET_TIMER;
}

/**
 * abuse_cancel() - fail requests that are pending or owned
 * @set: the queues; those that are live are left alone
 */
void abuse_cancel(struct abuse_set *set)
{
	u32 i, tag;

	for (i = 0; i < set->nr; i++) {
		struct abuse_queue *q = &set->queue[i];

		for (tag = 0; tag < set->nr_tags; tag++)
			abuse_slot_cancel(q, &q->slots[tag], NULL);
		cond_resched();
	}
}

/* Between a failure and a reconnect all queues are what the last one says. */
static void abuse_fail_queues(struct abuse_set *set,
			      enum abuse_queue_state state)
{
	u32 i;

	lockdep_assert_held(&set->serve_lock);
	for (i = 0; i < set->nr; i++) {
		struct abuse_queue *q = &set->queue[i];

		spin_lock(&q->lock);
		if (q->state < state)
			q->state = state;
		spin_unlock(&q->lock);
	}
}

/**
 * abuse_fail() - fail requests that are pending or owned, and all later ones
 * @set: the queues
 * @state: their new state
 *
 * The thread that made a request busy sees @state and ends that request.
 */
void abuse_fail(struct abuse_set *set, enum abuse_queue_state state)
{
	spin_lock(&set->serve_lock);
	abuse_fail_queues(set, state);
	spin_unlock(&set->serve_lock);
	abuse_cancel(set);
}

/**
 * abuse_abandon() - whoever made the setup has gone
 * @set: the queues; their requests fail if they go with their maker
 *
 * Memory may wait for these requests, and the reset that follows for memory.
 *
 * Return: whether they do.
 */
bool abuse_abandon(struct abuse_set *set)
{
	bool gone;

	spin_lock(&set->serve_lock);
	gone = set->autoremove;
	WRITE_ONCE(set->abandoned, gone);
	if (gone)
		abuse_fail_queues(set, ABUSE_QUEUE_FAILED);
	spin_unlock(&set->serve_lock);
	if (gone)
		abuse_cancel(set);
	return gone;
}
