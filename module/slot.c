// SPDX-License-Identifier: GPL-2.0
/*
 * The transitions of a slot: submit, take, give back, requeue. A slot is changed
 * here, in cancel.c and, while it is busy, in transfer.c. This file moves no data
 * and must not know how requests reach user space.
 */
#include <linux/list_sort.h>
#include <linux/sched.h>

#include "describe.h"
#include "slot.h"
#include "trace.h"
#include "wait.h"

/* The alignment of pieces of a caller's buffer, so that they suit O_DIRECT */
#define ABUSE_PIECE_ALIGN	4096

static void abuse_slot_describe(struct abuse_queue *q, struct abuse_slot *slot,
				struct abuse_get *get)
{
	abuse_describe(slot->rq, get);
	get->id = abuse_slot_id(q, slot);
	get->flags |= abuse_slot_flags(q, slot);
}

static void abuse_slot_own(struct abuse_queue *q, struct abuse_slot *slot,
			   struct abuse_client *client)
{
	lockdep_assert_held(&q->lock);
	list_del(&slot->link);
	WRITE_ONCE(q->nr_pending, q->nr_pending - 1);
	slot->state = ABUSE_SLOT_OWNED;
	slot->owner = client;
	trace_abuse_get(q, slot);
	slot->gets++;
	q->count.gets++;
	if (slot->redelivered)
		q->count.redelivered++;
}

/*
 * Gives a slot its next id. It is never 0; an id has 40 bits of the generation,
 * so it does not come again.
 */
static void abuse_slot_renew(struct abuse_slot *slot)
{
	slot->generation++;
	if (unlikely(!(slot->generation << ABUSE_GENERATION_SHIFT)))
		slot->generation++;
}

/**
 * abuse_slot_free() - free the slot of a request that ends
 * @q: the queue, locked
 * @slot: the slot, in any other state
 *
 * Return: the request, which the caller must end after dropping the lock.
 */
struct request *abuse_slot_free(struct abuse_queue *q, struct abuse_slot *slot)
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

static void abuse_slot_pend(struct abuse_queue *q, struct abuse_slot *slot,
			    bool redelivered, struct list_head *before)
{
	lockdep_assert_held(&q->lock);
	slot->state = ABUSE_SLOT_PENDING;
	slot->recall = ABUSE_RECALL_NONE;
	slot->owner = NULL;
	slot->redelivered |= redelivered;
	list_add_tail(&slot->link, before);
	WRITE_ONCE(q->nr_pending, q->nr_pending + 1);
}

/**
 * abuse_slot_repend() - make a request pending again, in the order of age
 * @q: the queue, locked; the caller wakes it after dropping the lock
 * @slot: owned or busy
 * @redelivered: whether the owner knew of the request
 */
void abuse_slot_repend(struct abuse_queue *q, struct abuse_slot *slot,
		       bool redelivered)
{
	struct abuse_slot *younger;

	/* It is older than most, so its place is near the front. */
	list_for_each_entry(younger, &q->pending, link) {
		if (younger->age > slot->age)
			break;
	}
	abuse_slot_pend(q, slot, redelivered, &younger->link);
	trace_abuse_requeue(q, slot);
}

/**
 * abuse_slot_stale() - note a put of a request that the caller does not own
 * @q: the queue, locked
 * @client: the caller
 * @id: the request
 */
void abuse_slot_stale(struct abuse_queue *q, struct abuse_client *client,
		      u64 id)
{
	lockdep_assert_held(&q->lock);
	trace_abuse_stale(q, id);
	q->count.stale++;
	atomic64_inc(&client->stale);
}

/**
 * abuse_slot_find() - find the slot that an id names
 * @q: the queue, locked
 * @client: the owner
 * @id: the id
 *
 * Return: the slot; -ENOMSG if @client does not own it; -EBUSY if it is busy.
 */
