/* SPDX-License-Identifier: GPL-2.0 */
/* The way of a bio of a disk that may be mapped; see pass.c. */
#ifndef ABUSE_PASS_H
#define ABUSE_PASS_H

#include "fronts.h"

void abuse_front_submit(struct abuse_front *front, struct bio *bio);
void abuse_front_pass(struct abuse_front *front, struct bio *bio,
		      enum abuse_lanes lane, s64 told);
void abuse_front_to_servers(struct abuse_front *front, struct bio *bio,
			    blk_opf_t flags);

#endif
