/* SPDX-License-Identifier: GPL-2.0 */
/* A bio under way; see io.c. */
#ifndef ABUSE_IO_H
#define ABUSE_IO_H

#include "fronts.h"

int abuse_ios_init(void);
void abuse_ios_exit(void);
void abuse_io_init(struct abuse_io *io, struct abuse_front *front,
		   struct abuse_era *era, struct bio *bio, unsigned long start,
		   enum abuse_then then);
struct abuse_io *abuse_io_clone(struct abuse_front *front,
				struct abuse_era *era, struct bio *bio,
				struct abuse_target *target,
				enum abuse_then then);
void abuse_io_finish(struct abuse_io *io);
void abuse_front_queue(struct abuse_front *front, struct workqueue_struct *wq,
		       struct work_struct *work);
void abuse_front_kick(struct abuse_front *front);

static inline struct abuse_io *abuse_io_of(struct bio *clone)
{
	return container_of(clone, struct abuse_io, clone);
}

/* Of a bio that comes, or is to be ended: its marks are ours only between the two. */
static inline struct bio *abuse_bio_unmark(struct bio *bio)
{
	bio->bi_opf &= ~(ABUSE_BIO_COUNTED | ABUSE_BIO_FAULTED);
	return bio;
}

static inline gfp_t abuse_gfp(struct bio *bio)
{
	return bio->bi_opf & REQ_NOWAIT ? GFP_NOWAIT : GFP_NOIO;
}

#endif
