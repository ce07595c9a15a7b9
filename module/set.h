/* SPDX-License-Identifier: GPL-2.0 */
/* The life of the queues of a device, from setup to reset; see set.c. */
#ifndef ABUSE_SET_H
#define ABUSE_SET_H

#include "slots.h"

int abuse_sets_init(void);
void abuse_sets_exit(void);

struct abuse_set *abuse_set_alloc(const struct abuse_config *config,
				  u32 number, u64 generation, u32 epoch,
				  struct abuse_waiting *any);
void abuse_set_on_served(struct abuse_set *set, struct workqueue_struct *wq,
			 struct work_struct *work);
bool abuse_set_configure(struct abuse_set *set,
			 const struct abuse_config *config);
void abuse_set_kill(struct abuse_set *set);
u64 abuse_set_generation(struct abuse_set *set);
bool abuse_set_tryget(struct abuse_set *set);
void abuse_set_put(struct abuse_set *set);

int abuse_set_claim(struct abuse_set *set, struct abuse_claim *claim,
		    struct abuse_serve *serve);
void abuse_set_unclaim(struct abuse_set *set, struct abuse_claim *claim);

bool abuse_set_has_queue(struct abuse_set *set, u32 queue);
void abuse_set_depths(struct abuse_set *set, u32 queue, u32 *pending,
		      u32 *unanswered);
void abuse_set_requests(struct abuse_set *set, u32 *pending, u32 *owned);
enum abuse_queue_state abuse_set_state(struct abuse_set *set);
void abuse_set_backing(struct abuse_set *set, char text[ABUSE_TEXT_SIZE]);
void abuse_set_count(struct abuse_set *set, struct abuse_status *status);

#endif
