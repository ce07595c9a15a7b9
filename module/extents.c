// SPDX-License-Identifier: GPL-2.0
/*
 * ABUSE_MAP and ABUSE_UNMAP: where bytes of a disk are. It checks what user space
 * says, and must not know how a bio finds its way.
 */
#include <linux/uaccess.h>

#include "copy.h"
#include "device.h"
#include "disk.h"
#include "extents.h"
#include "file.h"
#include "front.h"
#include "map.h"
#include "xfer.h"

/* What the structures were in the first release: they never get smaller. */
#define ABUSE_EXTENTS_SIZE_0	32
#define ABUSE_EXTENT_SIZE_0	40

static int abuse_check_extent(const struct abuse_config *config,
			      const struct abuse_extent *extent)
{
	if (extent->flags & ~ABUSE_EXTENT_WRITE || extent->reserved ||
	    extent->target > INT_MAX || !extent->length ||
	    (extent->offset | extent->length) & (config->block_size - 1) ||
	    extent->offset > config->capacity ||
	    extent->length > config->capacity - extent->offset)
		return -EINVAL;
	return 0;
}

static int abuse_map_one(struct abuse_map *map,
			 const struct abuse_config *config,
			 const struct abuse_extents *call, bool remove)
{
	void __user *user = abuse_user_ptr(call->extents);
	struct abuse_extent extent;
	sector_t first;
	int err;

	err = copy_struct_from_user(&extent, sizeof(extent),
				    user + (u64)call->done * call->element_size,
				    call->element_size);
	if (!err && remove)
		extent.target = 0;
	if (!err)
		err = abuse_check_extent(config, &extent);
	if (err)
		return err;
	if (!remove)
		return abuse_map_add(map, &extent,
				     call->flags & ABUSE_MAP_REPLACE);
	first = extent.offset >> SECTOR_SHIFT;
	return abuse_map_remove(map, first,
				first + (extent.length >> SECTOR_SHIFT) - 1);
}

/* Returns an era of the map of the disk that is set up, or an error pointer. */
static struct abuse_era *abuse_enter_map(struct abuse_file *file,
					 struct abuse_map **map,
					 struct abuse_config *config)
{
	struct abuse_device *dev = file->dev;
	struct abuse_front *front;
	struct abuse_era *era;
	int err;

	err = abuse_device_lock(dev);
	if (err)
		return ERR_PTR(err);
	if (!dev->disk || abuse_file_is_over(file)) {
		era = ERR_PTR(-ENODEV);
	} else {
		front = abuse_disk_front(dev->disk);
		*map = front ? abuse_front_map(front) : NULL;
		*config = dev->config;
		era = front ? abuse_map_enter(*map) : ERR_PTR(-EOPNOTSUPP);
	}
	abuse_device_unlock(dev);
	return era;
}

static int abuse_map_all(struct abuse_file *file, struct abuse_extents *call,
			 bool remove)
{
	struct abuse_era *present, *next, *past = NULL;
	struct abuse_config config;
	struct abuse_map *map;
	int err = 0;

	present = abuse_enter_map(file, &map, &config);
	if (IS_ERR(present))
		return PTR_ERR(present);
	next = abuse_map_begin(map);
	if (IS_ERR(next)) {
		err = PTR_ERR(next);
	} else {
		while (call->done < call->nr && !err) {
			err = abuse_map_one(map, &config, call, remove);
			call->done += !err;
		}
		past = abuse_map_commit(map, next);
	}
	abuse_era_leave(present);
	if (past)
		err = abuse_era_wait(past) ?: err;
	return err;
}

static int abuse_check_extents(const struct abuse_extents *call, bool remove)
{
	if (call->flags & ~(remove ? 0 : ABUSE_MAP_REPLACE) || call->reserved ||
	    call->nr > ABUSE_MAX_BATCH ||
	    call->element_size < ABUSE_EXTENT_SIZE_0 ||
	    !IS_ALIGNED(call->element_size, sizeof(u64)))
		return -EINVAL;
	return call->element_size > ABUSE_MAX_ELEMENT ? -E2BIG : 0;
}

/**
 * abuse_ioctl_map() - ABUSE_MAP and ABUSE_UNMAP
 * @file: the open control node
 * @arg: the structure
 * @remove: it is ABUSE_UNMAP
 *
 * Return: as the header of the ABI says.
 */
int abuse_ioctl_map(struct abuse_file *file, struct abuse_extents __user *arg,
		    bool remove)
{
	struct abuse_extents call;
	u32 size;
	int err;

	BUILD_BUG_ON(sizeof(call) != ABUSE_EXTENTS_SIZE_0);
	BUILD_BUG_ON(sizeof(struct abuse_extent) != ABUSE_EXTENT_SIZE_0);
	err = abuse_read_size(arg, ABUSE_EXTENTS_SIZE_0, &size);
	if (!err)
		err = copy_struct_from_user(&call, sizeof(call), arg, size);
	if (!err)
		err = abuse_check_extents(&call, remove);
	if (err)
		return err;
	call.done = 0;
	err = abuse_map_all(file, &call, remove);
	return put_user(call.done, &arg->done) ? -EFAULT : err;
}
