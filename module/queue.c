// SPDX-License-Identifier: GPL-2.0
/*
 * Which request is in whose hands. No other file changes a slot.
 *
 * A slot stands for one tag of one hardware queue, from setup to reset:
 *
 *	free -> pending		submitted, nobody has it
 *	pending -> owned	got by an open file; the id is a new one
 *	owned <-> busy		a call of the owner copies its data
 *	owned, busy -> free	put
 *	owned -> pending	its owner went away, or somebody asked for it
 *	pending, owned -> free	reset, device failure, timeout
 *
 * Locking: the lock of a queue guards its slots, its list of pending requests
 * and its counters. It is taken in process context, nothing nests inside it,
 * and it is not held while user memory is touched or a request is ended.
 *
 * A busy slot is left alone by everybody but the thread that made it busy, and
 * that thread takes no page fault until it is owned again or free. So the
 * pages of a request stay there while they are copied, and still a reset never
 * waits for the memory of a server.
 */
#include <linux/bvec.h>
#include <linux/highmem.h>
#include <linux/list_sort.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/percpu-refcount.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "compat.h"
#include "queue.h"

/*
 * An id is generation, queue and tag. A stale id does not fit its slot's
 * generation, which goes on from where the device's last setup left it.
 */
#define ABUSE_TAG_BITS		12
#define ABUSE_QUEUE_BITS	12
#define ABUSE_TAG_MASK		(BIT(ABUSE_TAG_BITS) - 1)
#define ABUSE_QUEUE_MASK	(BIT(ABUSE_QUEUE_BITS) - 1)
#define ABUSE_GENERATION_SHIFT	(ABUSE_TAG_BITS + ABUSE_QUEUE_BITS)

/* Pieces of a caller's buffer start here, so that it serves O_DIRECT too. */
#define ABUSE_PIECE_ALIGN	4096

/* See struct abuse_gather. */
#define ABUSE_GATHER_MAX	16
#define ABUSE_GATHER_STEP	(25 * NSEC_PER_USEC)
#define ABUSE_GATHER_PAUSE	511

enum abuse_slot_state {
	ABUSE_SLOT_FREE,
	ABUSE_SLOT_PENDING,
	ABUSE_SLOT_OWNED,
	ABUSE_SLOT_BUSY,
};

struct abuse_slot {
	struct list_head link;
	struct request *rq;
	struct abuse_client *owner;
	u64 generation;
	u64 age;
	enum abuse_slot_state state;
	bool redelivered;
};

enum abuse_queue_state {
	ABUSE_QUEUE_LIVE,
	ABUSE_QUEUE_FAILED,
	ABUSE_QUEUE_DEAD,
};

struct abuse_counters {
	u64 gets;
	u64 puts;
	u64 redelivered;
	u64 stale;
	u64 timeouts;
	u64 errors;
	u64 latency[ABUSE_LATENCY_BUCKETS];
};

/**
 * struct abuse_gather - how many requests are worth a wake-up
 * @want: so many
 * @tried: it was raised for this wait
 * @pause: waits between two tries, ABUSE_GATHER_PAUSE at most
 * @left: waits until the next try
 *
 * A server that sleeps on the CPU of who submits would run, when it is woken
 * by the first request, instead of who has more of them: two switches for each
 * request. So there it sleeps until @want are pending, which costs nobody
 * anything while they come. How many come is learned: @want doubles as long as
 * that works out, and falls to what there was when nothing was added for a
 * while, ABUSE_GATHER_STEP for each one that is wanted. On another CPU the
 * first request wakes.
 */
struct abuse_gather {
	u32 want;
	bool tried;
	u32 pause;
	u32 left;
};

struct abuse_queue {
	spinlock_t lock;	/* all of the above rules */
	enum abuse_queue_state state;
	bool read_only;
	u32 depth;
	u32 nr_pending;
	u32 nr_inflight;
	int last_cpu;			/* that submitted something */
	u64 age;
	struct list_head pending;	/* oldest first */
	struct abuse_slot *slots;
	struct abuse_queues *set;
	u32 index;
	struct abuse_gather gather;	/* a guess: no lock */
	wait_queue_head_t wait;
	struct abuse_counters count;
} ____cacheline_aligned_in_smp;

struct abuse_queues {
	struct percpu_ref ref;
	wait_queue_head_t *any;
	u32 nr;
	u32 nr_tags;
	u32 timeout;
	bool dead;
	spinlock_t served_lock;	/* between the first get and the end */
	bool served;
	struct work_struct *first_get;
	struct abuse_queue queue[];
};

