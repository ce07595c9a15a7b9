/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The types: a slot stands for a request, a queue has slots, a set has the
 * queues of a device from one setup to the next reset. It says who may touch
 * what under which lock; it knows nothing of ioctls and disks.
 *
 * A slot belongs to one tag of one hardware queue:
 *
 *	free -> pending		submitted, nobody has it
 *	pending -> owned	got by an open file; the id is a new one
 *	owned <-> busy		a call of the owner copies its data
 *	busy -> free		put
 *	owned -> pending	its owner went away, or somebody asked for it
 *	busy -> pending		the same; by the call that made it busy
 *	pending, owned -> free	reset, device failure, timeout
 *	busy -> free		the same; by the call that made it busy
 *
 * Locking: the lock of a queue guards its slots, its list of pending requests
 * and its counters. It is taken in process context, nothing nests inside it,
 * and it is not held while user memory is touched or a request is ended.
 *
 * While a slot is busy only the thread that made it busy changes its state, and
 * that thread takes no page fault until the slot is owned again or free. So
 * the pages of a request stay there while they are copied, and still a reset
 * never waits for the memory of a server. Whoever wants a busy slot back leaves
 * word in @recall.
 */
#ifndef ABUSE_SLOTS_H
#define ABUSE_SLOTS_H

#include <linux/blk-mq.h>
#include <linux/percpu-refcount.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "uapi/abuse.h"

/*
 * An id is generation, queue and tag. A stale id does not fit its slot's
 * generation, which goes on from where the device's last setup left it.
 */
#define ABUSE_TAG_BITS		12
#define ABUSE_QUEUE_BITS	12
#define ABUSE_TAG_MASK		(BIT(ABUSE_TAG_BITS) - 1)
#define ABUSE_QUEUE_MASK	(BIT(ABUSE_QUEUE_BITS) - 1)
#define ABUSE_GENERATION_SHIFT	(ABUSE_TAG_BITS + ABUSE_QUEUE_BITS)

/**
 * struct abuse_client - an open control node, as the owner of requests
 * @draining: it wants no more of them
 * @has_owned: it was given some, so that its close has to look for them
 * @next_queue: where its next get from any queue starts to look
 */
struct abuse_client {
	bool draining;
	bool has_owned;
	u32 next_queue;
};

enum abuse_slot_state {
	ABUSE_SLOT_FREE,
	ABUSE_SLOT_PENDING,
	ABUSE_SLOT_OWNED,
	ABUSE_SLOT_BUSY,
};

/* What is to become of a busy slot when its thread is done with it */
enum abuse_recall {
	ABUSE_RECALL_NONE,
	ABUSE_RECALL_REQUEUE,
	ABUSE_RECALL_EXPIRE,
};

struct abuse_slot {
	struct list_head link;
	struct request *rq;
	struct abuse_client *owner;
	u64 generation;
	u64 age;
	enum abuse_slot_state state;
	enum abuse_recall recall;
	bool redelivered;
} ____cacheline_aligned_in_smp;

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
 * @pause: waits between two tries
 * @left: waits until the next try
 *
 * A guess that several waiters may change at once: no lock. See wait.c.
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
	u32 nr_pending;
	u32 nr_inflight;
	int last_cpu;			/* that submitted something */
	u64 age;
	struct list_head pending;	/* oldest first */
	struct abuse_slot *slots;
	struct abuse_set *set;
	u32 index;
	struct abuse_gather gather;
	wait_queue_head_t wait;		/* gets of this queue, and its pollers */
	struct abuse_counters count;
} ____cacheline_aligned_in_smp;

/**
 * struct abuse_claim - what an open file that serves a set says of it
 * @link: in the list of the set
 * @pid: the process that said it
 * @identity: what it serves
 * @text: the same for people
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
 * @free: frees it, as the last reference may go where nobody may sleep
 * @any: who waits for a request of any queue, and pollers; outlives the set
 * @number: N of /dev/abctlN
 * @epoch: the number of the setup, never 0
 * @max_request: bytes
 * @nr: queues
 * @nr_tags: slots of each queue
 * @timeout_ms: 0 for never
 * @dead: reset
 * @serve_lock: guards what follows
 * @served: somebody has asked for requests
 * @first_get: work to be queued once that is so, on @first_get_wq, or NULL
 * @first_get_wq: see @first_get
 * @claims: what it is served from: all have the same identity
 * @queue: the queues
 */
struct abuse_set {
	struct percpu_ref ref;
	struct work_struct free;
	wait_queue_head_t *any;
	u32 number;
	u32 epoch;
	u32 max_request;
	u32 nr;
	u32 nr_tags;
	u32 timeout_ms;
	bool dead;
	spinlock_t serve_lock;	/* between a first get, claims and the end */
	bool served;
	struct work_struct *first_get;
	struct workqueue_struct *first_get_wq;
	struct list_head claims;
	struct abuse_queue queue[];
};

/* The hardware queues that @queue stands for are those from first to last. */
static inline u32 abuse_first_queue(u32 queue)
{
	return queue == ABUSE_ANY_QUEUE ? 0 : queue;
}

static inline u32 abuse_last_queue(struct abuse_set *set, u32 queue)
{
	return queue == ABUSE_ANY_QUEUE ? set->nr - 1 : queue;
}

/* Without a lock: good enough for who is woken when there are more. */
static inline u32 abuse_nr_pending(struct abuse_set *set, u32 queue)
{
	u32 i, pending = 0;

	for (i = abuse_first_queue(queue); i <= abuse_last_queue(set, queue); i++)
		pending += READ_ONCE(set->queue[i].nr_pending);
	return pending;
}

static inline u64 abuse_slot_id(struct abuse_queue *q, struct abuse_slot *slot)
{
	return slot->generation << ABUSE_GENERATION_SHIFT |
	       (u64)q->index << ABUSE_TAG_BITS | (slot - q->slots);
}

/* The queue that an id names; any queue if it names none. */
static inline struct abuse_queue *abuse_queue_of(struct abuse_set *set, u64 id)
{
	u32 index = id >> ABUSE_TAG_BITS & ABUSE_QUEUE_MASK;

	return &set->queue[index < set->nr ? index : 0];
}

static inline bool abuse_command_has_data(u32 command)
{
	return command == ABUSE_READ || command == ABUSE_WRITE;
}

#endif
