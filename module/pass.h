/* SPDX-License-Identifier: GPL-2.0 */
/* The way of a bio of a disk that may be mapped; see pass.c. */
#ifndef ABUSE_PASS_H
#define ABUSE_PASS_H

#include <linux/blk_types.h>

struct abuse_front;
struct abuse_mapping;

void abuse_front_submit(struct abuse_front *front, struct bio *bio);
void abuse_front_to_servers(struct abuse_front *front, struct bio *bio,
			    blk_opf_t flags);
bool abuse_front_is_mapped(struct abuse_mapping *m, struct bio *bio);

#endif
