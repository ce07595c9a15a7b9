// SPDX-License-Identifier: GPL-2.0
/*
 * A bio under way: what it is cloned to, and what becomes of it when the clone has
 * ended. It must not know the way of a bio.
 */
#include "compat.h"
#include "fronts.h"
#include "io.h"
#include "map.h"
#include "slots.h"

/*
 * Keeps the slab cache that the clones of all fronts come from, and clones that are
 * used again on their processor. Nobody waits for those.
 */
static struct bio_set abuse_clones;

/* Whoever must not wait is told so while it submits, and comes back. */
static bool abuse_io_goes_on(struct abuse_io *io)
{
	blk_status_t status = io->clone.bi_status;

	if (likely(!status))
		return io->then == ABUSE_THEN_WRITE;
	switch (io->then) {
	case ABUSE_THEN_FAULT:
		return !(io->bio->bi_opf & REQ_NOWAIT &&
			 status == BLK_STS_AGAIN);
	case ABUSE_THEN_RETRY:
		return status == ABUSE_STS_RETRY;
	default:
		return false;
	}
}

/* It is not under way any more. This may be the end of the front. */
static void abuse_front_leave(struct abuse_front *front, struct abuse_era *era)
{
	if (era)
		abuse_era_leave(era);
	else
		percpu_ref_put(&front->users);
}

/* Of the disk; not a part of one, which a device has */
static bool abuse_io_is_flush(const struct abuse_io *io)
{
	return io->covers >= 0 && io->then != ABUSE_THEN_COUNT;
}

/**
 * abuse_io_finish() - end a bio as its clone did
 * @io: the bio
 */
void abuse_io_finish(struct abuse_io *io)
{
	struct abuse_front *front = io->front;
	bool flush = abuse_io_is_flush(io);
	struct abuse_era *era = io->era;
	s64 lost = flush ? io->losses.lost : 0;
	struct bio *bio = io->bio;

	if (io->clone.bi_status)
		bio->bi_status = io->clone.bi_status;
	if (io->then == ABUSE_THEN_FAULT || io->then == ABUSE_THEN_RETRY)
		bio_end_io_acct(bio, io->start);
	if (io->then == ABUSE_THEN_COUNT)
		abuse_map_leave_device(&front->map, io->target);
	else
		abuse_bio_unmark(bio);
	bio_put(&io->clone);
	bio_endio(bio);
	if (flush)
		abuse_map_tell_losses(&front->map, lost);
	abuse_front_leave(front, era);
}

/**
 * abuse_front_queue() - have work done that is a user of the disk
 * @front: the disk, of which the caller is a user
 * @wq: where
 * @work: one of it
 */
void abuse_front_queue(struct abuse_front *front, struct workqueue_struct *wq,
		       struct work_struct *work)
{
	percpu_ref_get(&front->users);
	if (!queue_work(wq, work))
		percpu_ref_put(&front->users);
}

/**
 * abuse_front_kick() - let what may go on do so
 * @front: the disk, of which the caller is a user
 */
void abuse_front_kick(struct abuse_front *front)
{
	abuse_front_queue(front, front->wq, &front->sort);
}

/* Some find out that they cannot do it only when they are asked first. */
static bool abuse_io_is_unable(const struct abuse_io *io)
{
	switch (bio_op(io->bio)) {
	case REQ_OP_DISCARD:
		return !bdev_max_discard_sectors(io->target->bdev);
	case REQ_OP_WRITE_ZEROES:
		return !bdev_write_zeroes_sectors(io->target->bdev);
	default:
		return false;
	}
}

/* What a device has done is noted while it is there. */
static void abuse_io_note_target(struct abuse_io *io)
{
	if (io->clone.bi_status) {
		/* Who asked for it then does it in another way. */
		if (abuse_io_is_unable(io))
			io->clone.bi_status = BLK_STS_NOTSUPP;
		return;
	}
	if (io->then == ABUSE_THEN_COUNT)
		abuse_target_end_flush(io->target, io->covers);
	else if (op_is_write(bio_op(io->bio)) &&
		 !(io->clone.bi_opf & REQ_FUA))
		abuse_target_wrote(io->target);
}

/*
 * All parts of a flush have ended. What it covers was answered when it began, as its
 * submitter knows of no more.
 */
