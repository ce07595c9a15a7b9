// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a set of queues: made at setup, changed by a reconnect, killed at
 * reset, freed when nobody uses it any more. This file adds up the counters of
 * the queues and knows what is served. It must not know its callers or the disk.
 */
#include <linux/ctype.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "cancel.h"
#include "orphan.h"
#include "set.h"
#include "wait.h"

static struct workqueue_struct *abuse_free_wq;

static void abuse_set_free(struct abuse_set *set)
{
	u32 i;

	for (i = 0; i < set->nr; i++)
		kvfree(set->queue[i].slots);
	percpu_ref_exit(&set->ref);
	kvfree(set);
}

static void abuse_set_free_work(struct work_struct *work)
{
	abuse_set_free(container_of(work, struct abuse_set, free));
}

/* The last reference may be dropped under RCU or in an interrupt. */
static void abuse_set_release(struct percpu_ref *ref)
{
	struct abuse_set *set = container_of(ref, struct abuse_set, ref);

	queue_work(abuse_free_wq, &set->free);
}

static bool abuse_queue_init(struct abuse_set *set, u32 index, u64 generation)
{
	struct abuse_queue *q = &set->queue[index];
	u32 tag;

	q->slots = kvcalloc(set->nr_tags, sizeof(*q->slots),
			    GFP_KERNEL_ACCOUNT);
	if (!q->slots)
		return false;
	for (tag = 0; tag < set->nr_tags; tag++)
		q->slots[tag].generation = generation;
	spin_lock_init(&q->lock);
	q->last_cpu = -1;
	q->gather.want = 1;
	INIT_LIST_HEAD(&q->pending);
	abuse_waiting_init(&q->wait);
	q->set = set;
	q->index = index;
	return true;
}

/**
 * abuse_set_alloc() - make the hardware queues of a device
 * @config: checked by the caller
 * @number: N of /dev/abctlN
 * @generation: where ids start, see abuse_set_generation()
 * @epoch: the number of the setup
 * @any: where those wait who want a request of any queue; outlives the set
 *
 * Return: the set, to be ended with abuse_set_kill() and given up with
 * abuse_set_put(), or NULL.
 */
struct abuse_set *abuse_set_alloc(const struct abuse_config *config,
				  u32 number, u64 generation, u32 epoch,
				  struct abuse_waiting *any)
{
	struct abuse_set *set;
	u32 i;

	set = kvzalloc(struct_size(set, queue, config->queues),
		       GFP_KERNEL_ACCOUNT);
	if (!set)
		return NULL;
	if (percpu_ref_init(&set->ref, abuse_set_release, 0,
			    GFP_KERNEL_ACCOUNT)) {
		kvfree(set);
		return NULL;
	}
	INIT_WORK(&set->free, abuse_set_free_work);
	set->any = any;
	set->number = number;
	set->epoch = epoch;
	set->max_request = config->max_request;
	set->nr = config->queues;
	set->nr_tags = config->queue_depth;
	set->mappable = config->flags & ABUSE_FLAGS_MAPPABLE;
	spin_lock_init(&set->serve_lock);
	INIT_LIST_HEAD(&set->claims);
	abuse_orphan_prepare(set);
	for (i = 0; i < set->nr; i++) {
		if (!abuse_queue_init(set, i, generation)) {
			abuse_set_free(set);
			return NULL;
		}
	}
	abuse_set_configure(set, config);
	percpu_ref_get(&set->ref);
	return set;
}

/**
 * abuse_set_on_served() - have work queued whenever somebody begins to serve
 * @set: the set
 * @wq: where to queue it
 * @work: queued when nobody served before, and when a reconnect makes the
 *	queues live or a resume ends a pause; never after abuse_set_kill() has
 *	returned
 */
void abuse_set_on_served(struct abuse_set *set, struct workqueue_struct *wq,
			 struct work_struct *work)
{
	spin_lock(&set->serve_lock);
	set->on_served = work;
	set->on_served_wq = wq;
	abuse_orphan_notify(set);
	spin_unlock(&set->serve_lock);
}

/*
 * Who says something else. A process may have left its open file to others, and
 * its id, too: so one that is still there is told rather than @first.
 */
static void abuse_set_tell_claim(struct abuse_set *set,
				 struct abuse_claim *first,
				 struct abuse_serve *serve)
{
	struct abuse_claim *claim;

	lockdep_assert_held(&set->serve_lock);
	serve->pid = 0;
	list_for_each_entry(claim, &set->claims, link) {
		if (pid_has_task(claim->pid, PIDTYPE_TGID)) {
			serve->pid = pid_vnr(claim->pid);
			first = claim;
			break;
		}
	}
	strscpy_pad(serve->text, first->text, sizeof(serve->text));
}

