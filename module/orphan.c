// SPDX-License-Identifier: GPL-2.0
/*
 * Who serves the queues of a set, and how long requests wait when nobody does.
 * When that is over, the queues are orphaned: what is pending fails, and so does
 * what comes, until somebody asks for requests. It must not know who calls.
 */
#include <linux/jiffies.h>

#include "cancel.h"
#include "orphan.h"

static struct workqueue_struct *abuse_orphan_wq;

/* Moves the queues that are in one state to another. */
static void abuse_orphan_switch(struct abuse_set *set,
				enum abuse_queue_state from,
				enum abuse_queue_state to)
{
	u32 i;

	for (i = 0; i < set->nr; i++) {
		struct abuse_queue *q = &set->queue[i];

		spin_lock(&q->lock);
		if (q->state == from)
			q->state = to;
		spin_unlock(&q->lock);
	}
}

/* How long requests wait for a server, in milliseconds; 0: there is no limit. */
static u32 abuse_orphan_patience(struct abuse_set *set)
{
	lockdep_assert_held(&set->serve_lock);
	if (set->dead || set->nr_serving || set->quiesced)
		return 0;
	return set->served ? set->orphan_ms : set->unserved_ms;
}

/**
 * abuse_orphan_watch() - start the time that requests wait, or end it
 * @set: the queues, whose serve_lock is held
 *
 * A work that is about to run sees that it has come too early.
 */
void abuse_orphan_watch(struct abuse_set *set)
{
	u32 ms = abuse_orphan_patience(set);

	if (!ms) {
		cancel_delayed_work(&set->orphan);
		return;
	}
	set->orphan_at = jiffies + msecs_to_jiffies(ms);
	mod_delayed_work(abuse_orphan_wq, &set->orphan, msecs_to_jiffies(ms));
}

/*
 * Nothing more becomes pending in a queue that is orphaned. Once somebody serves
 * it is live again, and what is left is for them.
 */
static void abuse_orphan_work(struct work_struct *work)
{
	struct abuse_set *set = container_of(to_delayed_work(work),
					     struct abuse_set, orphan);
	bool late;

	spin_lock(&set->serve_lock);
	late = abuse_orphan_patience(set) &&
	       time_after_eq(jiffies, set->orphan_at);
	if (late)
		abuse_orphan_switch(set, ABUSE_QUEUE_LIVE,
				    ABUSE_QUEUE_ORPHANED);
	spin_unlock(&set->serve_lock);
	if (late)
		abuse_cancel(set);
}

/**
 * abuse_orphan_notify() - queue the work for when somebody begins to serve
 * @set: the queues, whose serve_lock is held
 *
 * Not before they are handed requests, because the work may wait for these.
 */
void abuse_orphan_notify(struct abuse_set *set)
{
	lockdep_assert_held(&set->serve_lock);
	if (set->on_served && set->nr_serving && !set->quiesced && !set->dead)
		queue_work(set->on_served_wq, set->on_served);
}

/**
 * abuse_orphan_enlist() - an open file asks for requests
 * @set: the queues
 * @client: the open file; it serves them from now on
 */
void abuse_orphan_enlist(struct abuse_set *set, struct abuse_client *client)
{
	/* That of a set that is dead by now must not replace a later one. */
	spin_lock(&set->serve_lock);
	if (set->dead || client->serves == set->epoch)
		goto out;
	if (!set->nr_serving++) {
		abuse_orphan_switch(set, ABUSE_QUEUE_ORPHANED, ABUSE_QUEUE_LIVE);
		abuse_orphan_watch(set);
		abuse_orphan_notify(set);
	}
	set->served = true;
	WRITE_ONCE(client->serves, set->epoch);
out:
	spin_unlock(&set->serve_lock);
}

/**
 * abuse_orphan_leave() - an open file is closed
 * @set: the queues
 * @client: the open file; it owns nothing any more
 */
void abuse_orphan_leave(struct abuse_set *set, struct abuse_client *client)
{
	spin_lock(&set->serve_lock);
	if (client->serves == set->epoch && !--set->nr_serving)
		abuse_orphan_watch(set);
	spin_unlock(&set->serve_lock);
}

/**
 * abuse_orphan_prepare() - get a new set ready
 * @set: the queues; their serve_lock is initialized
 */
void abuse_orphan_prepare(struct abuse_set *set)
{
	INIT_DELAYED_WORK(&set->orphan, abuse_orphan_work);
}

/**
 * abuse_orphan_end() - requests wait for nobody any more
 * @set: the queues, which are dead: nobody starts the time again
 */
void abuse_orphan_end(struct abuse_set *set)
{
	cancel_delayed_work_sync(&set->orphan);
}

/**
 * abuse_orphans_init() - get ready for sets
 *
 * Return: 0, or an error.
 */
int abuse_orphans_init(void)
{
	/* Memory may wait for the requests that it fails. */
	abuse_orphan_wq = alloc_workqueue("abuse_orphan",
					  WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return abuse_orphan_wq ? 0 : -ENOMEM;
}

/**
 * abuse_orphans_exit() - no set is left
 */
void abuse_orphans_exit(void)
{
	destroy_workqueue(abuse_orphan_wq);
}
