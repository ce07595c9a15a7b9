// SPDX-License-Identifier: GPL-2.0
/*
 * The way of a bio of a disk some of whose bytes are mapped. It is cloned: to the
 * target of what it covers, or to the disk behind, where servers get it; or it is
 * copied to or from memory. It must not know how a disk is made.
 */
#include "fronts.h"
#include "io.h"
#include "map.h"
#include "memory.h"
#include "pass.h"
#include "slots.h"
#include "trace.h"

/* Whether servers have something to flush; if not, nobody waits for them. */
static bool abuse_front_is_dirty(struct abuse_front *front)
{
	return atomic64_read(&front->flushed) < atomic64_read(&front->wrote);
}

static void abuse_front_flush_device(struct abuse_front *front,
				     struct abuse_era *era, struct bio *parent,
				     struct abuse_target *target,
				     const struct abuse_losses *losses)
{
	struct bio *bio = bio_alloc_bioset(target->bdev, 0,
					   REQ_OP_WRITE | REQ_PREFLUSH,
					   GFP_NOIO,
					   &front->bios[ABUSE_BIOS_TARGET]);

	abuse_era_stay(era);
	bio_inc_remaining(parent);
	abuse_io_init(abuse_io_of(bio), front, era, parent, 0,
		      ABUSE_THEN_COUNT);
	atomic_inc(&target->flushes);
	abuse_io_of(bio)->target = target;
	abuse_io_of(bio)->covers = abuse_target_begin_flush(target);
	abuse_io_of(bio)->losses = *losses;
	submit_bio_noacct(bio);
}

/* Flushes what was written to devices; @parent ends after that. */
static void abuse_front_flush(struct abuse_front *front, struct abuse_era *era,
			      struct bio *parent)
{
	struct abuse_losses losses = abuse_map_losses(&front->map);
	struct abuse_target *target = NULL;
	bool parts = false;

	while ((target = abuse_map_next_device(&front->map, target))) {
		abuse_front_flush_device(front, era, parent, target, &losses);
		parts = true;
	}
	/* Otherwise each part looks at that when it ends. */
	if (!parts && abuse_map_has_lost(&front->map, &losses))
		parent->bi_status = BLK_STS_IOERR;
}

/*
 * With what a flush goes to servers. It may have to wait for them, so no era is
 * held meanwhile, nor anything that was allocated in one. Returns NULL if the bio
 * must not wait.
 */
static struct bio *abuse_front_alloc_flush(struct abuse_front *front,
					   struct bio *bio)
{
	if (bio_sectors(bio))
		return bio_alloc_bioset(front->behind->part0, 0,
					REQ_OP_WRITE | REQ_PREFLUSH,
					abuse_gfp(bio),
					&front->bios[ABUSE_BIOS_FLUSH]);
	return bio_alloc_clone(front->behind->part0, bio, abuse_gfp(bio),
			       &front->bios[ABUSE_BIOS_SERVER]);
}

/* A write that must come after a flush of everything, which takes @flush */
static void abuse_front_flush_first(struct abuse_front *front,
				    struct abuse_era *era, struct bio *bio,
				    struct bio **flush)
{
	struct abuse_io *io = abuse_io_of(*flush);
	s64 wrote = atomic64_read(&front->wrote);

	if (bio->bi_opf & REQ_NOWAIT) {
		bio_wouldblock_error(bio);
		return;
	}
	*flush = NULL;
	percpu_ref_get(&front->users);
	abuse_io_init(io, front, NULL, bio, 0, ABUSE_THEN_WRITE);
	io->covers = wrote;
	abuse_front_flush(front, era, &io->clone);
	if (atomic64_read(&front->flushed) < wrote)
		submit_bio_noacct(&io->clone);
	else
		bio_endio(&io->clone);
}

static void abuse_front_send(struct abuse_front *front, struct abuse_io *io)
{
	percpu_ref_get(&front->users);
	if (!bio_sectors(io->bio))
		io->covers = atomic64_read(&front->wrote);
	submit_bio_noacct(&io->clone);
}

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
	struct abuse_io *io = abuse_io_clone(front, NULL, bio,
					     front->behind->part0,
					     ABUSE_THEN_RETRY);

	if (!io)
		return;
	io->clone.bi_opf |= flags;
	abuse_front_send(front, io);
}

