// SPDX-License-Identifier: GPL-2.0
/*
 * Flushes of a disk some of whose bytes are mapped: they reach each device that is
 * written to, and the servers, and a write may follow. It must not know which way a
 * bio takes.
 */
#include "flush.h"
#include "fronts.h"
#include "io.h"
#include "lane.h"
#include "map.h"

/* Whether servers have something to flush; if not, nobody waits for them. */
static bool abuse_front_is_dirty(struct abuse_front *front)
{
	return atomic64_read(&front->flushed) < atomic64_read(&front->wrote);
}

static void abuse_front_flush_device(struct abuse_front *front,
				     struct abuse_era *era, struct bio *parent,
				     struct abuse_target *target)
{
	struct bio *bio = bio_alloc_bioset(target->bdev, 0,
					   REQ_OP_WRITE | REQ_PREFLUSH,
					   GFP_NOIO,
					   &front->bios[ABUSE_BIOS_TARGETS +
							target->lane]);

	abuse_era_stay(era);
	bio_inc_remaining(parent);
	abuse_io_init(abuse_io_of(bio), front, era, parent, 0,
		      ABUSE_THEN_COUNT);
	atomic_inc(&target->flushes);
	abuse_io_of(bio)->target = target;
	abuse_io_of(bio)->covers = abuse_target_begin_flush(target);
	submit_bio_noacct(bio);
}

/*
 * Flushes what was written to devices, to so many at most: those that are mapped
 * since they were counted have nothing that this is for. @parent ends after that.
 */
static void abuse_front_flush_devices(struct abuse_front *front,
				      struct abuse_era *era,
				      struct bio *parent, unsigned int most)
{
	struct abuse_target *target = NULL;

	while (most-- &&
	       (target = abuse_map_next_device(&front->map, target)))
		abuse_front_flush_device(front, era, parent, target);
	if (target)
		abuse_map_leave_device(&front->map, target);
}

/**
 * abuse_front_alloc_flush() - get that with which a flush goes to servers
 * @front: the disk
 * @bio: of it, with a flush
 * @told: of losses when it was put off, or ABUSE_BEGINS
 *
 * It may have to wait for them, so no era is held meanwhile, nor anything that was
 * allocated in one. What is told as lost while a flush waits is lost for it, too.
 *
 * Return: a bio, or NULL if @bio must not wait.
 */
struct bio *abuse_front_alloc_flush(struct abuse_front *front, struct bio *bio,
				    s64 told)
{
	struct abuse_losses losses = abuse_map_losses(&front->map);
	struct block_device *behind = front->behind->part0;
	struct bio_set *bios = &front->bios[ABUSE_BIOS_FLUSH];
	struct bio *flush;

	if (bio_sectors(bio))
		flush = bio_alloc_bioset(behind, 0, REQ_OP_WRITE | REQ_PREFLUSH,
					 abuse_gfp(bio), bios);
	else
		flush = bio_alloc_clone(behind, bio, abuse_gfp(bio), bios);
	if (flush) {
		losses.told = min(losses.told, told);
		abuse_io_of(flush)->losses = losses;
	}
	return flush;
}

/**
 * abuse_front_flush_all() - flush everything
 * @front: the disk
 * @era: of the map, which is left
 * @bio: it ends with the flush, or its data follows
 * @flush: from abuse_front_alloc_flush(), which this takes
 * @most: so many devices at most
 *
 * It may have to wait for servers, and one of them for the era, so that is left
 * before.
 */
void abuse_front_flush_all(struct abuse_front *front, struct abuse_era *era,
			   struct bio *bio, struct bio **flush,
			   unsigned int most)
{
	struct abuse_io *io = abuse_io_of(*flush);
	s64 wrote = atomic64_read(&front->wrote);
	bool dirty = atomic64_read(&front->flushed) < wrote;

	*flush = NULL;
	percpu_ref_get(&front->users);
	if (bio_sectors(bio))
		abuse_io_init(io, front, NULL, bio, 0, ABUSE_THEN_WRITE);
	else if (dirty)
		abuse_io_init(io, front, NULL, bio, bio_start_io_acct(bio),
			      ABUSE_THEN_RETRY);
	else
		abuse_io_init(io, front, NULL, bio, 0, ABUSE_THEN_END);
	io->covers = wrote;
	abuse_front_flush_devices(front, era, &io->clone, most);
	abuse_era_leave(era);
	if (dirty)
		submit_bio_noacct(&io->clone);
	else
		bio_endio(&io->clone);
}

/* Returns how many devices a flush has to reach: none, one, or more. */
static unsigned int abuse_front_nr_written(struct abuse_front *front)
{
	struct abuse_target *target = NULL;
	unsigned int nr = 0;

	while (nr < 2 && (target = abuse_map_next_device(&front->map, target)))
		nr++;
	if (target)
		abuse_map_leave_device(&front->map, target);
	return nr;
}

/**
 * abuse_front_preflush() - flush targets, which a flush reaches by itself only where
 *	servers are
 * @front: the disk
 * @era: of the map
 * @bio: with a flush
 * @flush: from abuse_front_alloc_flush(), which this may take
 * @lane: whose worker this is, or ABUSE_NO_LANE; a worker flushes several devices,
 *	see enum abuse_bios
 *
 * Return: true if nothing is left to do with the bio here, and the era was left.
 */
bool abuse_front_preflush(struct abuse_front *front, struct abuse_era *era,
			  struct bio *bio, struct bio **flush,
			  enum abuse_lanes lane)
{
	const struct abuse_losses *losses = &abuse_io_of(*flush)->losses;
	unsigned int most = lane == ABUSE_LANE_FLUSHES ? UINT_MAX : 1;
	unsigned int nr = abuse_front_nr_written(front);
	bool dirty = abuse_front_is_dirty(front);

	if (nr && bio->bi_opf & REQ_NOWAIT) {
		bio_wouldblock_error(abuse_bio_unmark(bio));
		goto out;
	}
	if (nr > most) {
		abuse_lane_add(front, ABUSE_LANE_FLUSHES, bio, losses->told);
		goto out;
	}
	if (!nr && abuse_map_has_lost(&front->map, losses)) {
		bio_io_error(abuse_bio_unmark(bio));
		abuse_map_tell_losses(&front->map, losses->lost);
		goto out;
	}
	if (nr || (!bio_sectors(bio) && dirty)) {
		abuse_front_flush_all(front, era, bio, flush, most);
		return true;
	}
	if (dirty)
		return false;
	bio->bi_opf &= ~REQ_PREFLUSH;
	if (bio_sectors(bio))
		return false;
	bio_endio(abuse_bio_unmark(bio));
out:
	abuse_era_leave(era);
	return true;
}
