/* SPDX-License-Identifier: GPL-2.0 */
/* Transitions of a slot; see slot.c. */
#ifndef ABUSE_SLOT_H
#define ABUSE_SLOT_H

#include "slots.h"

/**
 * struct abuse_room - what is left of a caller's buffer for data
 * @address: where the next piece goes; 0: there is no buffer
 * @size: bytes left
 * @full: a request stayed pending because it did not fit
 */
struct abuse_room {
	u64 address;
	u64 size;
	bool full;
};

/* For the disk */
blk_status_t abuse_submit(struct abuse_queue *q, struct request *rq);

/* For the owner */
unsigned int abuse_take(struct abuse_set *set, struct abuse_client *client,
			u32 queue, struct abuse_get *gets, unsigned int max,
			struct abuse_room *room);
int abuse_peek(struct abuse_set *set, struct abuse_client *client, u64 id,
	       struct abuse_get *get);
void abuse_unget(struct abuse_set *set, struct abuse_client *client,
		 const struct abuse_get *gets, unsigned int nr);

/* For a transfer and its end: with the lock of the queue */
void abuse_slot_stale(struct abuse_queue *q, struct abuse_client *client,
		      u64 id);
struct abuse_slot *abuse_slot_find(struct abuse_queue *q,
				   struct abuse_client *client, u64 id);
struct request *abuse_slot_free(struct abuse_queue *q, struct abuse_slot *slot);
void abuse_slot_repend(struct abuse_queue *q, struct abuse_slot *slot,
		       bool redelivered);

/* For the requests of all owners */
void abuse_requeue(struct abuse_set *set, const struct abuse_client *client);

#endif
