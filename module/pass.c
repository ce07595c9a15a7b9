// SPDX-License-Identifier: GPL-2.0
/*
 * The way of a bio of a disk some of whose bytes are mapped. It is cloned: to the
 * target of what it covers, or to the disk behind, where servers get it; or it is
 * carried out in memory. It must not know how a disk is made.
 */
#include <linux/math64.h>

#include "cut.h"
#include "flush.h"
#include "fronts.h"
#include "io.h"
#include "lane.h"
#include "map.h"
#include "memory.h"
#include "pass.h"
#include "slots.h"
#include "trace.h"

/**
 * abuse_front_to_servers() - let servers have a bio
 * @front: the disk
 * @bio: of it
 * @flags: of the block layer, for its requests
 *
 * It may have to wait for them, so the caller is in no era.
 */
void abuse_front_to_servers(struct abuse_front *front, struct bio *bio,
			    blk_opf_t flags)
{
	struct abuse_io *io = abuse_io_clone(front, NULL, bio, NULL,
					     ABUSE_THEN_RETRY);

	if (!io)
		return;
	io->clone.bi_opf |= flags;
	percpu_ref_get(&front->users);
	submit_bio_noacct(&io->clone);
}

/* Returns whether it is the first time. */
static bool abuse_bio_first(struct bio *bio)
{
	bool first = !(bio->bi_opf & ABUSE_BIO_COUNTED);

	if (first) {
		bio->bi_opf |= ABUSE_BIO_COUNTED;
		bio->bi_opf &= ~ABUSE_BIO_FAULTED;
	}
	return first;
}

/* Nobody else counts on this processor meanwhile, so it takes no atomic. */
static void abuse_front_count_mapped(struct abuse_front *front, struct bio *bio)
{
	if (!abuse_bio_first(bio))
		return;
	if (!op_is_write(bio_op(bio))) {
		this_cpu_inc(front->passed->reads);
		this_cpu_add(front->passed->read_bytes, bio->bi_iter.bi_size);
	} else if (bio_op(bio) == REQ_OP_WRITE) {
		this_cpu_inc(front->passed->writes);
		this_cpu_add(front->passed->written_bytes,
			     bio->bi_iter.bi_size);
	}
}

/* Copies what lies at each place; the bio is not cut for that. */
static void abuse_front_copy(struct abuse_front *front, struct bio *bio,
			     const struct abuse_place *at)
{
	struct bvec_iter whole = bio->bi_iter;
	u32 left = whole.bi_size;

	for (;; at++) {
		u64 sectors = at->end - bio->bi_iter.bi_sector;

		bio->bi_iter.bi_size = min_t(u64, sectors << SECTOR_SHIFT, left);
		left -= bio->bi_iter.bi_size;
		trace_abuse_mapped(front->set->number, bio, at->m);
		abuse_memory_copy(at->m->target->memory,
				  (bio->bi_iter.bi_sector + at->m->delta)
				  << SECTOR_SHIFT, bio);
		if (!left)
			break;
		cond_resched();
		bio_advance_iter(bio, &bio->bi_iter, bio->bi_iter.bi_size);
	}
	bio->bi_iter = whole;
}

/* This waits for nobody, so it is done at once, as brd does. */
static void abuse_front_to_memory(struct abuse_front *front, struct bio *bio,
				  const struct abuse_place *at)
{
	unsigned long start = bio_start_io_acct(bio);

	abuse_front_count_mapped(front, bio);
	if (bio_has_data(bio)) {
		abuse_front_copy(front, bio, at);
	} else {
		trace_abuse_mapped(front->set->number, bio, at->m);
		abuse_memory_zero(at->m->target->memory,
				  (bio->bi_iter.bi_sector + at->m->delta)
				  << SECTOR_SHIFT, bio->bi_iter.bi_size);
	}
	bio_end_io_acct(bio, start);
	bio_endio(abuse_bio_unmark(bio));
}

/*
 * What is written shall be durable when it ends. Returns false if it cannot be: zeroes are
 * not written with FUA, and the device has got a volatile cache since it was mapped to.
 */
static bool abuse_clone_make_durable(struct bio *clone)
{
	if (bio_op(clone) == REQ_OP_WRITE)
		clone->bi_opf |= REQ_FUA;
	return bio_op(clone) != REQ_OP_WRITE_ZEROES ||
	       !bdev_write_cache(clone->bi_bdev);
}

/*
 * A device need not look at a discard that is not of whole units, and some have freed
 * what is around it. Returns false if nothing is left.
 */
