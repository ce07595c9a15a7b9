// SPDX-License-Identifier: GPL-2.0
/*
 * The target of bytes that are to be mapped: one that the map has already, a device
 * that is opened, or memory. It must not know how a map is changed.
 */
#include <linux/file.h>

#include "aim.h"
#include "uapi/abuse.h"

/*
 * Returns a target that is there already, or NULL. If nothing leads to it any more it
 * may be used again until that era is over.
 */
static struct abuse_target *abuse_map_known(struct abuse_map *map,
					    struct block_device *bdev,
					    bool write, bool use)
{
	struct abuse_target *target, *known = NULL;

	lockdep_assert_held(&map->lock);
	/* At the end of the map all of them are given up, used or not. */
	if (!rcu_access_pointer(map->era))
		return NULL;
	spin_lock(&map->targets_lock);
	list_for_each_entry(target, &map->targets, link) {
		if (target->bdev == bdev && target->write == write &&
		    !target->retired)
			known = target;
	}
	if (known && use && !known->uses++)
		list_del(&known->gone);
	spin_unlock(&map->targets_lock);
	return known;
}

/* Whether the map is about to give that device up, for which it may take long */
static bool abuse_map_gives_up(struct abuse_map *map, struct block_device *bdev,
			       bool write)
{
	struct abuse_target *target;
	bool found = false;

	spin_lock(&map->targets_lock);
	list_for_each_entry(target, &map->targets, link) {
		if (target->bdev == bdev && target->write == write)
			found |= target->retired;
	}
	spin_unlock(&map->targets_lock);
	return found;
}

/*
 * Opened again each time, a device that is never done with its flush would get
 * one more of them each time.
 */
static int abuse_map_wait_given_up(struct abuse_map *map,
				   struct block_device *bdev, bool write)
{
	if (wait_event_killable(map->flushed,
				!rcu_access_pointer(map->era) ||
				!abuse_map_gives_up(map, bdev, write)))
		return -EINTR;
	return rcu_access_pointer(map->era) ? 0 : -ENODEV;
}

/*
 * A known target may have been written to through its cache, too. Returns it, used
 * once more; NULL if it has to be opened; or an error pointer.
 */
static struct abuse_target *abuse_map_reuse(struct abuse_map *map,
					    struct block_device *bdev,
					    bool write,
					    const struct abuse_target *before)
{
	struct abuse_target *target;
	int err;

	mutex_lock(&map->lock);
	target = abuse_map_known(map, bdev, write, false);
	mutex_unlock(&map->lock);
	if (!target)
		return NULL;
	err = target == before ? 0 : abuse_target_sync(bdev);
	if (err)
		return ERR_PTR(err);
	mutex_lock(&map->lock);
	target = abuse_map_known(map, bdev, write, true);
	mutex_unlock(&map->lock);
	return target;
}

/* The one that the fewest devices have */
static u32 abuse_map_lane(struct abuse_map *map)
{
	u32 lane, best = 0, nr[ABUSE_TARGET_LANES] = {};
	struct abuse_target *target;

	lockdep_assert_held(&map->lock);
	list_for_each_entry(target, &map->targets, link)
		nr[target->lane]++;
	for (lane = 0; lane < ABUSE_TARGET_LANES; lane++) {
		if (nr[lane] < nr[best])
			best = lane;
	}
	return best;
}

/**
 * abuse_map_lane_of() - where whoever waits for a device waits
 * @map: the map
 * @target: the device, from abuse_map_aim(); it is gone if the map is ended
 *
 * Return: its lane, or -ENODEV.
 */
int abuse_map_lane_of(struct abuse_map *map, const struct abuse_target *target)
{
	int lane;

	mutex_lock(&map->lock);
	lane = rcu_access_pointer(map->era) ? target->lane : -ENODEV;
	mutex_unlock(&map->lock);
	return lane;
}

/*
 * Puts an open device into the map. Returns it, used; or what is used instead, if
 * others were faster; or an error pointer: -ENODEV, -EAGAIN.
 */
static struct abuse_target *abuse_map_adopt(struct abuse_map *map,
					    struct abuse_target *target)
{
	struct abuse_target *known;

	lockdep_assert_held(&map->lock);
	if (!rcu_access_pointer(map->era))
		return ERR_PTR(-ENODEV);
	known = abuse_map_known(map, target->bdev, target->write, true);
	if (known)
		return known;
	if (abuse_map_gives_up(map, target->bdev, target->write))
		return ERR_PTR(-EAGAIN);
	target->uses = 1;
	target->lane = abuse_map_lane(map);
	spin_lock(&map->targets_lock);
	list_add_tail(&target->link, &map->targets);
	spin_unlock(&map->targets_lock);
	return target;
}

/* Returns -EAGAIN if the device is about to be given up. */
static struct abuse_target *abuse_map_try_open(struct abuse_map *map,
					       struct block_device *bdev,
					       bool write)
{
	struct abuse_target *target, *adopted;
	int err = abuse_map_prepare_retire(map);

	if (err)
		return ERR_PTR(err);
	/* This may take as long as the device likes. */
	target = abuse_target_open(bdev, write, map);
	if (IS_ERR(target))
		return target;
	mutex_lock(&map->lock);
	adopted = abuse_map_adopt(map, target);
	mutex_unlock(&map->lock);
	if (adopted != target)
		abuse_target_free(target);
	return adopted;
}

static struct abuse_target *abuse_map_open(struct abuse_map *map,
					   struct block_device *bdev,
					   bool write,
					   const struct abuse_target *before)
{
	struct abuse_target *target;
	int err;

	do {
		err = abuse_map_wait_given_up(map, bdev, write);
		if (err)
			return ERR_PTR(err);
		target = abuse_map_reuse(map, bdev, write, before) ?:
			 abuse_map_try_open(map, bdev, write);
	} while (target == ERR_PTR(-EAGAIN));
	return target;
}

static struct abuse_target *abuse_map_aim_at(struct abuse_map *map,
					     struct file *file,
					     const struct abuse_extent *extent,
					     const struct abuse_target *before)
{
	bool write = extent->flags & ABUSE_EXTENT_WRITE;
	struct block_device *bdev;
	int err;

	if (extent->flags & ABUSE_EXTENT_MEMORY)
		return abuse_target_lend(file, extent, map->block_size);
	bdev = abuse_target_of(file, write);
	err = PTR_ERR_OR_ZERO(bdev);
	/* Its own requests may wait for this disk. */
	if (!err && bdev->bd_disk->fops == map->fops)
		err = -ELOOP;
	if (!err)
		err = abuse_target_check(bdev, extent, map->block_size,
					 map->write_cache);
	return err ? ERR_PTR(err) : abuse_map_open(map, bdev, write, before);
}

/**
 * abuse_map_aim() - find the target of bytes that are to be mapped
 * @map: the map, which the caller keeps from being freed
 * @extent: which bytes, and where to; within the disk, and as its blocks are
 * @before: what this returned for the extent before in the same call, NULL: none
 *
 * This may take long. So it is done before the change.
 *
 * Return: the target, used until abuse_map_disaim(); or an error pointer as the
 * header of the ABI says.
 */
struct abuse_target *abuse_map_aim(struct abuse_map *map,
				   const struct abuse_extent *extent,
				   const struct abuse_target *before)
{
	struct file *file = fget(extent->target);
	struct abuse_target *target;

	if (!file)
		return ERR_PTR(-EBADF);
	target = abuse_map_aim_at(map, file, extent, before);
	fput(file);
	return target;
}
