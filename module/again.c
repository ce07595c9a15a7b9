// SPDX-License-Identifier: GPL-2.0
/*
 * Bios that go on: after a fault, after a server answered that they be submitted
 * anew, after a flush, after a resume. It must not know how a disk is made.
 *
 * Whoever submits them may have to wait until servers, or a target, have room. So
 * they are sorted into lanes by what they wait for, and each lane has a worker.
 */
#include <linux/part_stat.h>

#include "again.h"
#include "fronts.h"
#include "io.h"
#include "map.h"
#include "pass.h"
#include "slots.h"

static unsigned int abuse_mapping_lane(struct abuse_mapping *m, struct bio *bio)
{
	if (!abuse_front_is_mapped(m, bio))
		return ABUSE_LANE_SERVERS;
	return m->target->bdev ? ABUSE_LANE_TARGETS + m->target->lane :
				 ABUSE_LANE_MEMORY;
}

static unsigned int abuse_bio_lane(struct abuse_front *front, struct bio *bio)
{
	sector_t sector = bio->bi_iter.bi_sector;
	unsigned int lane = ABUSE_LANE_MEMORY;
	struct abuse_era *era;

	if (bio->bi_opf & REQ_PREFLUSH)
		return ABUSE_LANE_FLUSHES;
	era = bio_has_data(bio) ? abuse_map_enter(&front->map) : NULL;
	if (!era)
		return ABUSE_LANE_SERVERS;
	while (sector < bio_end_sector(bio)) {
		struct abuse_mapping *m = abuse_map_find(&front->map, sector,
							 &sector);
		unsigned int piece = abuse_mapping_lane(m, bio);

		if (lane == ABUSE_LANE_MEMORY) {
			lane = piece;
		} else if (piece != ABUSE_LANE_MEMORY && piece != lane) {
			lane = ABUSE_LANE_SEVERAL;
			break;
		}
	}
	abuse_era_leave(era);
	return lane;
}

static void abuse_lane_add(struct abuse_front *front, unsigned int nr,
			   struct bio *bio)
{
	struct abuse_lane *lane = &front->lanes[nr];

	spin_lock(&lane->lock);
	bio_list_add(&lane->bios, bio);
	spin_unlock(&lane->lock);
	abuse_front_queue(front, lane->wq, &lane->work);
}

/*
 * The statistics of the disk do not count it yet, but for the time that it took
 * so far: it is counted when it begins anew.
 */
static void abuse_io_uncount(struct abuse_io *io)
{
	struct bio *bio = io->bio;
	const int group = op_stat_group(bio_op(bio));
	long sectors = bio_sectors(bio);

	bio_end_io_acct(bio, io->start);
	part_stat_lock();
	part_stat_dec(bio->bi_bdev, ios[group]);
	part_stat_add(bio->bi_bdev, sectors[group], -sectors);
	part_stat_unlock();
}

static void abuse_front_again(struct abuse_front *front, struct abuse_io *io)
{
	enum abuse_then then = io->then;
	struct bio *bio = io->bio;

	/* A failed target is as good as none, if there is somebody to ask. */
	if (then == ABUSE_THEN_FAULT && !READ_ONCE(front->set->nr_serving)) {
		abuse_io_finish(io);
		return;
	}
	if (then == ABUSE_THEN_WRITE)
		bio->bi_opf &= ~REQ_PREFLUSH;
	else
		abuse_io_uncount(io);
	if (then == ABUSE_THEN_FAULT)
		this_cpu_inc(front->passed->faults);
	bio_put(&io->clone);
	abuse_lane_add(front, then == ABUSE_THEN_FAULT ?
				      ABUSE_LANE_FAULTS :
				      abuse_bio_lane(front, bio), bio);
	percpu_ref_put(&front->users);
}

static void abuse_front_unpark(struct abuse_front *front)
{
	struct bio_list bios = BIO_EMPTY_LIST;
	struct bio *bio;
	bool dead;

	spin_lock(&front->lock);
	dead = front->dead;
	if (dead || !abuse_map_is_paused(&front->map)) {
		bio_list_merge(&bios, &front->parked);
		bio_list_init(&front->parked);
	}
	spin_unlock(&front->lock);
	while ((bio = bio_list_pop(&bios))) {
		if (dead)
			bio_io_error(bio);
		else
			abuse_lane_add(front, abuse_bio_lane(front, bio), bio);
		cond_resched();
	}
}

/**
 * abuse_front_sort() - put what may go on into lanes
 * @work: of a front, of which it is a user
 */
void abuse_front_sort(struct work_struct *work)
{
	struct abuse_front *front = container_of(work, struct abuse_front,
						 sort);
	struct abuse_io *io, *next;
	struct llist_node *list;

	list = llist_reverse_order(llist_del_all(&front->again));
	llist_for_each_entry_safe(io, next, list, link) {
		abuse_front_again(front, io);
		cond_resched();
	}
	abuse_front_unpark(front);
	percpu_ref_put(&front->users);
}

/**
 * abuse_front_lane() - submit what is in a lane
 * @work: of a lane, of whose front it is a user
 */
void abuse_front_lane(struct work_struct *work)
{
	struct abuse_lane *lane = container_of(work, struct abuse_lane, work);
	struct abuse_front *front = lane->front;
	bool faults = lane == &front->lanes[ABUSE_LANE_FAULTS];
	struct bio_list bios;
	unsigned int nr;
	struct bio *bio;

	spin_lock(&lane->lock);
	bios = lane->bios;
	bio_list_init(&lane->bios);
	spin_unlock(&lane->lock);
	while ((bio = bio_list_pop(&bios))) {
		if (faults) {
			abuse_front_to_servers(front, bio,
					       ABUSE_RQ_FAULT | REQ_NOMERGE);
			continue;
		}
		/* It may be mapped in another way since it was put in here. */
		nr = abuse_bio_lane(front, bio);
		if (lane == &front->lanes[nr])
			submit_bio_noacct(bio);
		else
			abuse_lane_add(front, nr, bio);
	}
	percpu_ref_put(&front->users);
}
