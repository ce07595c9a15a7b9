/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hardware queues of a device, between the disk that submits requests and
 * the open control nodes that answer them.
 */
#ifndef ABUSE_QUEUE_H
#define ABUSE_QUEUE_H

#include <linux/blk-mq.h>
#include <linux/compat.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "uapi/abuse.h"

struct abuse_queues;

/**
 * struct abuse_client - an open control node, as the owner of requests
 * @draining: it wants no more of them
 * @next_queue: where its next get from any queue starts to look
 */
struct abuse_client {
	bool draining;
	u32 next_queue;
};

/**
 * struct abuse_room - what is left of a caller's buffer for data
 * @address: where the next piece goes; 0: there is no buffer
 * @size: bytes left
 * @full: a request had to stay behind because it did not fit
 */
struct abuse_room {
	u64 address;
	u64 size;
	bool full;
};

/* For whoever sets a device up and takes it down */
struct abuse_queues *abuse_queues_alloc(const struct abuse_config *config,
					u64 generation,
					wait_queue_head_t *any);
void abuse_queues_on_first_get(struct abuse_queues *set,
			       struct work_struct *work);
void abuse_queues_configure(struct abuse_queues *set,
			    const struct abuse_config *config);
void abuse_queues_kill(struct abuse_queues *set);
u64 abuse_queues_generation(struct abuse_queues *set);
bool abuse_queues_tryget(struct abuse_queues *set);
void abuse_queues_put(struct abuse_queues *set);

/* For the disk */
struct abuse_queue *abuse_queues_at(struct abuse_queues *set, u32 index);
blk_status_t abuse_queue_submit(struct abuse_queue *q, struct request *rq);
void abuse_queue_commit(struct abuse_queue *q);
enum blk_eh_timer_return abuse_queue_expire(struct abuse_queue *q,
					    struct request *rq);

/* For the control node */
void abuse_queues_depths(struct abuse_queues *set, u32 *pending,
			 u32 *unanswered);
bool abuse_queues_has(struct abuse_queues *set, u32 queue);
unsigned int abuse_queues_take(struct abuse_queues *set,
			       struct abuse_client *client, u32 queue,
			       struct abuse_get *gets, unsigned int max,
			       struct abuse_room *room);
int abuse_queues_wait(struct abuse_queues *set, struct abuse_client *client,
		      u32 queue, ktime_t *deadline);
void abuse_queues_drain(struct abuse_queues *set, struct abuse_client *client);
int abuse_queues_peek(struct abuse_queues *set, struct abuse_client *client,
		      u64 id, struct abuse_get *get);
int abuse_queues_copy(struct abuse_queues *set, struct abuse_client *client,
		      u64 id, u32 offset, u32 length, u64 address);
unsigned int abuse_queues_answer(struct abuse_queues *set,
				 struct abuse_client *client,
				 struct abuse_put *puts, unsigned int nr,
				 bool no_fault);
int abuse_queues_end(struct abuse_queues *set, struct abuse_client *client,
		     u64 id, u32 result);
void abuse_queues_unget(struct abuse_queues *set, struct abuse_client *client,
			const struct abuse_get *gets, unsigned int nr);
void abuse_queues_requeue(struct abuse_queues *set,
			  const struct abuse_client *client);
void abuse_queues_served(struct abuse_queues *set);
void abuse_queues_count(struct abuse_queues *set, struct abuse_status *status);

/* A 32-bit caller may extend the sign of an address: the upper half says nothing. */
static inline void __user *abuse_user_ptr(u64 address)
{
	return in_compat_syscall() ? compat_ptr(address) :
				     u64_to_user_ptr(address);
}

static inline bool abuse_command_has_data(u32 command)
{
	return command == ABUSE_READ || command == ABUSE_WRITE;
}

#endif