struct abuse_slot *abuse_slot_find(struct abuse_queue *q,
				   struct abuse_client *client, u64 id)
{
	u32 tag = id & ABUSE_TAG_MASK;
	struct abuse_slot *slot = &q->slots[array_index_nospec(tag,
							       q->set->nr_tags)];

	lockdep_assert_held(&q->lock);
	if (slot->owner != client || abuse_slot_id(q, slot) != id)
		return ERR_PTR(-ENOMSG);
	return slot->state == ABUSE_SLOT_BUSY ? ERR_PTR(-EBUSY) : slot;
}

/**
 * abuse_submit() - make a request of the disk pending
 * @q: the hardware queue
 * @rq: the request
 *
 * This wakes nobody: the caller does so after the last request of a batch.
 *
 * Return: BLK_STS_OK; BLK_STS_IOERR; BLK_STS_RESOURCE when a reconnect lowered
 * the depth and it is reached. The block layer then tries again by itself. It
 * has to, because the last request in flight may end, or the depth be raised,
 * before the block layer has put this one aside.
 */
blk_status_t abuse_submit(struct abuse_queue *q, struct request *rq)
{
	struct abuse_slot *slot = &q->slots[rq->tag];
	blk_status_t status = BLK_STS_OK;

	blk_mq_start_request(rq);
	spin_lock(&q->lock);
	if (unlikely(q->state != ABUSE_QUEUE_LIVE ||
		     (q->read_only && op_is_write(req_op(rq)) &&
		      req_op(rq) != REQ_OP_FLUSH))) {
		q->count.errors++;
		status = BLK_STS_IOERR;
	} else if (unlikely(q->nr_inflight >= q->depth)) {
		status = BLK_STS_RESOURCE;
	} else {
		slot->rq = rq;
		slot->age = q->age++;
		slot->redelivered = false;
		slot->gets = 0;
		/* Without statistics the block layer has not looked. */
		slot->start = rq->rq_flags & RQF_IO_STAT ? rq->start_time_ns :
							   ktime_get_ns();
		abuse_slot_pend(q, slot, false, &q->pending);
		trace_abuse_submit(q, slot);
		WRITE_ONCE(q->nr_inflight, q->nr_inflight + 1);
	}
	WRITE_ONCE(q->last_cpu, raw_smp_processor_id());
	spin_unlock(&q->lock);
	return status;
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

	/* Waiters often come here with nothing pending: skip the lock. */
	if (!abuse_queue_ready(q))
		return 0;

	spin_lock(&q->lock);
	while (nr < max && abuse_queue_ready(q)) {
		struct abuse_slot *slot = list_first_entry(&q->pending,
							   struct abuse_slot,
							   link);

		abuse_slot_renew(slot);
		abuse_slot_describe(q, slot, &gets[nr]);
		if (!abuse_room_take(room, &gets[nr]))
			break;
		abuse_slot_own(q, slot, client);
		nr++;
	}
	spin_unlock(&q->lock);

	if (nr) {
		atomic64_add(nr, &client->gets);
		if (!READ_ONCE(client->has_owned))
			WRITE_ONCE(client->has_owned, true);
	}
	/* The caller may have been woken for a request it has no room for. */
	if (abuse_queue_ready(q))
		abuse_wake(q);
	return nr;
}

/**
 * abuse_take() - hand out pending requests
 * @set: the queues
 * @client: the new owner
 * @queue: an index, or ABUSE_ANY_QUEUE
 * @gets: the requests, out: the oldest of a queue first
 * @max: room in @gets
 * @room: the caller's buffer; each read and write is given a piece of it
 *
 * With ABUSE_ANY_QUEUE a call begins where the caller's last one ended: at the
 * queue after the one that it took from last, or at the queue whose request it
 * had no room for.
 *
 * Return: how many were handed out; it does not wait.
 */
