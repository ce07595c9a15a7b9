// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a disk in front of another: made, paused, killed, and freed once no
 * bio is under way. It must not know the way of a bio, nor how a disk is made.
 */
#include <linux/slab.h>

#include "again.h"
#include "aim.h"
#include "change.h"
#include "front.h"
#include "fronts.h"
#include "io.h"
#include "lane.h"
#include "map.h"
#include "set.h"
#include "uapi/abuse.h"

static struct workqueue_struct *abuse_front_wq;	/* frees fronts */
static struct workqueue_struct *abuse_sort_wq;	/* what waits for nothing */

static void abuse_front_exit_bios(struct abuse_front *front)
{
	int i;

	for (i = 0; i < ABUSE_NR_BIOS; i++)
		bioset_exit(&front->bios[i]);
}

static int abuse_front_init_bios(struct abuse_front *front)
{
	int i, err = 0;

	for (i = 0; i < ABUSE_NR_BIOS && !err; i++)
		err = bioset_init(&front->bios[i], BIO_POOL_SIZE,
				  i < ABUSE_BIOS_PARTS ?
					  offsetof(struct abuse_io, clone) : 0,
				  0);
	if (err)
		abuse_front_exit_bios(front);
	return err;
}

static void abuse_front_free(struct work_struct *work)
{
	struct abuse_front *front = container_of(work, struct abuse_front,
						 free);

	abuse_lanes_exit(front);
	free_percpu(front->passed);
	abuse_map_exit(&front->map);
	percpu_ref_exit(&front->users);
	abuse_front_exit_bios(front);
	put_disk(front->behind);
	abuse_set_put(front->set);
	kfree(front);
}

static void abuse_front_release(struct percpu_ref *ref)
{
	struct abuse_front *front = container_of(ref, struct abuse_front,
						 users);

	queue_work(abuse_front_wq, &front->free);
}

static void abuse_front_map_freed(struct abuse_map *map)
{
	struct abuse_front *front = container_of(map, struct abuse_front, map);

	percpu_ref_kill(&front->users);
}

/**
 * abuse_front_alloc() - make what is in front of a disk
 * @behind: the disk whose requests servers get; a reference of it is taken
 * @set: who they are; a reference of it is taken
 * @fops: of disks that must not be targets, because they may wait for this one
 * @block_size: of the disk in front
 * @write_cache: whether its users flush what must be durable
 *
 * Return: to be ended with abuse_front_end(), or an error pointer.
 */
struct abuse_front *abuse_front_alloc(struct gendisk *behind,
				      struct abuse_set *set,
				      const struct block_device_operations *fops,
				      u32 block_size, bool write_cache)
{
	struct abuse_front *front = kzalloc(sizeof(*front), GFP_KERNEL_ACCOUNT);
	int err;

	if (!front)
		return ERR_PTR(-ENOMEM);
	front->behind = behind;
	front->set = set;
	front->map.number = set->number;
	front->map.fops = fops;
	front->map.block_size = block_size;
	front->map.write_cache = write_cache;
	spin_lock_init(&front->lock);
	bio_list_init(&front->parked);
	front->told = ABUSE_BEGINS;
	init_llist_head(&front->again);
	INIT_WORK(&front->sort, abuse_front_sort);
	front->wq = abuse_sort_wq;
	INIT_WORK(&front->free, abuse_front_free);
	err = abuse_lanes_init(front, abuse_sort_wq, abuse_front_lane);
	if (err)
		goto out_free;
	front->passed = alloc_percpu_gfp(struct abuse_passed,
					 GFP_KERNEL_ACCOUNT);
	if (!front->passed) {
		err = -ENOMEM;
		goto out_lanes;
	}
	err = abuse_front_init_bios(front);
	if (err)
		goto out_passed;
	err = percpu_ref_init(&front->users, abuse_front_release, 0,
			      GFP_KERNEL_ACCOUNT);
	if (err)
		goto out_bios;
	err = abuse_map_init(&front->map, abuse_front_map_freed);
	if (err)
		goto out_users;
	/* It is not killed yet. */
	abuse_set_tryget(set);
	get_device(disk_to_dev(behind));
	return front;

out_users:
	percpu_ref_exit(&front->users);
out_bios:
	abuse_front_exit_bios(front);
out_passed:
	free_percpu(front->passed);
out_lanes:
	abuse_lanes_exit(front);
out_free:
	kfree(front);
	return ERR_PTR(err);
}

