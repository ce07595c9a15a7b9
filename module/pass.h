/* SPDX-License-Identifier: GPL-2.0 */
/* The way of a bio of a disk that may be mapped; see pass.c. */
#ifndef ABUSE_PASS_H
#define ABUSE_PASS_H

#include <linux/blk_types.h>

struct abuse_front;
struct abuse_io;
struct abuse_mapping;
struct work_struct;
struct workqueue_struct;

void abuse_front_submit(struct abuse_front *front, struct bio *bio);
void abuse_front_to_servers(struct abuse_front *front, struct bio *bio,
			    blk_opf_t flags);
bool abuse_front_is_mapped(struct abuse_mapping *m, struct bio *bio);
void abuse_io_finish(struct abuse_io *io);
void abuse_front_queue(struct abuse_front *front, struct workqueue_struct *wq,
		       struct work_struct *work);
void abuse_front_kick(struct abuse_front *front);

#endif
