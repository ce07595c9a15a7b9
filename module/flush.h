/* SPDX-License-Identifier: GPL-2.0 */
/* Flushes of a disk that may be mapped; see flush.c. */
#ifndef ABUSE_FLUSH_H
#define ABUSE_FLUSH_H

#include "fronts.h"

struct bio *abuse_front_alloc_flush(struct abuse_front *front, struct bio *bio,
				    s64 told);
void abuse_front_flush_all(struct abuse_front *front, struct abuse_era *era,
			   struct bio *bio, struct bio **flush,
			   unsigned int most);
bool abuse_front_preflush(struct abuse_front *front, struct abuse_era *era,
			  struct bio *bio, struct bio **flush,
			  enum abuse_lanes lane);

#endif
