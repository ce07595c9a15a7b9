/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The types. A slot stands for a request, a queue has slots, and a set has the
 * queues of a device from one setup to the next reset. This file says who may
 * touch what under which lock; it must not know ioctls or disks.
 *
 * A slot belongs to one tag of one hardware queue:
 *
 *	free -> pending		submitted, nobody has it
 *	pending -> owned	got by an open file; the id is a new one
 *	owned <-> busy		a call of the owner copies its data
 *	busy -> free		put
 *	owned -> pending	its owner went away, or somebody requeued it
 *	busy -> pending		the same, done by the call that made it busy
 *	pending, owned -> free	reset, device failure, timeout
 *	busy -> free		the same, done by the call that made it busy
 *	pending -> free		nobody has served for too long
 *
 * Locking: the lock of a queue guards its slots, its list of pending requests
 * and its counters. It is taken in process context, nothing nests inside it,
 * and it is not held while user memory is touched or a request is ended.
 *
 * While a slot is busy only the thread that made it busy changes its state, and
 * that thread takes no page fault until the slot is owned again or free. So
 * the pages of a request stay valid while they are copied, and yet a reset
 * never waits for the memory of a server. Whoever wants a busy slot back says
 * so in @recall.
 */
#ifndef ABUSE_SLOTS_H
#define ABUSE_SLOTS_H

#include <linux/blk-mq.h>
#include <linux/nospec.h>
#include <linux/percpu-refcount.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "uapi/abuse.h"

/*
 * An id is made of generation, queue and tag. A stale id has an older
 * generation than its slot. A new setup goes on where the generations of the
 * last one ended.
 */
#define ABUSE_TAG_BITS		12
#define ABUSE_QUEUE_BITS	12
#define ABUSE_TAG_MASK		(BIT(ABUSE_TAG_BITS) - 1)
#define ABUSE_QUEUE_MASK	(BIT(ABUSE_QUEUE_BITS) - 1)
#define ABUSE_GENERATION_SHIFT	(ABUSE_TAG_BITS + ABUSE_QUEUE_BITS)

/**
 * struct abuse_client - an open control node, as the owner of requests
 * @draining: it must not be given any more
 * @has_owned: it was given some, so its close has to look for them
 * @serves: the epoch of the last set that it asked for requests, 0 for none:
 *	it is counted there. Guarded by the serve_lock of that set.
 * @next_queue: the queue where its next get from any queue begins
 * @waiting: calls that wait for requests
 * @busy_ns: how long they look for one before they sleep, as far as learned
 * @gets: requests that it was handed
 * @puts: requests that it answered
 * @stale: its puts that were refused with -ENOMSG
 */
struct abuse_client {
	bool draining;
	bool has_owned;
	u32 serves;
	u32 next_queue;
	atomic_t waiting;
	u32 busy_ns;
	atomic64_t gets;
	atomic64_t puts;
	atomic64_t stale;
};

enum abuse_slot_state {
	ABUSE_SLOT_FREE,
	ABUSE_SLOT_PENDING,
	ABUSE_SLOT_OWNED,
	ABUSE_SLOT_BUSY,
};

/* What becomes of a busy slot when its thread has finished the copy */
enum abuse_recall {
	ABUSE_RECALL_NONE,
	ABUSE_RECALL_REQUEUE,
	ABUSE_RECALL_EXPIRE,
};

/* 64 bytes, as a slot has a cache line of its own. */
struct abuse_slot {
	struct list_head link;
	struct request *rq;
	struct abuse_client *owner;
	u64 generation;
	u64 age;
	u8 state;			/* enum abuse_slot_state */
	u8 recall;			/* enum abuse_recall */
	bool redelivered;
	u32 gets;			/* so often it was handed out */
	u64 start;			/* when it was submitted, ns of the monotonic clock */
} ____cacheline_aligned_in_smp;

/*
 * All but the first fail every request; a higher one outdoes a lower one. While
 * a queue is orphaned none of its slots is owned or busy: whoever could own one
 * serves, from before its first get until its requests are given back.
 */
enum abuse_queue_state {
	ABUSE_QUEUE_LIVE,
	ABUSE_QUEUE_ORPHANED,
	ABUSE_QUEUE_FAILED,
	ABUSE_QUEUE_DEAD,
};

/* Of a request of a disk behind another: the target of its bytes has failed. */
#define ABUSE_RQ_FAULT	REQ_DRV

/* Such a request ends so when a server has submitted it anew; nobody else says that. */
#define ABUSE_STS_RETRY	BLK_STS_DM_REQUEUE

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
 * struct abuse_waiting - who waits for requests
 * @waiters: in a call; one of them is woken for a request
 * @pollers: who only look, and so must not take the wake-up of a waiter, even if
 *	one of them at a time wants to be woken
 */
struct abuse_waiting {
	wait_queue_head_t waiters;
	wait_queue_head_t pollers;
};

/**
 * struct abuse_gather - how many requests are worth a wake-up
 * @want: that number
 * @tried: @want was raised for this wait
 * @pause: how many waits pass between two attempts to raise it
 * @left: how many of them are left
 *
 * Several waiters may change it at once, without a lock, because it is only a
 * guess. See wait.c.
 */
struct abuse_gather {
	u32 want;
	bool tried;
	u32 pause;
	u32 left;
};