/* Returns whether it is the first time. */
static bool abuse_bio_first(struct bio *bio)
{
	bool first = !(bio->bi_opf & ABUSE_BIO_COUNTED);

	bio->bi_opf |= ABUSE_BIO_COUNTED;
	return first;
}

/* Nobody else counts on this processor meanwhile, so it takes no atomic. */
static void abuse_front_count_mapped(struct abuse_front *front, struct bio *bio)
{
	if (!abuse_bio_first(bio))
		return;
	if (op_is_write(bio_op(bio))) {
		this_cpu_inc(front->passed->writes);
		this_cpu_add(front->passed->written_bytes,
			     bio->bi_iter.bi_size);
	} else {
		this_cpu_inc(front->passed->reads);
		this_cpu_add(front->passed->read_bytes, bio->bi_iter.bi_size);
	}
}

/* This waits for nobody, so it is done at once, as brd does. */
static void abuse_front_copy(struct bio *bio, struct abuse_mapping *m)
{
	unsigned long start = bio_start_io_acct(bio);

	abuse_memory_copy(m->target->memory,
			  (bio->bi_iter.bi_sector + m->delta) << SECTOR_SHIFT,
			  bio);
	bio_end_io_acct(bio, start);
	bio_endio(bio);
}

/* Returns false if the bio, which must not wait, has ended. */
static bool abuse_front_to_device(struct abuse_front *front,
				  struct abuse_era *era, struct bio *bio,
				  struct abuse_mapping *m)
{
	struct abuse_io *io;

	if (bio->bi_opf & REQ_NOWAIT && !bdev_nowait(m->target->bdev)) {
		bio_wouldblock_error(bio);
		return false;
	}
	io = abuse_io_clone(front, era, bio, m->target->bdev,
			    ABUSE_THEN_FAULT);
	if (!io)
		return false;
	io->target = m->target;
	abuse_front_count_mapped(front, bio);
	trace_abuse_mapped(front->set->number, bio, m);
	io->clone.bi_iter.bi_sector += m->delta;
	if (!front->write_cache && op_is_write(bio_op(bio)))
		io->clone.bi_opf |= REQ_FUA;
	submit_bio_noacct(&io->clone);
	return true;
}

/* Returns false if the bio has ended. */
static bool abuse_front_to_target(struct abuse_front *front,
				  struct abuse_era *era, struct bio *bio,
				  struct abuse_mapping *m)
{
	if (m->target->bdev)
		return abuse_front_to_device(front, era, bio, m);
	abuse_front_count_mapped(front, bio);
	trace_abuse_mapped(front->set->number, bio, m);
	abuse_front_copy(bio, m);
	return false;
}

static bool abuse_front_writes_elsewhere(struct abuse_front *front)
{
	struct abuse_target *target = abuse_map_next_device(&front->map, NULL);

	if (target)
		abuse_map_leave_device(&front->map, target);
	return target;
}

/*
 * Returns true if the bio waits, or has ended; false if it need not wait by now.
 */
static bool abuse_front_park(struct abuse_front *front, struct bio *bio)
{
	bool dead, wait;

	if (bio->bi_opf & REQ_NOWAIT) {
		bio_wouldblock_error(bio);
		return true;
	}
	spin_lock(&front->lock);
	dead = front->dead;
	wait = abuse_map_is_paused(&front->map);
	if (wait && !dead)
		bio_list_add(&front->parked, bio);
	spin_unlock(&front->lock);
	if (dead)
		bio_io_error(bio);
	return dead || wait;
}

static void abuse_front_miss(struct abuse_front *front, struct bio *bio)
{
	if (abuse_bio_first(bio))
		this_cpu_inc(front->passed->misses);
	abuse_front_to_servers(front, bio, 0);
}

/* Returns the era that the bio may begin in, or NULL if it has ended or waits. */
static struct abuse_era *abuse_front_enter(struct abuse_front *front,
					   struct bio *bio)
{
	struct abuse_era *era;

	do {
		era = abuse_map_enter(&front->map);
		if (!era) {
			bio_io_error(bio);
			return NULL;
		}
		if (likely(!READ_ONCE(era->paused)))
			return era;
		abuse_era_leave(era);
	} while (!abuse_front_park(front, bio));
	return NULL;
}

