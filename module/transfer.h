/* SPDX-License-Identifier: GPL-2.0 */
/* Trying puts together; see transfer.c. */
#ifndef ABUSE_TRANSFER_H
#define ABUSE_TRANSFER_H

#include "slots.h"

/**
 * struct abuse_transfer - the progress of a put
 * @slot: the slot while it is busy, else NULL
 * @end: the request to end, or NULL
 * @status: of @end
 * @length: bytes to copy
 * @done: bytes copied
 */
struct abuse_transfer {
	struct abuse_slot *slot;
	struct request *end;
	blk_status_t status;
	u32 length;
	u32 done;
};

void abuse_transfer_try(struct abuse_set *set, struct abuse_client *client,
			struct abuse_put *puts, struct abuse_transfer *ts,
			unsigned int nr, bool copied);

#endif
