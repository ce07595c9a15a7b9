/* SPDX-License-Identifier: GPL-2.0 */
/* Who serves, and how long requests wait when nobody does; see orphan.c. */
#ifndef ABUSE_ORPHAN_H
#define ABUSE_ORPHAN_H

#include "slots.h"

int abuse_orphans_init(void);
void abuse_orphans_exit(void);

void abuse_orphan_prepare(struct abuse_set *set);
void abuse_orphan_watch(struct abuse_set *set);
void abuse_orphan_notify(struct abuse_set *set);
void abuse_orphan_end(struct abuse_set *set);

void abuse_orphan_enlist(struct abuse_set *set, struct abuse_client *client);
void abuse_orphan_leave(struct abuse_set *set, struct abuse_client *client);

#endif