/**
 * abuse_set_claim() - note what an open file says it serves
 * @set: the set
 * @claim: that of the open file, with an identity that is not all 0
 * @serve: out with -EBUSY: what another open file says
 *
 * Return: 0, to be undone with abuse_set_unclaim(); -EBUSY.
 */
int abuse_set_claim(struct abuse_set *set, struct abuse_claim *claim,
		    struct abuse_serve *serve)
{
	struct abuse_claim *other;
	int err = 0;

	spin_lock(&set->serve_lock);
	other = list_first_entry_or_null(&set->claims, struct abuse_claim,
					 link);
	if (other && memcmp(claim->identity, other->identity,
			    sizeof(claim->identity))) {
		abuse_set_tell_claim(set, other, serve);
		err = -EBUSY;
	} else {
		claim->pid = get_pid(task_tgid(current));
		list_add_tail(&claim->link, &set->claims);
	}
	spin_unlock(&set->serve_lock);
	return err;
}

/**
 * abuse_set_unclaim() - forget what an open file said
 * @set: the set
 * @claim: that of the open file
 */
void abuse_set_unclaim(struct abuse_set *set, struct abuse_claim *claim)
{
	spin_lock(&set->serve_lock);
	list_del(&claim->link);
	spin_unlock(&set->serve_lock);
	put_pid(claim->pid);
}

/**
 * abuse_set_configure() - apply what a reconnect may change
 * @set: the set
 * @config: checked by the caller
 *
 * A device that a server declared failed, or that nobody served, is live again
 * afterwards.
 *
 * Return: false, and nothing is changed, if the set has been abandoned.
 */
bool abuse_set_configure(struct abuse_set *set,
			 const struct abuse_config *config)
{
	u32 i;

	spin_lock(&set->serve_lock);
	if (set->abandoned) {
		spin_unlock(&set->serve_lock);
		return false;
	}
	WRITE_ONCE(set->timeout_ms, config->timeout_ms);
	set->autoremove = config->flags & ABUSE_FLAGS_AUTOREMOVE;
	set->orphan_ms = config->orphan_ms;
	set->unserved_ms = config->unserved_ms;
	for (i = 0; i < set->nr; i++) {
		struct abuse_queue *q = &set->queue[i];

		spin_lock(&q->lock);
		q->state = ABUSE_QUEUE_LIVE;
		q->read_only = config->flags & ABUSE_FLAGS_READ_ONLY;
		WRITE_ONCE(q->depth, config->queue_depth);
		spin_unlock(&q->lock);
	}
	abuse_orphan_watch(set);
	abuse_orphan_notify(set);
	spin_unlock(&set->serve_lock);
	return true;
}

/**
 * abuse_set_kill() - fail every request, wake every waiter, and end the set
 * @set: the set
 */
void abuse_set_kill(struct abuse_set *set)
{
	spin_lock(&set->serve_lock);
	WRITE_ONCE(set->dead, true);
	spin_unlock(&set->serve_lock);
	abuse_orphan_end(set);

	abuse_fail(set, ABUSE_QUEUE_DEAD);
	abuse_wake_everybody(set);
	percpu_ref_kill(&set->ref);
}

/**
 * abuse_set_generation() - where the ids of the next setup must start
 * @set: a set whose disk is gone
 *
 * Return: the last generation of @set; the first new id is beyond it.
 */
u64 abuse_set_generation(struct abuse_set *set)
{
	u64 last = 0;
	u32 i, tag;

	for (i = 0; i < set->nr; i++) {
		struct abuse_queue *q = &set->queue[i];

		spin_lock(&q->lock);
		for (tag = 0; tag < set->nr_tags; tag++)
			last = max(last, q->slots[tag].generation);
		spin_unlock(&q->lock);
	}
	return last;
}

/**
 * abuse_set_tryget() - get a reference
 * @set: the set, found under RCU or while holding another reference
 *
 * Return: false once abuse_set_kill() was called.
 */
bool abuse_set_tryget(struct abuse_set *set)
{
	return percpu_ref_tryget_live(&set->ref);
}

void abuse_set_put(struct abuse_set *set)
{
	percpu_ref_put(&set->ref);
}

/**
 * abuse_set_has_queue() - whether there is such a hardware queue
 * @set: the set
 * @queue: an index, or ABUSE_ANY_QUEUE
 */
bool abuse_set_has_queue(struct abuse_set *set, u32 queue)
{
	return queue == ABUSE_ANY_QUEUE || queue < set->nr;
}

