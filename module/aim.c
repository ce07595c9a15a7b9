// SPDX-License-Identifier: GPL-2.0
/*
 * The target of bytes that are to be mapped: one that the map has already, a device
 * that is opened, or memory. It must not know how a map is changed.
 */
#include <linux/file.h>

#include "aim.h"
#include "uapi/abuse.h"

/* Returns a target that is there already, or NULL. */
static struct abuse_target *abuse_map_known(struct abuse_map *map,
					    struct block_device *bdev,
					    bool write)
{
	struct abuse_target *target;

	lockdep_assert_held(&map->lock);
	list_for_each_entry(target, &map->targets, link) {
		if (target->bdev == bdev && target->write == write &&
		    !target->retired)
			return target;
	}
	return NULL;
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
	target = abuse_map_known(map, bdev, write);
	mutex_unlock(&map->lock);
	if (!target)
		return NULL;
	err = target == before ? 0 : abuse_target_sync(bdev);
	if (err)
		return ERR_PTR(err);
	mutex_lock(&map->lock);
	target = abuse_map_known(map, bdev, write);
	if (target)
		target->uses++;
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

static struct abuse_target *abuse_map_open(struct abuse_map *map,
					   struct block_device *bdev,
					   bool write,
					   const struct abuse_target *before)
{
	struct abuse_target *known = abuse_map_reuse(map, bdev, write, before);
	struct abuse_target *target;

	if (known)
		return known;
	/* This may take as long as the device likes. */
	target = abuse_target_open(bdev, write, map);
	if (IS_ERR(target))
		return target;
	mutex_lock(&map->lock);
	known = rcu_access_pointer(map->era) ?
		abuse_map_known(map, bdev, write) : ERR_PTR(-ENODEV);
	if (!IS_ERR_OR_NULL(known)) {
		known->uses++;
	} else if (!known) {
		target->uses = 1;
		target->lane = abuse_map_lane(map);
		spin_lock(&map->targets_lock);
		list_add_tail(&target->link, &map->targets);
		spin_unlock(&map->targets_lock);
	}
	mutex_unlock(&map->lock);
	if (!known)
		return target;
	abuse_target_free(target);
	return known;
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
		err = abuse_target_check(bdev, extent, map->block_size);
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
