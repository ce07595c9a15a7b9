// SPDX-License-Identifier: GPL-2.0
/*
 * A pause: no request is handed out while the queues of a set are quiesced, so
 * that their server or its storage can be worked on. It must not know its
 * callers.
 */
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/sched/signal.h>

#include "orphan.h"
#include "quiesce.h"
#include "set.h"
#include "wait.h"

/* Between two looks at what is owned; no answer pays for telling of its end */
#define ABUSE_LOOK_AFTER	msecs_to_jiffies(20)

static void abuse_quiesce_queues(struct abuse_set *set, bool on)
{
	u32 i;

	lockdep_assert_held(&set->serve_lock);
	for (i = 0; i < set->nr; i++) {
		struct abuse_queue *q = &set->queue[i];

		spin_lock(&q->lock);
		WRITE_ONCE(q->nr_pending, q->nr_pending ^ INT_MIN);
		spin_unlock(&q->lock);
	}
	WRITE_ONCE(set->quiesced, on);
	abuse_orphan_watch(set);
	abuse_orphan_notify(set);
}

/* Gives every request its whole time again. */
static void abuse_restart_time(struct abuse_queue *q)
{
	u32 tag;

	spin_lock(&q->lock);
	for (tag = 0; tag < q->set->nr_tags; tag++) {
		struct abuse_slot *slot = &q->slots[tag];

		if (slot->state != ABUSE_SLOT_FREE)
			WRITE_ONCE(slot->rq->deadline,
				   jiffies + slot->rq->timeout);
	}
	spin_unlock(&q->lock);
}

/**
 * abuse_quiesce() - hand out no request from now on
 * @set: the queues
 */
void abuse_quiesce(struct abuse_set *set)
{
	spin_lock(&set->serve_lock);
	if (!set->quiesced)
		abuse_quiesce_queues(set, true);
	spin_unlock(&set->serve_lock);
}

/**
 * abuse_resume() - hand out requests again
 * @set: the queues
 */
void abuse_resume(struct abuse_set *set)
{
	u32 i;

	if (!READ_ONCE(set->quiesced))
		return;
	for (i = 0; i < set->nr; i++) {
		abuse_restart_time(&set->queue[i]);
		cond_resched();
	}
	spin_lock(&set->serve_lock);
	if (set->quiesced)
		abuse_quiesce_queues(set, false);
	spin_unlock(&set->serve_lock);
	for (i = 0; i < set->nr; i++)
		abuse_wake(&set->queue[i]);
}

/**
 * abuse_quiesce_wait() - wait until nothing is under way
 * @set: the queues, which were quiesced
 * @timeout_ms: 0: do not wait; ABUSE_NO_LIMIT: no limit
 * @rest: done once nothing else is under way, or NULL
 * @owned: out: requests that are owned
 *
 * Return: 0; -ETIME, -EINTR, -ECANCELED when somebody resumed, -ENODEV after a
 * reset.
 */
int abuse_quiesce_wait(struct abuse_set *set, u32 timeout_ms,
		       struct completion *rest, u32 *owned)
{
	u64 end = get_jiffies_64() + msecs_to_jiffies(timeout_ms);
	u32 pending;

	for (;;) {
		abuse_set_requests(set, &pending, owned);
		if (READ_ONCE(set->dead))
			return -ENODEV;
		if (!timeout_ms)
			return 0;
		if (!READ_ONCE(set->quiesced))
			return -ECANCELED;
		if (!*owned && (!rest || completion_done(rest)))
			return 0;
		if (signal_pending(current))
			return -EINTR;
		if (timeout_ms != ABUSE_NO_LIMIT &&
		    time_after_eq64(get_jiffies_64(), end))
			return -ETIME;
		schedule_timeout_interruptible(ABUSE_LOOK_AFTER);
	}
}
