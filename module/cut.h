/* SPDX-License-Identifier: GPL-2.0 */
/* Pieces of a bio that is mapped in several ways; see cut.c. */
#ifndef ABUSE_CUT_H
#define ABUSE_CUT_H

#include <linux/blkdev.h>

#include "fronts.h"
#include "map.h"

/* So many places in memory may be one piece; whoever cuts has them on the stack. */
#define ABUSE_MAX_PLACES	16

void abuse_front_go_on(struct abuse_front *front, struct bio *bio);
struct bio *abuse_front_alloc_part(struct abuse_front *front, struct bio *bio,
				   enum abuse_lanes to, enum abuse_lanes lane);
struct bio *abuse_front_cut(struct abuse_front *front, struct bio *bio,
			    struct bio *part, sector_t end,
			    enum abuse_lanes lane);
sector_t abuse_front_piece_end(struct abuse_front *front, struct bio *bio,
			       enum abuse_lanes to,
			       struct abuse_place at[ABUSE_MAX_PLACES]);

/* Whether what is asked is carried out by a target; @m: where its bytes are, or NULL */
static inline bool abuse_front_is_mapped(struct abuse_mapping *m, struct bio *bio)
{
	if (!m || !op_is_write(bio_op(bio)))
		return m;
	return m->ops & abuse_op_bit(bio_op(bio)) && !bdev_read_only(bio->bi_bdev) &&
	       !(m->target->bdev && bdev_read_only(m->target->bdev));
}

/* What has to be waited for to submit a piece of a bio that is mapped so */
static inline enum abuse_lanes abuse_piece_lane(struct abuse_mapping *m,
						struct bio *bio)
{
	if (!abuse_front_is_mapped(m, bio))
		return ABUSE_LANE_SERVERS;
	return m->target->bdev ? ABUSE_LANE_TARGETS + m->target->lane :
				 ABUSE_LANE_MEMORY;
}

#endif