/* Cuts off what is mapped in another way; returns NULL if the bio has ended. */
static struct bio *abuse_front_split(struct abuse_front *front, struct bio *bio,
				     sector_t end, bool mapped)
{
	enum abuse_bios kind = mapped ? ABUSE_BIOS_TARGET_PART :
					ABUSE_BIOS_SERVER_PART;
	struct bio *part = bio_split(bio, end - bio->bi_iter.bi_sector,
				     abuse_gfp(bio), &front->bios[kind]);

	if (!part || PTR_ERR(part) == -ENOMEM) {
		bio_wouldblock_error(bio);
		return NULL;
	}
	if (IS_ERR(part)) {
		bio_io_error(bio);
		return NULL;
	}
	bio_chain(part, bio);
	submit_bio_noacct(bio);
	return part;
}

/**
 * abuse_front_is_mapped() - whether what is asked is carried out by a target
 * @m: where its bytes are, or NULL
 * @bio: what is asked
 */
bool abuse_front_is_mapped(struct abuse_mapping *m, struct bio *bio)
{
	if (!m || !op_is_write(bio_op(bio)))
		return m;
	return m->write && !bdev_read_only(bio->bi_bdev) &&
	       !(m->target->bdev && bdev_read_only(m->target->bdev));
}

/*
 * Flushes targets, which a flush reaches by itself only where servers are.
 * Returns true if nothing is left to do with the bio here.
 */
static bool abuse_front_preflush(struct abuse_front *front,
				 struct abuse_era *era, struct bio *bio,
				 struct bio **flush)
{
	struct abuse_losses losses = abuse_map_losses(&front->map);

	if (abuse_front_writes_elsewhere(front)) {
		if (bio_sectors(bio)) {
			abuse_front_flush_first(front, era, bio, flush);
			return true;
		}
		if (bio->bi_opf & REQ_NOWAIT) {
			bio_wouldblock_error(bio);
			return true;
		}
		abuse_front_flush(front, era, bio);
	} else if (abuse_map_has_lost(&front->map, &losses)) {
		bio_io_error(bio);
		return true;
	}
	if (abuse_front_is_dirty(front))
		return false;
	bio->bi_opf &= ~REQ_PREFLUSH;
	if (bio_sectors(bio))
		return false;
	bio_endio(bio);
	return true;
}

/* The rest of a bio that has begun, in an era. @flush: NULL, or for a flush */
static void abuse_front_begin(struct abuse_front *front, struct abuse_era *era,
			      struct bio *bio, struct bio **flush)
{
	struct abuse_mapping *m;
	sector_t end;
	bool mapped;

	m = abuse_map_find(&front->map, bio->bi_iter.bi_sector, &end);
	mapped = abuse_front_is_mapped(m, bio);
	/* It may wait for memory or servers, and a server for the era. */
	if (!mapped)
		abuse_era_leave(era);
	if (end < bio_end_sector(bio))
		bio = abuse_front_split(front, bio, end, mapped);
	if (!mapped) {
		if (bio)
			abuse_front_miss(front, bio);
		return;
	}
	if (bio && bio->bi_opf & REQ_PREFLUSH)	/* mapped since it was looked */
		abuse_front_flush_first(front, era, bio, flush);
	else if (bio && abuse_front_to_target(front, era, bio, m))
		return;
	abuse_era_leave(era);
}

/**
 * abuse_front_submit() - carry a bio out
 * @front: the disk
 * @bio: of it, not cut to any size
 */
void abuse_front_submit(struct abuse_front *front, struct bio *bio)
{
	struct bio *flush = NULL;
	struct abuse_era *era;

	if (bio->bi_opf & REQ_PREFLUSH) {
		flush = abuse_front_alloc_flush(front, bio);
		if (!flush) {
			bio_wouldblock_error(bio);
			return;
		}
	}
	era = abuse_front_enter(front, bio);
	if (!era)
		goto out;
	if (flush && abuse_front_preflush(front, era, bio, &flush)) {
		abuse_era_leave(era);
	} else if (bio_has_data(bio)) {
		abuse_front_begin(front, era, bio, &flush);
	} else {
		abuse_era_leave(era);
		if (flush)
			abuse_front_send(front,
					 abuse_io_begin(front, NULL, bio, flush,
							ABUSE_THEN_RETRY));
		else
			abuse_front_to_servers(front, bio, 0);
		return;
	}
out:
	if (flush)
		bio_put(flush);
}