static void abuse_io_note_flush(struct abuse_io *io)
{
	struct abuse_front *front = io->front;

	if (!io->clone.bi_status)
		abuse_raise(&front->flushed, io->covers);
	if (abuse_map_has_lost(&front->map, &io->losses))
		io->clone.bi_status = BLK_STS_IOERR;
}

static void abuse_io_note(struct abuse_io *io)
{
	struct abuse_front *front = io->front;

	if (io->target)
		abuse_io_note_target(io);
	else if (abuse_io_is_flush(io))
		abuse_io_note_flush(io);
	else if (op_is_write(bio_op(io->bio)))
		atomic64_inc(&front->wrote);
}

/*
 * A server that gets a fault may take the target away, and must not wait for
 * those that are still on their way to it.
 */
static void abuse_io_leave_target(struct abuse_io *io)
{
	if (!io->era)
		return;
	percpu_ref_get(&io->front->users);
	abuse_era_leave(io->era);
	io->era = NULL;
	io->target = NULL;
}

/* In any context. What goes on may have to wait for memory. */
static void abuse_io_end(struct bio *clone)
{
	struct abuse_io *io = abuse_io_of(clone);
	struct abuse_front *front = io->front;

	abuse_io_note(io);
	if (likely(!abuse_io_goes_on(io))) {
		abuse_io_finish(io);
		return;
	}
	/* Once it is in the list it may end at any time, and the front with it. */
	percpu_ref_get(&front->users);
	abuse_io_leave_target(io);
	llist_add(&io->link, &front->again);
	abuse_front_kick(front);
	percpu_ref_put(&front->users);
}

/**
 * abuse_io_init() - prepare a clone, or a flush
 * @io: it, whose bio was allocated
 * @front: the disk
 * @era: of the map, left when it has ended; NULL: it is a user of the disk
 * @bio: what it is for
 * @start: when that began
 * @then: what becomes of it when this has ended
 */
void abuse_io_init(struct abuse_io *io, struct abuse_front *front,
		   struct abuse_era *era, struct bio *bio, unsigned long start,
		   enum abuse_then then)
{
	io->front = front;
	io->era = era;
	io->bio = bio;
	io->start = start;
	io->then = then;
	io->target = NULL;
	io->covers = -1;
	io->clone.bi_end_io = abuse_io_end;
}

/**
 * abuse_io_clone() - begin to carry a bio out
 * @front: the disk
 * @era: of the map, for a target; NULL for servers
 * @bio: of the disk
 * @target: the device, or NULL
 * @then: what becomes of it when the clone has ended
 *
 * Return: what has the clone; NULL if the bio, which must not wait, has ended.
 */
struct abuse_io *abuse_io_clone(struct abuse_front *front,
				struct abuse_era *era, struct bio *bio,
				struct abuse_target *target,
				enum abuse_then then)
{
	enum abuse_bios kind = target ? ABUSE_BIOS_TARGETS + target->lane :
					ABUSE_BIOS_SERVER;
	struct bio *clone = NULL;

	/* Without a device it does not look for the caller's control group, either. */
	if (bio->bi_opf & REQ_ALLOC_CACHE)
		clone = bio_alloc_clone(NULL, bio, GFP_NOWAIT | __GFP_NOWARN |
					__GFP_NOMEMALLOC, &abuse_clones);
	if (!clone)
		clone = bio_alloc_clone(NULL, bio, abuse_gfp(bio),
					&front->bios[kind]);
	if (!clone) {
		bio_wouldblock_error(abuse_bio_unmark(bio));
		return NULL;
	}
	clone->bi_bdev = target ? target->bdev : front->behind->part0;
	bio_clone_blkg_association(clone, bio);
	clone->bi_opf &= ~ABUSE_BIO_COUNTED;
	abuse_io_init(abuse_io_of(clone), front, era, bio,
		      bio_start_io_acct(bio), then);
	abuse_io_of(clone)->target = target;
	return abuse_io_of(clone);
}

/**
 * abuse_ios_init() - prepare for bios
 *
 * Return: 0, -ENOMEM.
 */
int abuse_ios_init(void)
{
	return bioset_init(&abuse_clones, 1, offsetof(struct abuse_io, clone),
			   COMPAT_BIO_CACHE);
}

/**
 * abuse_ios_exit() - undo abuse_ios_init(), once none is under way
 */
void abuse_ios_exit(void)
{
	bioset_exit(&abuse_clones);
}
