// SPDX-License-Identifier: GPL-2.0
/*
 * Bios that go on: after a fault, after a server answered that they be submitted
 * anew, after a flush, after a resume. It must not know how a disk is made.
 *
 * Whoever submits them may have to wait until servers, or a target, have room. So
 * they are sorted into lanes by what they wait for, and each lane has a worker.
 */
#include <linux/part_stat.h>
#include <linux/sched.h>

#include "again.h"
#include "cut.h"
#include "fronts.h"
#include "io.h"
#include "lane.h"
#include "map.h"
#include "pass.h"
#include "slots.h"

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
	if (then == ABUSE_THEN_FAULT && !(bio->bi_opf & ABUSE_BIO_FAULTED)) {
		bio->bi_opf |= ABUSE_BIO_FAULTED;
		this_cpu_inc(front->passed->faults);
	}
	bio_put(&io->clone);
	/* Its submitter waits for nothing here, and would be told too late. */
	bio->bi_opf &= ~REQ_NOWAIT;
	if (then == ABUSE_THEN_FAULT)
		abuse_lane_add(front, ABUSE_LANE_FAULTS, bio, ABUSE_BEGINS);
	else
		abuse_front_go_on(front, bio);
	percpu_ref_put(&front->users);
}

static void abuse_front_unpark(struct abuse_front *front)
{
	struct bio_list bios = BIO_EMPTY_LIST;
	struct bio *bio;
	s64 told = ABUSE_BEGINS;
	bool dead;

	spin_lock(&front->lock);
	dead = front->dead;
	if (dead || !abuse_map_is_paused(&front->map)) {
		bio_list_merge(&bios, &front->parked);
		bio_list_init(&front->parked);
		swap(told, front->told);
	}
	spin_unlock(&front->lock);
	while ((bio = bio_list_pop(&bios))) {
		if (dead)
			bio_io_error(abuse_bio_unmark(bio));
		else if (bio->bi_opf & REQ_PREFLUSH)
			abuse_lane_add(front, ABUSE_LANE_FLUSHES, bio, told);
		else
			abuse_front_go_on(front, bio);
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
	enum abuse_lanes nr = lane - front->lanes;
	struct bio_list bios;
	struct bio *bio;
	s64 told;

	bios = abuse_lane_take(lane, &told);
	while ((bio = bio_list_pop(&bios))) {
		if (nr == ABUSE_LANE_FAULTS)
			abuse_front_to_servers(front, bio,
					       ABUSE_RQ_FAULT | REQ_NOMERGE);
		else
			abuse_front_pass(front, bio, nr, told);
		cond_resched();
	}
	/* Parts give memory back when they end, and tell nobody. */
	if (lane->starved) {
		lane->starved = false;
		schedule_timeout_uninterruptible(1);
	}
	percpu_ref_put(&front->users);
}
