// SPDX-License-Identifier: GPL-2.0
/*
 * The map of a disk: which of its bytes are bytes of which target. It is read
 * under RCU. It must not know how it is changed, requests, servers or disks.
 */
#include <linux/file.h>

#include "map.h"
#include "memory.h"
#include "uapi/abuse.h"

/**
 * abuse_map_init() - make a map that has nothing
 * @map: the map
 * @freed: called when nobody uses it any more, after abuse_map_end()
 *
 * Return: 0, -ENOMEM.
 */
int abuse_map_init(struct abuse_map *map, void (*freed)(struct abuse_map *map))
{
	struct abuse_era *era;

	map->found = alloc_percpu_gfp(struct abuse_found, GFP_KERNEL_ACCOUNT);
	if (!map->found)
		return -ENOMEM;
	era = abuse_era_alloc(map);
	if (!era) {
		free_percpu(map->found);
		return -ENOMEM;
	}
	mutex_init(&map->lock);
	spin_lock_init(&map->turn);
	mt_init_flags(&map->tree, MT_FLAGS_USE_RCU);
	spin_lock_init(&map->targets_lock);
	INIT_LIST_HEAD(&map->targets);
	INIT_LIST_HEAD(&map->unused);
	map->retire = NULL;
	init_waitqueue_head(&map->flushed);
	map->nr_ranges = 0;
	atomic64_set(&map->changes, 2);	/* nothing is found yet */
	atomic64_set(&map->lost, 0);
	atomic64_set(&map->told, 0);
	refcount_set(&map->eras, 1);
	map->freed = freed;
	RCU_INIT_POINTER(map->era, era);
	return 0;
}

/**
 * abuse_map_exit() - undo abuse_map_init()
 * @map: the map, which nobody uses any more
 */
void abuse_map_exit(struct abuse_map *map)
{
	if (map->retire)
		destroy_workqueue(map->retire);
	free_percpu(map->found);
}

/**
 * abuse_map_is_paused() - whether nothing is to begin now
 * @map: the map
 */
bool abuse_map_is_paused(struct abuse_map *map)
{
	struct abuse_era *era;
	bool paused;

	rcu_read_lock();
	era = rcu_dereference(map->era);
	paused = era && READ_ONCE(era->paused);
	rcu_read_unlock();
	return paused;
}

/**
 * abuse_map_next_device() - who is to be flushed, one after the other
 * @map: the map, in an era
 * @target: the one before, which is given up; NULL: begin
 *
 * What was written to a device that is not among them is durable, or lost, see
 * abuse_map_has_lost(). One of them may be given up meanwhile, and lose what this
 * flush is for, so whoever flushes it looks at that afterwards.
 *
 * Return: a device that is written to, which stays until it is given up here, or
 * with abuse_map_leave_device(); NULL if there are no more.
 */
struct abuse_target *abuse_map_next_device(struct abuse_map *map,
					   struct abuse_target *target)
{
	struct abuse_target *before = target;

	spin_lock(&map->targets_lock);
	target = list_prepare_entry(target, &map->targets, link);
	list_for_each_entry_continue(target, &map->targets, link) {
		if (target->write && target->led && !target->flushed)
			break;
	}
	if (list_entry_is_head(target, &map->targets, link))
		target = NULL;
	else
		atomic_inc(&target->flushes);
	spin_unlock(&map->targets_lock);
	if (before)
		abuse_map_leave_device(map, before);
	return target;
}

/**
 * abuse_map_leave_device() - a flush does not need a device any more
 * @map: the map
 * @target: the device
 */
void abuse_map_leave_device(struct abuse_map *map, struct abuse_target *target)
{
	if (atomic_dec_and_test(&target->flushes))
		wake_up(&map->flushed);
}

/**
 * abuse_map_losses() - a flush of the disk begins
 * @map: the map, none of whose devices it has looked at
 *
 * Return: for abuse_map_has_lost().
 */
struct abuse_losses abuse_map_losses(struct abuse_map *map)
{
	struct abuse_losses losses = {
		.told = atomic64_read(&map->told),
		.lost = atomic64_read(&map->lost),
	};

	return losses;
}

/**
 * abuse_map_has_lost() - whether what was written to a device was lost
 * @map: the map, all of whose devices were looked at, and all parts of the flush
 *	have ended
 * @begin: what it was when the flush began
 *
 * All flushes fail that nobody has told before they began, as each may be of
 * somebody else.
 */
bool abuse_map_has_lost(struct abuse_map *map, const struct abuse_losses *begin)
{
	return atomic64_read(&map->lost) != begin->told;
}

/**
 * abuse_map_tell_losses() - a flush has ended, and told what was lost
 * @map: the map
 * @lost: see struct abuse_losses; it need not have lost anything
 *
 * Only one that began after a loss is the last of those that tell it; what begins
 * before that has ended tells it as well.
 */