unsigned int abuse_take(struct abuse_set *set, struct abuse_client *client,
			u32 queue, struct abuse_get *gets, unsigned int max,
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
	for (i = 0; i < set->nr && nr < max; i++) {
		nr += abuse_queue_take(&set->queue[index], client, gets + nr,
				       max - nr, room);
		if (room->full)
			break;
		index = (index + 1) % set->nr;
	}
	if (READ_ONCE(client->next_queue) != index)
		WRITE_ONCE(client->next_queue, index);
	return nr;
}

/**
 * abuse_peek() - describe a request again
 * @set: the queues
 * @client: its owner
 * @id: its id
 * @get: the description, out
 *
 * Return: 0; -ENOMSG if @client does not own it; -EBUSY if it is busy.
 */
int abuse_peek(struct abuse_set *set, struct abuse_client *client, u64 id,
	       struct abuse_get *get)
{
	struct abuse_queue *q = abuse_queue_of(set, id);
	struct abuse_slot *slot;

	spin_lock(&q->lock);
	slot = abuse_slot_find(q, client, id);
	if (!IS_ERR(slot))
		abuse_slot_describe(q, slot, get);
	else if (PTR_ERR(slot) == -ENOMSG)
		abuse_slot_stale(q, client, id);
	spin_unlock(&q->lock);
	return PTR_ERR_OR_ZERO(slot);
}

/**
 * abuse_unget() - take back requests that @client has not been told of
 * @set: the queues
 * @client: their owner
 * @gets: the requests; some may have ended since
 * @nr: how many
 */
void abuse_unget(struct abuse_set *set, struct abuse_client *client,
		 const struct abuse_get *gets, unsigned int nr)
{
	while (nr--) {
		struct abuse_queue *q = abuse_queue_of(set, gets[nr].id);
		struct abuse_slot *slot;

		spin_lock(&q->lock);
		slot = abuse_slot_find(q, client, gets[nr].id);
		if (!IS_ERR(slot)) {
			abuse_slot_repend(q, slot, false);
			slot->gets--;
			q->count.gets--;
			atomic64_dec(&client->gets);
			if (slot->redelivered)
				q->count.redelivered--;
		}
		spin_unlock(&q->lock);
		abuse_wake(q);
	}
}

static int abuse_slot_cmp(void *priv, const struct list_head *a,
			  const struct list_head *b)
{
	const struct abuse_slot *x = list_entry(a, struct abuse_slot, link);
	const struct abuse_slot *y = list_entry(b, struct abuse_slot, link);

	return x->age > y->age;
}

/* Returns whether something has become pending. */
static bool abuse_queue_requeue(struct abuse_queue *q,
				const struct abuse_client *client)
{
	bool any = false;
	u32 tag;

	spin_lock(&q->lock);
	for (tag = 0; tag < q->set->nr_tags; tag++) {
		struct abuse_slot *slot = &q->slots[tag];

		if (client && slot->owner != client)
			continue;
		if (slot->state == ABUSE_SLOT_OWNED) {
			abuse_slot_pend(q, slot, true, &q->pending);
			trace_abuse_requeue(q, slot);
			any = true;
		} else if (slot->state == ABUSE_SLOT_BUSY) {
			slot->recall = ABUSE_RECALL_REQUEUE;
		}
	}
	if (any)
		list_sort(NULL, &q->pending, abuse_slot_cmp);
	spin_unlock(&q->lock);
	return any;
}

/**
 * abuse_requeue() - make owned requests pending again
 * @set: the queues
 * @client: an owner that goes away, or NULL for all owners
 *
 * A busy request follows, unanswered, when its thread has finished the copy.
 * The copy takes no page fault, so nobody has to wait for it.
 */
void abuse_requeue(struct abuse_set *set, const struct abuse_client *client)
{
	u32 i;

	for (i = 0; i < set->nr; i++) {
		if (abuse_queue_requeue(&set->queue[i], client))
			abuse_wake(&set->queue[i]);
		cond_resched();
	}
}
