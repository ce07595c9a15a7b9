// SPDX-License-Identifier: GPL-2.0
/*
 * ABUSE_MAP, ABUSE_UNMAP and ABUSE_LENT: where bytes of a disk are. It checks what user space
 * says, and must not know how a bio finds its way.
 */
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "aim.h"
#include "change.h"
#include "copy.h"
#include "device.h"
#include "extents.h"
#include "file.h"
#include "front.h"
#include "list.h"
#include "map.h"
#include "memory.h"
#include "trace.h"
#include "xfer.h"

/* What the structures were in the first release: they never get smaller. */
#define ABUSE_EXTENTS_SIZE_0	32
#define ABUSE_LENT_SIZE_0	24

#define ABUSE_EXTENT_NO_DATA	(ABUSE_EXTENT_DISCARD | ABUSE_EXTENT_WRITE_ZEROES)

static int abuse_check_extent(const struct abuse_config *config,
			      const struct abuse_extent *extent)
{
	if (extent->flags & ~(ABUSE_EXTENT_WRITE | ABUSE_EXTENT_MEMORY |
			      ABUSE_EXTENT_NO_DATA) ||
	    (extent->flags & ABUSE_EXTENT_NO_DATA &&
	     !(extent->flags & ABUSE_EXTENT_WRITE)) ||
	    extent->filesystem ||
	    extent->target > INT_MAX || !extent->length ||
	    (extent->offset | extent->length) & (config->block_size - 1) ||
	    extent->offset > config->capacity ||
	    extent->length > config->capacity - extent->offset)
		return -EINVAL;
	return 0;
}

/**
 * struct abuse_part - what a call says of some bytes
 * @extent: the bytes
 * @target: where they are, NULL if they are not to be mapped
 */
struct abuse_part {
	struct abuse_extent extent;
	struct abuse_target *target;
};

static int abuse_read_part(const struct abuse_config *config,
			   const struct abuse_extents *call, bool remove,
			   u32 i, struct abuse_extent *extent)
{
	void __user *user = abuse_user_ptr(call->extents);
	int err;

	err = copy_struct_from_user(extent, sizeof(*extent),
				    user + (u64)i * call->element_size,
				    call->element_size);
	if (!err && remove) {
		extent->target = 0;
		extent->filesystem = 0;
	}
	return err ?: abuse_check_extent(config, extent);
}

/* Returns how many there are before the one that failed. */
static u32 abuse_read_parts(const struct abuse_config *config,
			    const struct abuse_extents *call, bool remove,
			    struct abuse_part *parts, int *err)
{
	u32 i;

	for (i = 0; i < call->nr; i++) {
		*err = abuse_read_part(config, call, remove, i,
				       &parts[i].extent);
		if (*err)
			break;
		cond_resched();
	}
	return i;
}

/* Stops at the first part that fails. Returns how many there are before it. */
static u32 abuse_aim_kind(struct abuse_front *front, struct abuse_part *parts,
			  u32 nr, u32 kind, int *err)
{
	struct abuse_target *before = NULL;
	u32 i;

	for (i = 0; i < nr; i++) {
		struct abuse_target *target;
		int failed;

		if ((parts[i].extent.flags & ABUSE_EXTENT_MEMORY) != kind)
			continue;
		target = abuse_map_aim(abuse_front_map(front),
				       &parts[i].extent, before);
		if (IS_ERR(target)) {
			*err = PTR_ERR(target);
			break;
		}
		parts[i].target = target;
		failed = kind ? 0 : abuse_front_aim(front, target);
		if (failed) {
			*err = failed;
			break;
		}
		before = target;
		cond_resched();
	}
	return i;
}

/*
 * A device is claimed from then on, so whatever waits for user memory is done
 * before. Returns how many there are before the one that failed.
 */
static u32 abuse_aim_parts(struct abuse_front *front, struct abuse_part *parts,
			   u32 nr, int *err)
{
	nr = abuse_aim_kind(front, parts, nr, ABUSE_EXTENT_MEMORY, err);
	return abuse_aim_kind(front, parts, nr, 0, err);
}

static int abuse_change_part(struct abuse_map *map, u32 number,
			     struct abuse_part *part, bool replace)
{
	const struct abuse_extent *extent = &part->extent;
	sector_t first = extent->offset >> SECTOR_SHIFT;
	int err;

