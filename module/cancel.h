/* SPDX-License-Identifier: GPL-2.0 */
/* How requests fail without an answer; see cancel.c. */
#ifndef ABUSE_CANCEL_H
#define ABUSE_CANCEL_H

#include "slots.h"

enum blk_eh_timer_return abuse_expire(struct abuse_queue *q,
				      struct request *rq);
void abuse_cancel(struct abuse_set *set);
void abuse_fail(struct abuse_set *set, enum abuse_queue_state state);
bool abuse_abandon(struct abuse_set *set);

#endif
