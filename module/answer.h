/* SPDX-License-Identifier: GPL-2.0 */
/* Puts, and copies of a part, until they have ended; see answer.c. */
#ifndef ABUSE_ANSWER_H
#define ABUSE_ANSWER_H

#include "slots.h"

/* Answers and requests pass over the stack in chunks of this many. */
#define ABUSE_CHUNK		32

unsigned int abuse_answer(struct abuse_set *set, struct abuse_client *client,
			  struct abuse_put *puts, unsigned int nr,
			  bool no_fault);
int abuse_copy(struct abuse_set *set, struct abuse_client *client,
	       const struct abuse_get *get, u32 offset, u32 length, u64 address,
	       bool no_fault);
int abuse_end(struct abuse_set *set, struct abuse_client *client, u64 id,
	      u32 result);

#endif