	if (part->target) {
		err = abuse_map_add(map, extent, part->target, replace);
		if (!err)
			trace_abuse_map(number, extent, part->target);
	} else {
		err = abuse_map_remove(map, first, first - 1 +
				       (extent->length >> SECTOR_SHIFT));
		if (!err)
			trace_abuse_unmap(number, extent);
	}
	return err;
}

/* Returns an era, as abuse_map_commit() does. */
static struct abuse_era *abuse_change(struct abuse_map *map, u32 number,
				      struct abuse_extents *call,
				      struct abuse_part *parts, u32 nr,
				      struct abuse_era *next, int *err)
{
	u32 i;

	abuse_map_begin(map);
	for (i = 0; i < nr; i++) {
		int failed = abuse_change_part(map, number, &parts[i],
					       call->flags & ABUSE_MAP_REPLACE);

		if (failed) {
			*err = failed;
			break;
		}
	}
	call->done = i;
	/* Those behind the one that failed may be memory already. */
	for (i = 0; i < call->nr; i++) {
		if (parts[i].target)
			abuse_map_disaim(map, parts[i].target,
					 parts[i].extent.flags &
						 ABUSE_EXTENT_MEMORY);
	}
	return abuse_map_commit(map, next, false);
}

static int abuse_map_all(struct abuse_front *front, u32 number,
			 const struct abuse_config *config,
			 struct abuse_extents *call, bool remove,
			 struct abuse_era **past)
{
	struct abuse_map *map = abuse_front_map(front);
	struct abuse_part *parts;
	struct abuse_era *next;
	int err = 0;
	u32 nr;

	parts = kvcalloc(call->nr, sizeof(*parts), GFP_KERNEL_ACCOUNT);
	next = abuse_era_alloc(map);
	if (!parts || !next) {
		if (next)
			abuse_era_cancel(next);
		kvfree(parts);
		return -ENOMEM;
	}
	/* All that may wait long is done before the change begins. */
	nr = abuse_read_parts(config, call, remove, parts, &err);
	if (!remove)
		nr = abuse_aim_parts(front, parts, nr, &err);
	*past = abuse_change(map, number, call, parts, nr, next, &err);
	kvfree(parts);
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
	struct abuse_era *past = NULL;
	struct abuse_extents call;
	struct abuse_config config;
	struct abuse_front *front;
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
	front = abuse_file_hold_front(file, NULL, &config);
	err = PTR_ERR_OR_ZERO(front);
	if (!err) {
		err = abuse_map_all(front, file->dev->number, &config, &call, remove,
				    &past);
		abuse_front_let_go(front);
	}
	if (past)
		err = abuse_era_wait(past) ?: err;
	return put_user(call.done, &arg->done) ? -EFAULT : err;
}

/* Returns an open file of its own of the memory that is lent there. */
static struct file *abuse_open_lent(struct abuse_file *file, u64 offset)
{
	struct abuse_front *front = abuse_file_hold_front(file, NULL, NULL);
	struct file *lent, *memory;

	if (IS_ERR(front))
		return ERR_CAST(front);
	lent = abuse_map_lent(abuse_front_map(front), offset >> SECTOR_SHIFT);
	abuse_front_let_go(front);
	if (IS_ERR(lent))
		return lent;
	memory = abuse_memory_reopen(lent, lent->f_mode & FMODE_WRITE);
	fput(lent);
	return memory;
}

/**
 * abuse_ioctl_lent() - ABUSE_LENT
 * @file: the open control node
 * @arg: the structure
 *
 * Return: as the header of the ABI says.
 */
int abuse_ioctl_lent(struct abuse_file *file, struct abuse_lent __user *arg)
{
	struct abuse_lent lent;
	struct file *memory;
	u32 size;
	int err, fd;

	BUILD_BUG_ON(sizeof(lent) != ABUSE_LENT_SIZE_0);
	err = abuse_read_size(arg, ABUSE_LENT_SIZE_0, &size);
	if (!err)
		err = copy_struct_from_user(&lent, sizeof(lent), arg, size);
	if (!err && (lent.flags || lent.reserved))
		err = -EINVAL;
	if (err)
		return err;
	memory = abuse_open_lent(file, lent.offset);
	if (IS_ERR(memory))
		return PTR_ERR(memory);
	fd = get_unused_fd_flags(O_CLOEXEC);
	err = fd < 0 ? fd : put_user(fd, &arg->descriptor);
	if (!err) {
		fd_install(fd, memory);
		return 0;
	}
	if (fd >= 0)
		put_unused_fd(fd);
	fput(memory);
	return err;
}