/**
 * abuse_front_hold() - keep a front from being freed
 * @front: the disk, which is not ended yet
 *
 * Unlike an era this holds up nobody else.
 */
void abuse_front_hold(struct abuse_front *front)
{
	percpu_ref_get(&front->users);
}

/**
 * abuse_front_let_go() - undo abuse_front_hold()
 * @front: the disk
 */
void abuse_front_let_go(struct abuse_front *front)
{
	percpu_ref_put(&front->users);
}

/**
 * abuse_front_pause() - let nothing begin, or all go on, as the queues are
 * @front: the disk, held by the caller
 * @next: from abuse_era_alloc(), to pause; NULL to let go on: that takes no
 *	memory, and waits for none, because memory may wait for it
 *
 * Return: for abuse_era_put(): the era that is over when what began before has
 * ended; or NULL.
 */
struct abuse_era *abuse_front_pause(struct abuse_front *front,
				    struct abuse_era *next)
{
	struct abuse_era *past = NULL;

	if (next)
		abuse_map_begin(&front->map);
	abuse_map_set_paused(&front->map, &front->set->quiesced);
	if (next)
		past = abuse_map_commit(&front->map, next, true);
	abuse_front_kick(front);
	return past;
}

/**
 * abuse_front_kill() - no bio waits for a resume any more
 * @front: the disk
 */
void abuse_front_kill(struct abuse_front *front)
{
	spin_lock(&front->lock);
	front->dead = true;
	spin_unlock(&front->lock);
	abuse_front_kick(front);
}

/**
 * abuse_front_end() - the disk in front is gone
 * @front: nothing is submitted to it any more; what is under way ends later
 */
void abuse_front_end(struct abuse_front *front)
{
	/* Nobody else keeps the map from being freed once its last era has ended. */
	abuse_front_hold(front);
	abuse_map_end(&front->map);
	abuse_front_let_go(front);
}

/**
 * abuse_front_map() - where the bytes of the disk are
 * @front: the disk
 */
struct abuse_map *abuse_front_map(struct abuse_front *front)
{
	return &front->map;
}

/**
 * abuse_front_aim() - prepare for a device that is going to be mapped to
 * @front: the disk, of which the caller is a user
 * @target: from abuse_map_aim(); it is gone if the disk is being reset
 *
 * Return: 0, -ENOMEM, -ENODEV.
 */
int abuse_front_aim(struct abuse_front *front,
		    const struct abuse_target *target)
{
	int lane = abuse_map_lane_of(&front->map, target);

	return lane < 0 ? lane : abuse_lane_open(front, lane);
}

/**
 * abuse_front_count() - add up what went where
 * @front: the disk, not yet ended
 * @status: out: the fields from mapped_reads on; the rest is left alone
 */
void abuse_front_count(struct abuse_front *front, struct abuse_status *status)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct abuse_passed *passed = per_cpu_ptr(front->passed, cpu);

		status->mapped_reads += READ_ONCE(passed->reads);
		status->mapped_writes += READ_ONCE(passed->writes);
		status->mapped_read_bytes += READ_ONCE(passed->read_bytes);
		status->mapped_written_bytes +=
			READ_ONCE(passed->written_bytes);
		status->misses += READ_ONCE(passed->misses);
		status->faults += READ_ONCE(passed->faults);
	}
	status->extents = READ_ONCE(front->map.nr_ranges);
}

/**
 * abuse_fronts_init() - prepare for disks in front
 *
 * Return: 0, or an error.
 */
int abuse_fronts_init(void)
{
	int err = abuse_eras_init();

	if (err)
		return err;
	err = abuse_ios_init();
	if (err)
		goto out_eras;
	err = -ENOMEM;
	abuse_front_wq = alloc_workqueue("abuse_front", WQ_UNBOUND, 0);
	if (!abuse_front_wq)
		goto out_ios;
	abuse_sort_wq = alloc_workqueue("abuse_sort",
					WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (abuse_sort_wq)
		return 0;
	destroy_workqueue(abuse_front_wq);
out_ios:
	abuse_ios_exit();
out_eras:
	abuse_eras_exit();
	return err;
}

/**
 * abuse_fronts_exit() - wait until every one is freed
 */
void abuse_fronts_exit(void)
{
	abuse_eras_exit();
	destroy_workqueue(abuse_front_wq);
	destroy_workqueue(abuse_sort_wq);
	abuse_ios_exit();
}