struct abuse_queue {
	spinlock_t lock;	/* see above */
	enum abuse_queue_state state;
	bool read_only;
	u32 depth;
	int nr_pending;			/* and INT_MIN while quiesced */
	u32 nr_inflight;
	int last_cpu;			/* of the last submission */
	u64 age;
	struct list_head pending;	/* oldest first */
	struct abuse_slot *slots;
	struct abuse_set *set;
	u32 index;
	struct abuse_gather gather;
	u32 watched;			/* as in the set */
	struct abuse_waiting wait;	/* who waits for this queue alone */
	struct abuse_counters count;
} ____cacheline_aligned_in_smp;

/**
 * struct abuse_claim - what an open file that serves a set says of it
 * @link: in the list of the set
 * @pid: the process that said it
 * @identity: what it serves
 * @text: the same in words
 */
struct abuse_claim {
	struct list_head link;
	struct pid *pid;
	u8 identity[ABUSE_IDENTITY_SIZE];
	char text[ABUSE_TEXT_SIZE];
};

/**
 * struct abuse_set - the hardware queues of a device, from setup to reset
 * @ref: the setup's own reference, one for each call, one for each open file
 *	that serves this set only
 * @free: frees the set, because whoever drops the last reference may not sleep
 * @any: those who wait for a request of any queue; outlives the set
 * @watched: a waiter looks for a request of any queue and does not sleep; it
 *	stops when somebody clears this. Without a lock.
 * @number: N of /dev/abctlN
 * @epoch: the number of the setup, never 0
 * @max_request: bytes
 * @nr: queues
 * @nr_tags: slots of each queue
 * @timeout_ms: 0 for never
 * @mappable: the disk is behind another, and requests can be submitted anew
 * @dead: reset
 * @serve_lock: guards what follows, and the state of all queues together
 * @autoremove: they fail when whoever made the setup has gone
 * @abandoned: he has gone, and the setup goes for certain
 * @served: somebody has asked for requests
 * @nr_serving: open files that have, and are not closed yet
 * @orphan_ms: once @served, how long requests wait when @nr_serving is 0; 0 for
 *	ever
 * @unserved_ms: the same before that
 * @quiesced: nothing is handed out, and requests wait for nobody
 * @orphan_at: when that time is over, in jiffies
 * @orphan: fails requests then
 * @on_served: work to queue when somebody begins to serve, or NULL
 * @on_served_wq: where to queue it
 * @claims: what the open files that serve it say; all have the same identity
 * @queue: the queues
 */
struct abuse_set {
	struct percpu_ref ref;
	struct work_struct free;
	struct abuse_waiting *any;
	u32 watched;
	u32 number;
	u32 epoch;
	u32 max_request;
	u32 nr;
	u32 nr_tags;
	u32 timeout_ms;
	bool mappable;
	bool dead;
	spinlock_t serve_lock;	/* orders the first get, claims and the end */
	bool autoremove;
	bool abandoned;
	bool served;
	u32 nr_serving;
	u32 orphan_ms;
	u32 unserved_ms;
	bool quiesced;
	unsigned long orphan_at;
	struct delayed_work orphan;
	struct work_struct *on_served;
	struct workqueue_struct *on_served_wq;
	struct list_head claims;
	struct abuse_queue queue[];
};

/* @queue stands for the hardware queues from the first to the last of these. */
static inline u32 abuse_first_queue(u32 queue)
{
	return queue == ABUSE_ANY_QUEUE ? 0 : queue;
}

static inline u32 abuse_last_queue(struct abuse_set *set, u32 queue)
{
	return queue == ABUSE_ANY_QUEUE ? set->nr - 1 : queue;
}

/*
 * Those that may be handed out: none while the queue is quiesced, as the count
 * is below zero then. Without a lock, a waiter that misses a new request is
 * woken for it.
 */
static inline u32 abuse_queue_ready(struct abuse_queue *q)
{
	return max(READ_ONCE(q->nr_pending), 0);
}

/* All that nobody has. */
static inline u32 abuse_queue_pending(struct abuse_queue *q)
{
	return READ_ONCE(q->nr_pending) & INT_MAX;
}

static inline u32 abuse_nr_pending(struct abuse_set *set, u32 queue)
{
	u32 i, pending = 0;

	for (i = abuse_first_queue(queue); i <= abuse_last_queue(set, queue); i++)
		pending += abuse_queue_ready(&set->queue[i]);
	return pending;
}

static inline u64 abuse_slot_id(struct abuse_queue *q, struct abuse_slot *slot)
{
	return slot->generation << ABUSE_GENERATION_SHIFT |
	       (u64)q->index << ABUSE_TAG_BITS | (slot - q->slots);
}

/* What enum abuse_get_flags says of the way of a request, and not of what it asks for */
static inline u32 abuse_slot_flags(const struct abuse_queue *q,
				   const struct abuse_slot *slot)
{
	bool fault = q->set->mappable && slot->rq->cmd_flags & ABUSE_RQ_FAULT;

	return (slot->redelivered ? ABUSE_GET_REDELIVERED : 0) |
	       (fault ? ABUSE_GET_FAULT : 0);
}

/* The queue that an id names; the first one if there is no such queue. */
static inline struct abuse_queue *abuse_queue_of(struct abuse_set *set, u64 id)
{
	u32 index = id >> ABUSE_TAG_BITS & ABUSE_QUEUE_MASK;

	return &set->queue[array_index_nospec(index, set->nr)];
}

static inline bool abuse_command_has_data(u32 command)
{
	return command == ABUSE_READ || command == ABUSE_WRITE;
}

#endif