void abuse_map_tell_losses(struct abuse_map *map, s64 lost)
{
	abuse_raise(&map->told, lost);
}

/**
 * abuse_map_set_paused() - whether something is to begin in the eras that follow
 * @map: the map
 * @paused: nothing is; whoever calls last has seen its last value
 *
 * If it is not, that holds for the present era, too. To pause, change the map.
 */
void abuse_map_set_paused(struct abuse_map *map, const bool *paused)
{
	struct abuse_era *era;

	spin_lock(&map->turn);
	WRITE_ONCE(map->paused, READ_ONCE(*paused));
	era = rcu_dereference_protected(map->era, lockdep_is_held(&map->turn));
	if (era && !map->paused)
		WRITE_ONCE(era->paused, false);
	spin_unlock(&map->turn);
}

/**
 * abuse_map_search() - where a sector is that this processor found elsewhere before
 * @map: the map, in an era, or locked
 * @sector: of the disk
 *
 * mas_walk() tells the ends of a range that has no entry, too.
 */
struct abuse_place abuse_map_search(struct abuse_map *map, sector_t sector)
{
	MA_STATE(mas, &map->tree, sector, sector);
	s64 changes = atomic64_read_acquire(&map->changes);
	struct abuse_found found = { .changes = changes };
	bool stable;

	rcu_read_lock();
	found.m = mas_walk(&mas);
	rcu_read_unlock();
	smp_rmb();	/* with abuse_map_store_piece() */
	stable = !(changes & 1) && atomic64_read(&map->changes) == changes;
	if (unlikely(!stable)) {
		mas_set(&mas, sector);
		mas_lock(&mas);
		found.m = mas_walk(&mas);
		mas_unlock(&mas);
	}
	found.first = mas.index;
	found.last = min(mas.last, ULONG_MAX - 1);
	if (likely(stable)) {
		*get_cpu_ptr(map->found) = found;
		put_cpu_ptr(map->found);
	}
	return (struct abuse_place) { found.m, found.last + 1 };
}

/* Returns enum abuse_extent_flags. */
static u32 abuse_mapping_flags(const struct abuse_mapping *m)
{
	return (m->ops & abuse_op_bit(REQ_OP_WRITE) ? ABUSE_EXTENT_WRITE : 0) |
	       (m->ops & abuse_op_bit(REQ_OP_DISCARD) ?
			ABUSE_EXTENT_DISCARD : 0) |
	       (m->ops & abuse_op_bit(REQ_OP_WRITE_ZEROES) ?
			ABUSE_EXTENT_WRITE_ZEROES : 0) |
	       (m->target->memory ? ABUSE_EXTENT_MEMORY : 0);
}

/**
 * abuse_map_list() - tell what is mapped
 * @map: the map, which the caller keeps from being freed
 * @list: its cursor: the first sector to tell of; out: the next one, 0 at the
 *	end; its total: out
 * @extents: out
 * @room: for so many
 *
 * Return: how many were told, or -ENODEV.
 */
int abuse_map_list(struct abuse_map *map, struct abuse_list *list,
		   struct abuse_extent *extents, u32 room)
{
	MA_STATE(mas, &map->tree, list->cursor, list->cursor);
	struct abuse_mapping *m;
	int n = 0;

	mutex_lock(&map->lock);
	if (!rcu_access_pointer(map->era)) {
		mutex_unlock(&map->lock);
		return -ENODEV;
	}
	list->total = map->nr_ranges;
	list->cursor = 0;
	rcu_read_lock();
	mas_for_each(&mas, m, ULONG_MAX) {
		if (n == room) {
			list->cursor = mas.index;
			break;
		}
		extents[n++] = (struct abuse_extent) {
			.offset = (u64)mas.index << SECTOR_SHIFT,
			.length = (u64)(mas.last - mas.index + 1) << SECTOR_SHIFT,
			.target_offset = (mas.index + m->delta) << SECTOR_SHIFT,
			.target = abuse_target_number(m->target),
			.filesystem = abuse_target_filesystem(m->target),
			.flags = abuse_mapping_flags(m),
		};
	}
	rcu_read_unlock();
	mutex_unlock(&map->lock);
	return n;
}

/**
 * abuse_map_lent() - the file of memory that is lent
 * @map: the map, which the caller keeps from being freed
 * @sector: which is mapped to that memory
 *
 * Return: the file, open for what the memory is for, to be given up with fput();
 * or an error pointer: -ENODEV, -ENOENT.
 */
struct file *abuse_map_lent(struct abuse_map *map, sector_t sector)
{
	struct file *file = ERR_PTR(-ENOENT);
	struct abuse_mapping *m;

	mutex_lock(&map->lock);
	if (rcu_access_pointer(map->era)) {
		m = abuse_map_find(map, sector).m;
		if (m && m->target->memory)
			file = get_file(m->target->memory->file);
	} else {
		file = ERR_PTR(-ENODEV);
	}
	mutex_unlock(&map->lock);
	return file;
}