static bool abuse_clone_align(struct bio *clone)
{
	u32 unit = bdev_discard_granularity(clone->bi_bdev) >> SECTOR_SHIFT;
	sector_t start = clone->bi_iter.bi_sector;
	sector_t end = bio_end_sector(clone);
	u32 first, head, tail;

	if (unit <= 1)
		return true;
	first = (bdev_discard_alignment(clone->bi_bdev) >> SECTOR_SHIFT) % unit;
	div_u64_rem(start + unit - first, unit, &head);
	div_u64_rem(end + unit - first, unit, &tail);
	if (head)
		start += unit - head;
	if (end < start + tail + 1)
		return false;
	clone->bi_iter.bi_sector = start;
	clone->bi_iter.bi_size = (end - tail - start) << SECTOR_SHIFT;
	return true;
}

/* Returns false if the bio, which must not wait, has ended. */
static bool abuse_front_to_device(struct abuse_front *front,
				  struct abuse_era *era, struct bio *bio,
				  struct abuse_mapping *m)
{
	struct abuse_io *io;

	if (bio->bi_opf & REQ_NOWAIT && !bdev_nowait(m->target->bdev)) {
		bio_wouldblock_error(abuse_bio_unmark(bio));
		return false;
	}
	io = abuse_io_clone(front, era, bio, m->target, ABUSE_THEN_FAULT);
	if (!io)
		return false;
	abuse_front_count_mapped(front, bio);
	trace_abuse_mapped(front->set->number, bio, m);
	io->clone.bi_iter.bi_sector += m->delta;
	if (!front->map.write_cache && op_is_write(bio_op(bio)) &&
	    !abuse_clone_make_durable(&io->clone)) {
		io->clone.bi_status = BLK_STS_NOTSUPP;
		bio_endio(&io->clone);
		return true;
	}
	if (bio_op(bio) == REQ_OP_DISCARD && !abuse_clone_align(&io->clone))
		bio_endio(&io->clone);
	else
		submit_bio_noacct(&io->clone);
	return true;
}

/* Returns false if the bio has ended. */
static bool abuse_front_to_target(struct abuse_front *front,
				  struct abuse_era *era, struct bio *bio,
				  const struct abuse_place *at)
{
	if (at->m->target->bdev)
		return abuse_front_to_device(front, era, bio, at->m);
	/* Zeroes may be many. */
	if (!bio_has_data(bio) && bio->bi_opf & REQ_NOWAIT) {
		bio_wouldblock_error(abuse_bio_unmark(bio));
		return false;
	}
	abuse_front_to_memory(front, bio, at);
	return false;
}

/*
 * @told: of losses when it began, if it has a flush. Returns true if the bio waits,
 * or has ended; false if it need not wait by now.
 */
static bool abuse_front_park(struct abuse_front *front, struct bio *bio,
			     s64 told)
{
	bool dead, wait;

	if (bio->bi_opf & REQ_NOWAIT) {
		bio_wouldblock_error(abuse_bio_unmark(bio));
		return true;
	}
	spin_lock(&front->lock);
	dead = front->dead;
	wait = abuse_map_is_paused(&front->map);
	if (wait && !dead) {
		if (bio->bi_opf & REQ_PREFLUSH)
			front->told = min(front->told, told);
		bio_list_add(&front->parked, bio);
	}
	spin_unlock(&front->lock);
	if (dead)
		bio_io_error(abuse_bio_unmark(bio));
	return dead || wait;
}

static void abuse_front_miss(struct abuse_front *front, struct bio *bio)
{
	if (abuse_bio_first(bio) && bio_has_data(bio))
		this_cpu_inc(front->passed->misses);
	abuse_front_to_servers(front, bio, 0);
}

/* For a bio that found no era, or one in which nothing begins; see below. */
static struct abuse_era *abuse_front_wait_to_enter(struct abuse_front *front,
						   struct abuse_era *era,
						   struct bio *bio,
						   struct bio *flush)
{
	s64 told = flush ? abuse_io_of(flush)->losses.told : 0;

	while (era && READ_ONCE(era->paused)) {
		abuse_era_leave(era);
		if (abuse_front_park(front, bio, told))
			return NULL;
		era = abuse_map_enter(&front->map);
	}
	if (!era)
		bio_io_error(abuse_bio_unmark(bio));
	return era;
}

/*
 * Returns the era that the bio may begin in, or NULL if it has ended or waits.
 * @flush: NULL, or for a flush
 */
static inline struct abuse_era *abuse_front_enter(struct abuse_front *front,
						  struct bio *bio,
						  struct bio *flush)
{
	struct abuse_era *era = abuse_map_enter(&front->map);

	if (likely(era && !READ_ONCE(era->paused)))
		return era;
	return abuse_front_wait_to_enter(front, era, bio, flush);
}

