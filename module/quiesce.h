/* SPDX-License-Identifier: GPL-2.0 */
/* A pause in which no request is handed out; see quiesce.c. */
#ifndef ABUSE_QUIESCE_H
#define ABUSE_QUIESCE_H

#include "slots.h"

void abuse_quiesce(struct abuse_set *set);
void abuse_resume(struct abuse_set *set);
int abuse_quiesce_wait(struct abuse_set *set, u32 timeout_ms,
		       struct completion *rest, u32 *owned);

#endif
