// SPDX-License-Identifier: GPL-2.0
/*
 * Lanes: bios that go on are sorted by what they wait for, and each lane has a
 * worker that submits them. It must not know what becomes of a bio.
 */
#include "io.h"
#include "lane.h"

/* So many work items use it: they only wait together if there is no memory. */
static int abuse_lane_make(struct abuse_front *front, enum abuse_lanes nr,
			   int users)
{
	struct abuse_lane *lane = &front->lanes[nr];
	struct workqueue_struct *wq;

	wq = alloc_workqueue("%s-%d", WQ_UNBOUND | WQ_MEM_RECLAIM, users,
			     front->behind->disk_name, nr);
	if (!wq)
		return -ENOMEM;
	/* Two calls may map the first device of a lane at once. */
	if (cmpxchg(&lane->wq, NULL, wq))
		destroy_workqueue(wq);
	return 0;
}

/**
 * abuse_lanes_init() - make the lanes of a disk that has no target
 * @front: the disk
 * @memory_wq: a workqueue, none of whose work waits for a device or a server
 * @submit: carries out what is in a lane
 *
 * Return: 0, -ENOMEM.
 */
int abuse_lanes_init(struct abuse_front *front,
		     struct workqueue_struct *memory_wq, work_func_t submit)
{
	int i;

	for (i = 0; i < ABUSE_NR_LANES; i++) {
		struct abuse_lane *lane = &front->lanes[i];

		lane->front = front;
		spin_lock_init(&lane->lock);
		bio_list_init(&lane->bios);
		lane->told = ABUSE_BEGINS;
		INIT_WORK(&lane->work, submit);
	}
	front->lanes[ABUSE_LANE_MEMORY].wq = memory_wq;
	if (abuse_lane_make(front, ABUSE_LANE_SERVERS, 2))
		return -ENOMEM;
	front->lanes[ABUSE_LANE_FAULTS].wq = front->lanes[ABUSE_LANE_SERVERS].wq;
	if (!abuse_lane_make(front, ABUSE_LANE_FLUSHES, 1))
		return 0;
	abuse_lanes_exit(front);
	return -ENOMEM;
}

/**
 * abuse_lanes_exit() - undo abuse_lanes_init() and abuse_lane_open()
 * @front: the disk, no work of which is queued
 */
void abuse_lanes_exit(struct abuse_front *front)
{
	int i;

	for (i = 0; i < ABUSE_NR_LANES; i++) {
		if (i != ABUSE_LANE_FAULTS && i != ABUSE_LANE_MEMORY &&
		    front->lanes[i].wq)
			destroy_workqueue(front->lanes[i].wq);
	}
}

/**
 * abuse_lane_open() - a device is about to be mapped to
 * @front: the disk
 * @target_lane: the lane of the device
 *
 * Return: 0, -ENOMEM.
 */
int abuse_lane_open(struct abuse_front *front, u32 target_lane)
{
	enum abuse_lanes nr = ABUSE_LANE_TARGETS + target_lane;

	if (READ_ONCE(front->lanes[nr].wq))
		return 0;
	return abuse_lane_make(front, nr, 1);
}

/**
 * abuse_lane_add() - let a bio be submitted by a worker
 * @front: the disk, of which the caller is a user, or in an era of it
 * @nr: where it waits
 * @bio: of the disk
 * @told: of losses when it began, if it has a flush; else ABUSE_BEGINS
 */
void abuse_lane_add(struct abuse_front *front, enum abuse_lanes nr,
		    struct bio *bio, s64 told)
{
	struct abuse_lane *lane = &front->lanes[nr];

	spin_lock(&lane->lock);
	lane->told = min(lane->told, told);
	bio_list_add(&lane->bios, bio);
	spin_unlock(&lane->lock);
	abuse_front_queue(front, lane->wq, &lane->work);
}

/**
 * abuse_lane_take() - what is to be submitted
 * @lane: the lane, by its worker
 * @told: out: of losses when the first flush among them began, or ABUSE_BEGINS
 *
 * Return: the bios, which are not in it any more.
 */
struct bio_list abuse_lane_take(struct abuse_lane *lane, s64 *told)
{
	struct bio_list bios;

	spin_lock(&lane->lock);
	bios = lane->bios;
	*told = lane->told;
	lane->told = ABUSE_BEGINS;
	bio_list_init(&lane->bios);
	spin_unlock(&lane->lock);
	return bios;
}
