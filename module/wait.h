/* SPDX-License-Identifier: GPL-2.0 */
/* Who waits for pending requests, and who is woken; see wait.c. */
#ifndef ABUSE_WAIT_H
#define ABUSE_WAIT_H

#include "slots.h"

void abuse_waiting_init(struct abuse_waiting *wait);
void abuse_wake(struct abuse_queue *q);
void abuse_wake_everybody(struct abuse_set *set);
int abuse_wait(struct abuse_set *set, struct abuse_client *client, u32 queue,
	       ktime_t *deadline, u32 busy_ns);
void abuse_drain(struct abuse_set *set, struct abuse_client *client);

#endif