static u16 abuse_rq_command(struct request *rq)
{
	switch (req_op(rq)) {
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

static u64 abuse_slot_id(struct abuse_queue *q, struct abuse_slot *slot)
{
	return slot->generation << ABUSE_GENERATION_SHIFT |
	       (u64)q->index << ABUSE_TAG_BITS | (slot - q->slots);
}

static void abuse_slot_describe(struct abuse_queue *q, struct abuse_slot *slot,
				struct abuse_get *get)
{
	struct request *rq = slot->rq;

	memset(get, 0, sizeof(*get));
	get->id = abuse_slot_id(q, slot);
	get->command = abuse_rq_command(rq);
	if (get->command != ABUSE_SYNC_NOTIFICATION) {
		get->sector = blk_rq_pos(rq);
		get->length = blk_rq_bytes(rq);
	}
	if (get->command == ABUSE_WRITE && (rq->cmd_flags & REQ_FUA))
		get->flags |= ABUSE_GET_FUA;
	if (slot->redelivered)
		get->flags |= ABUSE_GET_REDELIVERED;
}

/* The request is the caller's afterwards, to be ended without the lock. */
static struct request *abuse_slot_free(struct abuse_queue *q,
				       struct abuse_slot *slot)
{
	struct request *rq = slot->rq;

	lockdep_assert_held(&q->lock);
	if (slot->state == ABUSE_SLOT_PENDING) {
		list_del(&slot->link);
		WRITE_ONCE(q->nr_pending, q->nr_pending - 1);
	}
	WRITE_ONCE(q->nr_inflight, q->nr_inflight - 1);
	slot->state = ABUSE_SLOT_FREE;
	slot->owner = NULL;
	slot->rq = NULL;
	return rq;
}

/*
 * Makes an owned request pending again. The caller sorts the list, by age, and
 * wakes whoever waits, when it has lifted the last one.
 */
static void abuse_slot_repend(struct abuse_queue *q, struct abuse_slot *slot,
			      bool redelivered)
{
	lockdep_assert_held(&q->lock);
	slot->state = ABUSE_SLOT_PENDING;
	slot->owner = NULL;
	slot->redelivered |= redelivered;
	list_add(&slot->link, &q->pending);
	WRITE_ONCE(q->nr_pending, q->nr_pending + 1);
}

static int abuse_slot_cmp(void *priv, const struct list_head *a,
			  const struct list_head *b)
{
	const struct abuse_slot *x = list_entry(a, struct abuse_slot, link);
	const struct abuse_slot *y = list_entry(b, struct abuse_slot, link);

	return x->age > y->age;
}

/*
 * One waiter is enough: it wakes the next one if it leaves something. A wake-up
 * without a mask, as wake_up() is, is one that abuse_waiter_wake() passes on.
 */
static void abuse_queue_wake(struct abuse_queue *q)
{
	if (wq_has_sleeper(&q->wait))
		wake_up_poll(&q->wait, EPOLLIN);
	if (wq_has_sleeper(q->set->any))
		wake_up_poll(q->set->any, EPOLLIN | EPOLLRDNORM | EPOLLMSG);
}

/* Fails a request that is pending or owned, @only this one if that is given. */
static bool abuse_queue_cancel(struct abuse_queue *q, struct abuse_slot *slot,
			       struct request *only)
{
	struct request *rq = NULL;

	spin_lock(&q->lock);
	if ((slot->state == ABUSE_SLOT_PENDING ||
	     slot->state == ABUSE_SLOT_OWNED) && (!only || only == slot->rq)) {
		rq = abuse_slot_free(q, slot);
		q->count.errors++;
		if (only)
			q->count.timeouts++;
	}
	spin_unlock(&q->lock);
	if (rq)
		blk_mq_end_request(rq, BLK_STS_IOERR);
	return rq;
}

static void abuse_queues_free(struct abuse_queues *set)
{
	u32 i;

	for (i = 0; i < set->nr; i++)
		kvfree(set->queue[i].slots);
	percpu_ref_exit(&set->ref);
	kvfree(set);
}

static void abuse_queues_release(struct percpu_ref *ref)
{
	abuse_queues_free(container_of(ref, struct abuse_queues, ref));
}

/**
 * abuse_queues_alloc() - make the hardware queues of a device
 * @config: checked by the caller
 * @generation: where ids start, see abuse_queues_generation()
 * @any: who waits for a request of any queue; outlives the queues
 *
 * Return: the queues, to be ended with abuse_queues_kill() and given up with
 * abuse_queues_put(), or NULL.
 */
struct abuse_queues *abuse_queues_alloc(const struct abuse_config *config,
					u64 generation, wait_queue_head_t *any)
{
	struct abuse_queues *set;
	u32 i, tag;

	set = kvzalloc(struct_size(set, queue, config->queues), GFP_KERNEL);
	if (!set)
		return NULL;
	if (percpu_ref_init(&set->ref, abuse_queues_release, 0, GFP_KERNEL)) {
		kvfree(set);
		return NULL;
	}
	set->any = any;
	set->nr = config->queues;
	set->nr_tags = config->queue_depth;
	spin_lock_init(&set->served_lock);

	for (i = 0; i < set->nr; i++) {
		struct abuse_queue *q = &set->queue[i];

		q->slots = kvcalloc(set->nr_tags, sizeof(*q->slots),
				    GFP_KERNEL);
		if (!q->slots) {
			abuse_queues_free(set);
			return NULL;
		}
		for (tag = 0; tag < set->nr_tags; tag++)
			q->slots[tag].generation = generation;
		spin_lock_init(&q->lock);
		q->gather.want = 1;
		INIT_LIST_HEAD(&q->pending);
		init_waitqueue_head(&q->wait);
		q->set = set;
		q->index = i;
	}
	abuse_queues_configure(set, config);
	percpu_ref_get(&set->ref);
	return set;
}

/**
 * abuse_queues_on_first_get() - name the work to be done once somebody serves
 * @set: the queues, not yet visible to anybody else
 * @work: queued once, never after abuse_queues_kill() has returned
 */
void abuse_queues_on_first_get(struct abuse_queues *set,
			       struct work_struct *work)
{
	set->first_get = work;
}

/**
 * abuse_queues_configure() - take over what a reconnect may change
 * @set: the queues
 * @config: checked by the caller
 *
 * A device that a server declared failed is live again afterwards.
 */
void abuse_queues_configure(struct abuse_queues *set,
			    const struct abuse_config *config)
{
	u32 i;

	WRITE_ONCE(set->timeout, config->timeout);
	for (i = 0; i < set->nr; i++) {
		struct abuse_queue *q = &set->queue[i];

		spin_lock(&q->lock);
		q->state = ABUSE_QUEUE_LIVE;
		q->read_only = config->flags & ABUSE_FLAGS_READ_ONLY;
		q->depth = config->queue_depth;
		spin_unlock(&q->lock);
	}
}

/* Fails what is pending or owned; what is busy ends by itself. */
static void abuse_queues_fail(struct abuse_queues *set,
			      enum abuse_queue_state state)
{
	u32 i, tag;

	for (i = 0; i < set->nr; i++) {
		struct abuse_queue *q = &set->queue[i];

		spin_lock(&q->lock);
		if (q->state < state)
			q->state = state;
		spin_unlock(&q->lock);
	}

	for (i = 0; i < set->nr; i++) {
		struct abuse_queue *q = &set->queue[i];

		for (tag = 0; tag < set->nr_tags; tag++)
			abuse_queue_cancel(q, &q->slots[tag], NULL);
	}
}

/**
 * abuse_queues_kill() - end the queues: fail every request, wake every waiter
 * @set: the queues
 */
void abuse_queues_kill(struct abuse_queues *set)
{
	u32 i;

	spin_lock(&set->served_lock);
	WRITE_ONCE(set->dead, true);
	spin_unlock(&set->served_lock);

	abuse_queues_fail(set, ABUSE_QUEUE_DEAD);

	for (i = 0; i < set->nr; i++)
		wake_up_all(&set->queue[i].wait);
	wake_up_all(set->any);
	percpu_ref_kill(&set->ref);
}

/**
 * abuse_queues_generation() - where the ids of the next setup must start
 * @set: queues without any user left
 *
 * Return: a generation that no id of @set has.
 */
u64 abuse_queues_generation(struct abuse_queues *set)
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
 * abuse_queues_tryget() - get a reference
 * @set: the queues, found under RCU or while holding another reference
 *
 * Return: false once abuse_queues_kill() was called.
 */
bool abuse_queues_tryget(struct abuse_queues *set)
{
	return percpu_ref_tryget_live(&set->ref);
}

void abuse_queues_put(struct abuse_queues *set)
{
	percpu_ref_put(&set->ref);
}

struct abuse_queue *abuse_queues_at(struct abuse_queues *set, u32 index)
{
	return &set->queue[index];
}

/**
 * abuse_queue_submit() - a request of the disk becomes pending
 * @q: the hardware queue
 * @rq: the request
 *
 * Nobody is woken before abuse_queue_commit().
 *
 * Return: BLK_STS_OK; BLK_STS_DEV_RESOURCE when a reconnect lowered the depth
 * and it is reached; BLK_STS_IOERR.
 */
blk_status_t abuse_queue_submit(struct abuse_queue *q, struct request *rq)
{
	struct abuse_slot *slot = &q->slots[rq->tag];
	blk_status_t status = BLK_STS_OK;

	spin_lock(&q->lock);
	if (unlikely(q->state != ABUSE_QUEUE_LIVE ||
		     (q->read_only && op_is_write(req_op(rq)) &&
		      req_op(rq) != REQ_OP_FLUSH))) {
		q->count.errors++;
		status = BLK_STS_IOERR;
	} else if (unlikely(q->nr_inflight >= q->depth)) {
		status = BLK_STS_DEV_RESOURCE;
	} else {
		blk_mq_start_request(rq);
		slot->rq = rq;
		slot->age = q->age++;
		slot->redelivered = false;
		slot->state = ABUSE_SLOT_PENDING;
		list_add_tail(&slot->link, &q->pending);
		WRITE_ONCE(q->nr_pending, q->nr_pending + 1);
		WRITE_ONCE(q->nr_inflight, q->nr_inflight + 1);
	}
	WRITE_ONCE(q->last_cpu, raw_smp_processor_id());
	spin_unlock(&q->lock);
	return status;
}

/**
 * abuse_queue_commit() - the last request of a batch was submitted
 * @q: the hardware queue
 */
void abuse_queue_commit(struct abuse_queue *q)
{
	abuse_queue_wake(q);
}

/**
 * abuse_queue_expire() - nobody answered a request in time
 * @q: the hardware queue
 * @rq: the request
 *
 * Return: BLK_EH_DONE when the request was failed; BLK_EH_RESET_TIMER when
 * there is no limit, or it is being answered right now.
 */
enum blk_eh_timer_return abuse_queue_expire(struct abuse_queue *q,
					    struct request *rq)
{
	if (READ_ONCE(q->set->timeout) &&
	    abuse_queue_cancel(q, &q->slots[rq->tag], rq))
		return BLK_EH_DONE;
	return BLK_EH_RESET_TIMER;
}

/* The hardware queues that @queue stands for are those from first to last. */
static u32 abuse_queues_first(u32 queue)
{
	return queue == ABUSE_ANY_QUEUE ? 0 : queue;
}

static u32 abuse_queues_last(struct abuse_queues *set, u32 queue)
{
	return queue == ABUSE_ANY_QUEUE ? set->nr - 1 : queue;
}

static u32 abuse_queues_pending(struct abuse_queues *set, u32 queue)
{
	u32 i, pending = 0;

	for (i = abuse_queues_first(queue);
	     i <= abuse_queues_last(set, queue); i++)
		pending += READ_ONCE(set->queue[i].nr_pending);
	return pending;
}

/**
 * abuse_queues_depths() - how many requests wait
 * @set: the queues
 * @pending: requests that nobody has taken, out
 * @unanswered: those and the owned ones, out
 *
 * Without a lock: good enough for who is woken up when there are more.
 */
void abuse_queues_depths(struct abuse_queues *set, u32 *pending,
			 u32 *unanswered)
{
	u32 i;

	*pending = 0;
	*unanswered = 0;
	for (i = 0; i < set->nr; i++) {
		*pending += READ_ONCE(set->queue[i].nr_pending);
		*unanswered += READ_ONCE(set->queue[i].nr_inflight);
	}
}

/**
 * abuse_queues_has() - whether there is such a hardware queue
 * @set: the queues
 * @queue: an index, or ABUSE_ANY_QUEUE
 */
bool abuse_queues_has(struct abuse_queues *set, u32 queue)
{
	return queue == ABUSE_ANY_QUEUE || queue < set->nr;
}

static bool abuse_room_take(struct abuse_room *room, struct abuse_get *get)
{
	u64 piece = ALIGN(get->length, ABUSE_PIECE_ALIGN);

	if (!room->address || !abuse_command_has_data(get->command))
		return true;
	if (get->length > room->size) {
		room->full = true;
		return false;
	}
	get->address = room->address;
	room->address += piece;
	room->size -= min(piece, room->size);
	return true;
}

static unsigned int abuse_queue_take(struct abuse_queue *q,
				     struct abuse_client *client,
				     struct abuse_get *gets, unsigned int max,
				     struct abuse_room *room)
{
	unsigned int nr = 0;

	/* Who waits comes here once before and once after what it takes. */
	if (!READ_ONCE(q->nr_pending))
		return 0;

	spin_lock(&q->lock);
	while (nr < max && !list_empty(&q->pending)) {
		struct abuse_slot *slot = list_first_entry(&q->pending,
							   struct abuse_slot,
							   link);

		slot->generation++;
		abuse_slot_describe(q, slot, &gets[nr]);
		if (!abuse_room_take(room, &gets[nr]))
			break;
		list_del(&slot->link);
		WRITE_ONCE(q->nr_pending, q->nr_pending - 1);
		slot->state = ABUSE_SLOT_OWNED;
		slot->owner = client;
		q->count.gets++;
		if (slot->redelivered)
			q->count.redelivered++;
		nr++;
	}
	spin_unlock(&q->lock);

	if (nr && READ_ONCE(q->nr_pending))
		abuse_queue_wake(q);
	return nr;
}

/**
 * abuse_queues_take() - hand out pending requests, oldest first
 * @set: the queues
 * @client: the new owner
 * @queue: an index, or ABUSE_ANY_QUEUE
 * @gets: the requests, out
 * @max: room in @gets
 * @room: the caller's buffer; each read and write is given a piece of it
 *
 * Return: how many were handed out; it does not wait.
 */
unsigned int abuse_queues_take(struct abuse_queues *set,
			       struct abuse_client *client, u32 queue,
			       struct abuse_get *gets, unsigned int max,
			       struct abuse_room *room)
{
	unsigned int nr = 0;
	u32 i, index;

	if (READ_ONCE(client->draining))
		return 0;
	if (queue != ABUSE_ANY_QUEUE)
		return abuse_queue_take(&set->queue[queue], client, gets, max,
					room);

	index = READ_ONCE(client->next_queue) % set->nr;
	for (i = 0; i < set->nr && nr < max && !room->full; i++) {
		nr += abuse_queue_take(&set->queue[index], client, gets + nr,
				       max - nr, room);
		index = (index + 1) % set->nr;
	}
	WRITE_ONCE(client->next_queue, index + 1);
	return nr;
}

/* Somebody who waits for requests of @set, or of @q if that is given. */
struct abuse_waiter {
	struct wait_queue_entry entry;
	struct abuse_queues *set;
	struct abuse_queue *q;
	u32 want;
};

static bool abuse_waiter_has(const struct abuse_waiter *w)
{
	u32 pending;

	if (!w->q)
		return abuse_queues_pending(w->set, ABUSE_ANY_QUEUE);
	pending = READ_ONCE(w->q->nr_pending);
	return pending >= READ_ONCE(w->want) ||
	       (pending && READ_ONCE(w->q->nr_inflight) >=
			   READ_ONCE(w->q->depth));
}

static int abuse_waiter_wake(struct wait_queue_entry *entry, unsigned int mode,
			     int flags, void *key)
{
	struct abuse_waiter *w = container_of(entry, struct abuse_waiter,
					      entry);

	if (key && !abuse_waiter_has(w))
		return 0;
	return autoremove_wake_function(entry, mode, flags, key);
}

/* Sleeps, and returns false if @deadline is over, of the monotonic clock. */
static bool abuse_waiter_sleep(struct abuse_waiter *w, ktime_t *deadline)
{
	u32 pending;
	ktime_t step;
	bool left;

	if (w->want == 1)
		return schedule_hrtimeout(deadline, HRTIMER_MODE_ABS);

	step = ktime_add_ns(ktime_get(), ABUSE_GATHER_STEP * w->want);
	left = !deadline || ktime_before(step, *deadline);
	if (!left)
		step = *deadline;
	pending = READ_ONCE(w->q->nr_pending);
	if (schedule_hrtimeout(&step, HRTIMER_MODE_ABS))
		return true;
	if (!left || READ_ONCE(w->q->nr_pending) == pending)
		WRITE_ONCE(w->want, 1);
	return left;
}

/* More next time if as many came as were wanted, else less. */
static void abuse_gather_learn(struct abuse_gather *gather, u32 want, u32 came)
{
	bool tried = gather->tried;

	gather->tried = false;
	if (came < want) {
		gather->want = max(came, 1U);
		if (tried)
			gather->pause = min(2 * gather->pause + 1,
					    ABUSE_GATHER_PAUSE);
		gather->left = tried ? gather->pause : 0;
	} else if (gather->left) {
		gather->left--;
	} else if (want < ABUSE_GATHER_MAX) {
		gather->want = min(2 * want, ABUSE_GATHER_MAX);
		gather->tried = true;
		if (tried)
			gather->pause /= 2;
	}
}

/**
 * abuse_queues_wait() - wait for a request that nobody has taken
 * @set: the queues
 * @client: who waits
 * @queue: an index, or ABUSE_ANY_QUEUE
 * @deadline: of the monotonic clock, or NULL
 *
 * Return: 0 if there was one; -ETIME, -EINTR, -ENODEV after a reset,
 * -ESHUTDOWN when @client is draining.
 */
int abuse_queues_wait(struct abuse_queues *set, struct abuse_client *client,
		      u32 queue, ktime_t *deadline)
{
	struct abuse_queue *q = queue == ABUSE_ANY_QUEUE ? NULL :
							   &set->queue[queue];
	wait_queue_head_t *head = q ? &q->wait : set->any;
	struct abuse_waiter w = { .set = set, .q = q, .want = 1 };
	bool gathers, expired = false;
	u32 want = 1;
	int err;

	/* Who waits already is woken first: a guess will do. */
	gathers = q && !waitqueue_active(head) &&
		  READ_ONCE(q->last_cpu) == raw_smp_processor_id();
	if (gathers)
		want = READ_ONCE(q->gather.want);
	w.want = want;
	init_wait(&w.entry);
	w.entry.func = abuse_waiter_wake;

	for (;;) {
		prepare_to_wait_exclusive(head, &w.entry, TASK_INTERRUPTIBLE);
		if (READ_ONCE(set->dead))
			err = -ENODEV;
		else if (READ_ONCE(client->draining))
			err = -ESHUTDOWN;
		else if (abuse_waiter_has(&w))
			err = 0;
		else if (signal_pending(current))
			err = -EINTR;
		else if (expired)
			err = -ETIME;
		else
			err = -EAGAIN;
		if (err != -EAGAIN)
			break;
		expired = !abuse_waiter_sleep(&w, deadline);
		/* It need not queue up once more to see this. */
		if (abuse_waiter_has(&w)) {
			err = 0;
			break;
		}
	}
	finish_wait(head, &w.entry);
	if (gathers)
		abuse_gather_learn(&q->gather, want,
				   READ_ONCE(q->nr_pending));

	/* A wake-up that is not used is somebody else's. */
	if (err && abuse_queues_pending(set, queue))
		wake_up(head);
	return err;
}

/**
 * abuse_queues_drain() - hand @client nothing more, and end its waits
 * @set: the queues, NULL if there are none
 * @client: an open file
 */
void abuse_queues_drain(struct abuse_queues *set, struct abuse_client *client)
{
	u32 i;

	WRITE_ONCE(client->draining, true);
	if (!set)
		return;
	for (i = 0; i < set->nr; i++)
		wake_up_all(&set->queue[i].wait);
	wake_up_all(set->any);
}

/* The queue that an id names; any queue if it names none. */
static struct abuse_queue *abuse_queue_of(struct abuse_queues *set, u64 id)
{
	u32 index = id >> ABUSE_TAG_BITS & ABUSE_QUEUE_MASK;

	return &set->queue[index < set->nr ? index : 0];
}

/* What @client owns under that id, or -ENOMSG, or -EBUSY. */
static struct abuse_slot *abuse_slot_find(struct abuse_queue *q,
					  struct abuse_client *client, u64 id)
{
	u32 tag = id & ABUSE_TAG_MASK;
	struct abuse_slot *slot = &q->slots[tag < q->set->nr_tags ? tag : 0];

	lockdep_assert_held(&q->lock);
	if (slot->owner != client || abuse_slot_id(q, slot) != id) {
		q->count.stale++;
		return ERR_PTR(-ENOMSG);
	}
	return slot->state == ABUSE_SLOT_BUSY ? ERR_PTR(-EBUSY) : slot;
}

/**
 * abuse_queues_peek() - describe a request again
 * @set: the queues
 * @client: its owner
 * @id: its id
 * @get: the description, out
 *
 * Return: 0, -ENOMSG if @client does not own it, -EBUSY.
 */
int abuse_queues_peek(struct abuse_queues *set, struct abuse_client *client,
		      u64 id, struct abuse_get *get)
{
	struct abuse_queue *q = abuse_queue_of(set, id);
	struct abuse_slot *slot;

	spin_lock(&q->lock);
	slot = abuse_slot_find(q, client, id);
	if (!IS_ERR(slot))
		abuse_slot_describe(q, slot, get);
	spin_unlock(&q->lock);
	return PTR_ERR_OR_ZERO(slot);
}

/* Without high memory the pages of a bvec are one piece for the kernel, too. */
#ifdef CONFIG_HIGHMEM
#define abuse_for_each_piece(bv, rq, iter)	rq_for_each_segment(bv, rq, iter)
#else
#define abuse_for_each_piece(bv, rq, iter)	rq_for_each_bvec(bv, rq, iter)
#endif

static void abuse_flush_dcache(const struct bio_vec *bv)
{
	u32 first = bv->bv_offset >> PAGE_SHIFT;
	u32 last = (bv->bv_offset + bv->bv_len - 1) >> PAGE_SHIFT;

	for (; first <= last; first++)
		flush_dcache_page(bv->bv_page + first);
}

/*
 * Copies between the request's data from @offset on and @user, without a page
 * fault. Returns how many bytes were copied.
 */
static u32 abuse_rq_copy(struct request *rq, u32 offset, u32 length,
			 void __user *user)
{
	bool to_rq = req_op(rq) == REQ_OP_READ;
	struct req_iterator pieces;
	struct iov_iter memory;
	struct bio_vec bv;
	u32 done = 0;

	iov_iter_ubuf(&memory, to_rq ? ITER_SOURCE : ITER_DEST, user, length);

	pagefault_disable();
	abuse_for_each_piece(bv, rq, pieces) {
		u32 copied, n;
		char *kaddr;

		if (offset >= bv.bv_len) {
			offset -= bv.bv_len;
			continue;
		}
		n = min(bv.bv_len - offset, length - done);
		kaddr = bvec_kmap_local(&bv);
		if (to_rq)
			copied = _copy_from_iter(kaddr + offset, n, &memory);
		else
			copied = _copy_to_iter(kaddr + offset, n, &memory);
		kunmap_local(kaddr);
		if (to_rq)
			abuse_flush_dcache(&bv);
		offset = 0;
		done += copied;
		if (copied < n || done == length)
			break;
	}
	pagefault_enable();
	return done;
}

/**
 * struct abuse_transfer - a copy, a put, or both
 * @id: the request
 * @offset: of the part to copy, bytes
 * @length: of the part to copy, bytes; ABUSE_ALL for what a put of this
 *	request has to copy
 * @address: of user memory
 * @done: bytes copied so far
 * @from_user: the copy is from user memory
 * @no_fault: rather fail with -EAGAIN than wait for memory
 * @put: the request ends afterwards
 * @result: how it ends
 * @now: the time of a put
 */
struct abuse_transfer {
	u64 id;
	u32 offset;
	u32 length;
	u64 address;
	u32 done;
	bool from_user;
	bool no_fault;
	bool put;
	u32 result;
	u64 now;
};

#define ABUSE_ALL	U32_MAX

static u32 abuse_answer_length(struct request *rq,
			       const struct abuse_transfer *t)
{
	switch (t->result) {
	case ABUSE_RESULT_OKAY:
	case ABUSE_RESULT_COPY:
		if (req_op(rq) == REQ_OP_READ ||
		    (req_op(rq) == REQ_OP_WRITE && t->address))
			return blk_rq_bytes(rq);
		fallthrough;
	default:
		return 0;
	}
}

/* Ends a request now, or with others of @batch, if that is given. */
static void abuse_end(struct request *rq, blk_status_t status,
		      struct io_comp_batch *batch)
{
	if (status != BLK_STS_OK ||
	    !blk_mq_add_to_batch(rq, batch, 0, blk_mq_end_request_batch))
		blk_mq_end_request(rq, status);
}

static void abuse_end_batch(struct io_comp_batch *batch)
{
	if (batch && batch->complete) {
		batch->complete(batch);
		batch->complete = NULL;
	}
}

static void abuse_count_latency(struct abuse_queue *q, struct request *rq,
				u64 now)
{
	u64 start = rq->start_time_ns;
	u32 us, bucket;

	if (!start || now < start)
		return;
	us = min_t(u64, div_u64(now - start, NSEC_PER_USEC), U32_MAX);
	bucket = us;
	if (us >= 4)
		bucket = 4 * (ilog2(us) - 1) + (us >> (ilog2(us) - 2)) % 4;
	q->count.latency[min(bucket, ABUSE_LATENCY_BUCKETS - 1)]++;
}

/* Returns -EAGAIN when it needs memory that is not present. */
static int abuse_queue_try(struct abuse_queue *q, struct abuse_client *client,
			   struct abuse_transfer *t,
			   struct io_comp_batch *batch)
{
	blk_status_t status = BLK_STS_IOERR;
	struct abuse_slot *slot;
	struct request *rq;
	bool end = true;	/* of the request */
	int err = 0;

	spin_lock(&q->lock);
	slot = abuse_slot_find(q, client, t->id);
	if (IS_ERR(slot)) {
		spin_unlock(&q->lock);
		return PTR_ERR(slot);
	}

	rq = slot->rq;
	if (t->length == ABUSE_ALL)
		t->length = abuse_answer_length(rq, t);
	t->from_user = req_op(rq) == REQ_OP_READ;
	if (t->done < t->length) {
		slot->state = ABUSE_SLOT_BUSY;
		spin_unlock(&q->lock);
		t->done += abuse_rq_copy(rq, t->offset + t->done,
					 t->length - t->done,
					 abuse_user_ptr(t->address) + t->done);
		spin_lock(&q->lock);
		slot->state = ABUSE_SLOT_OWNED;
	}

	if (t->put && t->done == t->length) {
		q->count.puts++;
		abuse_count_latency(q, rq, t->now);
		if (t->result == ABUSE_RESULT_OKAY)
			status = BLK_STS_OK;
		else
			q->count.errors++;
	} else if (q->state != ABUSE_QUEUE_LIVE) {
		/* It was busy when the others were failed. */
		q->count.errors++;
		err = -ENOMSG;
	} else {
		end = false;
		if (t->done < t->length)
			err = -EAGAIN;
	}
	if (end)
		abuse_slot_free(q, slot);
	/* The end of a batch does not submit what a lowered depth held up. */
	if (q->depth < q->set->nr_tags)
		batch = NULL;
	spin_unlock(&q->lock);

	if (end)
		abuse_end(rq, status, batch);
	return err;
}

/* Makes the memory present that the copy could not reach. */
static int abuse_fault_in(const struct abuse_transfer *t)
{
	char __user *user = abuse_user_ptr(t->address) + t->done;
	u32 length = t->length - t->done;
	size_t missing;

	if (fatal_signal_pending(current))
		return -EINTR;
	if (!access_ok(user, length))
		return -EFAULT;
	missing = t->from_user ? fault_in_readable(user, length) :
				 fault_in_safe_writeable(user, length);
	cond_resched();
	return missing == length ? -EFAULT : 0;
}

static int abuse_queues_transfer(struct abuse_queues *set,
				 struct abuse_client *client,
				 struct abuse_transfer *t,
				 struct io_comp_batch *batch)
{
	struct abuse_queue *q = abuse_queue_of(set, t->id);
	int err;

	do {
		err = abuse_queue_try(q, client, t, batch);
		if (err == -EAGAIN && !t->no_fault) {
			/* Nothing that is answered waits for a page. */
			abuse_end_batch(batch);
			err = abuse_fault_in(t) ?: -EAGAIN;
			t->now = ktime_get_ns();
		}
	} while (err == -EAGAIN && !t->no_fault);
	if (!err && t->result == ABUSE_RESULT_DEVICE_FAILURE)
		abuse_queues_fail(set, ABUSE_QUEUE_FAILED);
	return err;
}

/**
 * abuse_queues_copy() - copy a part of a request's data
 * @set: the queues
 * @client: the request's owner
 * @id: the request
 * @offset: where the part starts, bytes
 * @length: bytes; the part is inside the request, the caller saw to it
 * @address: of user memory: the source of a read, the destination of a write
 *
 * Return: 0, -ENOMSG, -EBUSY, -EFAULT, -EINTR.
 */
int abuse_queues_copy(struct abuse_queues *set, struct abuse_client *client,
		      u64 id, u32 offset, u32 length, u64 address)
{
	struct abuse_transfer t = {
		.id		= id,
		.offset		= offset,
		.length		= length,
		.address	= address,
	};

	return abuse_queues_transfer(set, client, &t, NULL);
}

/**
 * abuse_queues_end() - put a request whose data was copied, or has none
 * @set: the queues
 * @client: the request's owner
 * @id: the request
 * @result: enum abuse_result
 *
 * Return: 0, -EINVAL, -ENOMSG, -EBUSY.
 */
int abuse_queues_end(struct abuse_queues *set, struct abuse_client *client,
		     u64 id, u32 result)
{
	struct abuse_transfer t = {
		.id		= id,
		.put		= true,
		.result		= result,
		.now		= ktime_get_ns(),
	};

	if (result > ABUSE_RESULT_DEVICE_FAILURE)
		return -EINVAL;
	return abuse_queues_transfer(set, client, &t, NULL);
}

/**
 * abuse_queues_answer() - put requests, with their data
 * @set: the queues
 * @client: the owner of the requests
 * @puts: the answers; each status is filled: 0, -EINVAL, -ENOMSG, -EBUSY,
 *	-EFAULT, -EINTR
 * @nr: how many
 * @no_fault: a put that had to wait for memory gets -EAGAIN
 *
 * Return: how many were taken.
 */
unsigned int abuse_queues_answer(struct abuse_queues *set,
				 struct abuse_client *client,
				 struct abuse_put *puts, unsigned int nr,
				 bool no_fault)
{
	DEFINE_IO_COMP_BATCH(batch);
	u64 now = ktime_get_ns();
	unsigned int i, taken = 0;

	for (i = 0; i < nr; i++) {
		struct abuse_put *put = &puts[i];
		struct abuse_transfer t = {
			.id		= put->id,
			.length		= ABUSE_ALL,
			.address	= put->address,
			.no_fault	= no_fault,
			.put		= put->result != ABUSE_RESULT_COPY,
			.result		= put->result,
			.now		= now,
		};

		if (put->result > ABUSE_RESULT_COPY)
			put->status = -EINVAL;
		else
			put->status = abuse_queues_transfer(set, client, &t,
							    &batch);
		if (!put->status)
			taken++;
	}
	abuse_end_batch(&batch);
	return taken;
}

static void abuse_queue_resort(struct abuse_queue *q)
{
	lockdep_assert_held(&q->lock);
	list_sort(NULL, &q->pending, abuse_slot_cmp);
}

/**
 * abuse_queues_unget() - take requests back that @client never heard of
 * @set: the queues
 * @client: their owner
 * @gets: the requests
 * @nr: how many
 */
void abuse_queues_unget(struct abuse_queues *set, struct abuse_client *client,
			const struct abuse_get *gets, unsigned int nr)
{
	while (nr--) {
		struct abuse_queue *q = abuse_queue_of(set, gets[nr].id);
		struct abuse_slot *slot;

		spin_lock(&q->lock);
		slot = abuse_slot_find(q, client, gets[nr].id);
		if (!IS_ERR(slot)) {
			abuse_slot_repend(q, slot, false);
			abuse_queue_resort(q);
			q->count.gets--;
		}
		spin_unlock(&q->lock);
		abuse_queue_wake(q);
	}
}

/**
 * abuse_queues_requeue() - what is owned is pending again
 * @set: the queues
 * @client: an owner that went away, or NULL for all of them
 *
 * What is busy is left alone: it is being answered.
 */
void abuse_queues_requeue(struct abuse_queues *set,
			  const struct abuse_client *client)
{
	u32 i, tag;

	for (i = 0; i < set->nr; i++) {
		struct abuse_queue *q = &set->queue[i];
		bool any = false;

		spin_lock(&q->lock);
		for (tag = 0; tag < set->nr_tags; tag++) {
			struct abuse_slot *slot = &q->slots[tag];

			if (slot->state != ABUSE_SLOT_OWNED ||
			    (client && slot->owner != client))
				continue;
			abuse_slot_repend(q, slot, true);
			any = true;
		}
		if (any)
			abuse_queue_resort(q);
		spin_unlock(&q->lock);
		if (any)
			abuse_queue_wake(q);
	}
}

/**
 * abuse_queues_served() - somebody asks for requests
 * @set: the queues
 */
void abuse_queues_served(struct abuse_queues *set)
{
	if (likely(READ_ONCE(set->served)))
		return;
	spin_lock(&set->served_lock);
	if (!set->served && !set->dead) {
		WRITE_ONCE(set->served, true);
		if (set->first_get)
			schedule_work(set->first_get);
	}
	spin_unlock(&set->served_lock);
}

/**
 * abuse_queues_count() - add up what the queues have and did
 * @set: the queues
 * @status: from pending to errors, and latency, out; the rest is left alone
 */
void abuse_queues_count(struct abuse_queues *set, struct abuse_status *status)
{
	u32 i, bucket;

	for (i = 0; i < set->nr; i++) {
		struct abuse_queue *q = &set->queue[i];

		spin_lock(&q->lock);
		status->pending += q->nr_pending;
		status->owned += q->nr_inflight - q->nr_pending;
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
}