/**
 * abuse_set_depths() - count requests that somebody can answer
 * @set: the set
 * @queue: an index, or ABUSE_ANY_QUEUE
 * @pending: requests that may be handed out, out
 * @unanswered: those and the owned ones, out
 */
void abuse_set_depths(struct abuse_set *set, u32 queue, u32 *pending,
		      u32 *unanswered)
{
	u32 i;

	*pending = abuse_nr_pending(set, queue);
	*unanswered = 0;
	for (i = abuse_first_queue(queue); i <= abuse_last_queue(set, queue); i++) {
		int nr = READ_ONCE(set->queue[i].nr_pending);
		u32 inflight = READ_ONCE(set->queue[i].nr_inflight);

		/* What must not be handed out is nothing to wake up for. */
		*unanswered += inflight - min_t(u32, nr < 0 ? nr & INT_MAX : 0,
						inflight);
	}
}

/**
 * abuse_set_requests() - count requests that are not answered
 * @set: the set
 * @pending: those that nobody has taken, out
 * @owned: those that an open file has taken, out
 */
void abuse_set_requests(struct abuse_set *set, u32 *pending, u32 *owned)
{
	u32 i;

	*pending = 0;
	*owned = 0;
	for (i = 0; i < set->nr; i++) {
		struct abuse_queue *q = &set->queue[i];

		spin_lock(&q->lock);
		*pending += abuse_queue_pending(q);
		*owned += q->nr_inflight - abuse_queue_pending(q);
		spin_unlock(&q->lock);
	}
}

/**
 * abuse_set_state() - the state of that queue which has got furthest
 * @set: the set
 */
enum abuse_queue_state abuse_set_state(struct abuse_set *set)
{
	enum abuse_queue_state state = ABUSE_QUEUE_LIVE;
	u32 i;

	for (i = 0; i < set->nr; i++) {
		struct abuse_queue *q = &set->queue[i];

		spin_lock(&q->lock);
		state = max(state, q->state);
		spin_unlock(&q->lock);
	}
	return state;
}

/**
 * abuse_set_backing() - what the first one who serves it says that it serves
 * @set: the set
 * @text: out: one line, empty if nobody says anything
 */
void abuse_set_backing(struct abuse_set *set, char text[ABUSE_TEXT_SIZE])
{
	struct abuse_claim *claim;

	spin_lock(&set->serve_lock);
	claim = list_first_entry_or_null(&set->claims, struct abuse_claim,
					 link);
	strscpy(text, claim ? claim->text : "", ABUSE_TEXT_SIZE);
	spin_unlock(&set->serve_lock);
	for (; *text; text++) {
		if (iscntrl(*text))
			*text = '?';
	}
}

/**
 * abuse_set_count() - add up what the queues have and did
 * @set: the set
 * @status: out: the state, the fields from pending to errors, and the latency;
 *	the rest is left alone
 */
void abuse_set_count(struct abuse_set *set, struct abuse_status *status)
{
	enum abuse_queue_state state = abuse_set_state(set);
	u32 i, bucket;

	abuse_set_requests(set, &status->pending, &status->owned);
	for (i = 0; i < set->nr; i++) {
		struct abuse_queue *q = &set->queue[i];

		spin_lock(&q->lock);
		status->gets += q->count.gets;
		status->puts += q->count.puts;
		status->redelivered += q->count.redelivered;
		status->stale += q->count.stale;
		status->timeouts += q->count.timeouts;
		status->errors += q->count.errors;
		for (bucket = 0; bucket < ABUSE_LATENCY_BUCKETS; bucket++)
			status->latency[bucket] += q->count.latency[bucket];
		spin_unlock(&q->lock);
	}
	status->state = state == ABUSE_QUEUE_LIVE ? ABUSE_STATE_LIVE :
			state == ABUSE_QUEUE_ORPHANED ? ABUSE_STATE_ORPHANED :
							ABUSE_STATE_FAILED;
}

/**
 * abuse_sets_init() - prepare for sets
 *
 * Return: 0, or an error.
 */
int abuse_sets_init(void)
{
	abuse_free_wq = alloc_workqueue("abuse_free", WQ_UNBOUND, 0);
	return abuse_free_wq ? 0 : -ENOMEM;
}

/**
 * abuse_sets_exit() - wait until every set is freed
 *
 * No device is set up and no file is open.
 */
void abuse_sets_exit(void)
{
	/* The last reference is dropped in a callback of RCU. */
	rcu_barrier();
	destroy_workqueue(abuse_free_wq);
}