/*
 * The rest of a bio that has begun, in an era. @flush: NULL, or one that this may
 * take. In a lane its first piece is looked up here alone, so it waits for what this
 * lane waits for.
 */
static void abuse_front_begin(struct abuse_front *front, struct abuse_era *era,
			      struct bio *bio, struct bio **flush,
			      enum abuse_lanes lane)
{
	struct abuse_place at[ABUSE_MAX_PLACES] __uninitialized;
	enum abuse_lanes to;
	struct bio *part;
	sector_t end;

	at[0] = abuse_map_find(&front->map, bio->bi_iter.bi_sector);
	to = abuse_piece_lane(at[0].m, bio);
	if (unlikely(lane != ABUSE_NO_LANE) && lane != to &&
	    lane != ABUSE_LANE_FLUSHES) {
		abuse_lane_add(front, to, bio, ABUSE_BEGINS);
		abuse_era_leave(era);
		return;
	}
	if ((at[0].end < bio_end_sector(bio) || to == ABUSE_LANE_MEMORY) &&
	    abuse_front_piece_end(front, bio, to, at) < bio_end_sector(bio)) {
		abuse_era_leave(era);
		part = abuse_front_alloc_part(front, bio, to, lane);
		era = part ? abuse_front_enter(front, bio,
					       flush ? *flush : NULL) : NULL;
		if (!era) {
			if (part)
				bio_put(part);
			return;
		}
		at[0] = abuse_map_find(&front->map, bio->bi_iter.bi_sector);
		end = abuse_front_piece_end(front, bio, to, at);
		if (end >= bio_end_sector(bio) ||
		    abuse_piece_lane(at[0].m, bio) != to) {
			bio_put(part);
			abuse_front_go_on(front, bio);
			abuse_era_leave(era);
			return;
		}
		bio = abuse_front_cut(front, bio, part, end, lane);
	}
	if (to == ABUSE_LANE_SERVERS) {
		abuse_era_leave(era);
		abuse_front_miss(front, bio);
		return;
	}
	if (!(bio->bi_opf & REQ_PREFLUSH)) {
		if (!abuse_front_to_target(front, era, bio, at))
			abuse_era_leave(era);
	} else if (bio->bi_opf & REQ_NOWAIT) {
		bio_wouldblock_error(abuse_bio_unmark(bio));
		abuse_era_leave(era);
	} else {
		/* Servers have something to flush, and no device had. */
		abuse_front_flush_all(front, era, bio, flush, 0);
	}
}

static void abuse_front_pass_flush(struct abuse_front *front, struct bio *bio,
				   enum abuse_lanes lane, s64 told)
{
	struct bio *flush = abuse_front_alloc_flush(front, bio, told);
	struct abuse_era *era;

	if (!flush) {
		bio_wouldblock_error(abuse_bio_unmark(bio));
		return;
	}
	era = abuse_front_enter(front, bio, flush);
	if (!era || abuse_front_preflush(front, era, bio, &flush, lane))
		goto out;
	if (bio_sectors(bio)) {
		abuse_front_begin(front, era, bio, &flush, lane);
	} else {
		abuse_era_leave(era);
		abuse_front_to_servers(front, bio, 0);
	}
out:
	if (flush)
		bio_put(flush);
}

/**
 * abuse_front_pass() - carry a bio out
 * @front: the disk
 * @bio: of it, not cut to any size
 * @lane: whose worker this is, which waits for nothing else; or ABUSE_NO_LANE
 * @told: of losses, when a flush began; or ABUSE_BEGINS
 */
void abuse_front_pass(struct abuse_front *front, struct bio *bio,
		      enum abuse_lanes lane, s64 told)
{
	struct abuse_era *era;

	if (unlikely(bio->bi_opf & REQ_PREFLUSH)) {
		abuse_front_pass_flush(front, bio, lane, told);
		return;
	}
	era = abuse_front_enter(front, bio, NULL);
	if (era)
		abuse_front_begin(front, era, bio, NULL, lane);
}

/**
 * abuse_front_submit() - carry a bio out for whoever submits it
 * @front: the disk
 * @bio: of it, not cut to any size
 *
 * What is known not to be mapped needs no era.
 */
void abuse_front_submit(struct abuse_front *front, struct bio *bio)
{
	abuse_bio_unmark(bio);
	if (!(bio->bi_opf & REQ_PREFLUSH) && !READ_ONCE(front->map.paused) &&
	    abuse_map_is_unmapped(&front->map, bio->bi_iter.bi_sector,
				  bio_end_sector(bio)))
		abuse_front_miss(front, bio);
	else
		abuse_front_pass(front, bio, ABUSE_NO_LANE, ABUSE_BEGINS);
}
