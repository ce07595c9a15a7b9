// SPDX-License-Identifier: GPL-2.0
/*
 * The map of a disk: which of its bytes are bytes of which block device. It is
 * read under RCU. It must not know requests, servers or disks.
 */
#include <linux/file.h>
#include <linux/kdev_t.h>

#include "map.h"
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
	struct abuse_era *era = abuse_era_alloc(map);

	if (!era)
		return -ENOMEM;
	mutex_init(&map->change);
	mutex_init(&map->lock);
	mt_init_flags(&map->tree, MT_FLAGS_USE_RCU);
	INIT_LIST_HEAD(&map->targets);
	map->nr_ranges = 0;
	atomic_set(&map->changes, 0);
	atomic_set(&map->retiring, 0);
	atomic_set(&map->lost, 0);
	map->freed = freed;
	RCU_INIT_POINTER(map->era, era);
	return 0;
}

/**
 * abuse_map_enter() - begin to use the map
 * @map: the map
 *
 * Return: to be ended with abuse_era_leave(), in any context; what
 * abuse_map_find() finds until then stays. NULL when the map is ended.
 */
struct abuse_era *abuse_map_enter(struct abuse_map *map)
{
	struct abuse_era *era;

	rcu_read_lock();
	do {
		era = rcu_dereference(map->era);
	} while (era && !percpu_ref_tryget_live(&era->ref));
	rcu_read_unlock();
	return era;
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
 * abuse_map_is_retiring() - whether a flush would miss something now
 * @map: the map
 */
bool abuse_map_is_retiring(struct abuse_map *map)
{
	smp_rmb();	/* after the era, before which targets were retired */
	return atomic_read(&map->retiring);
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

	mutex_lock(&map->lock);
	map->paused = READ_ONCE(*paused);
	era = rcu_dereference_protected(map->era, lockdep_is_held(&map->lock));
	if (era && !map->paused)
		WRITE_ONCE(era->paused, false);
	mutex_unlock(&map->lock);
}

/**
 * abuse_map_find() - where a sector is
 * @map: the map, in an era
 * @sector: of the disk
 * @end: out: the first sector for which this answer may not hold
 *
 * Return: the mapping, or NULL.
 */
struct abuse_mapping *abuse_map_find(struct abuse_map *map, sector_t sector,
				     sector_t *end)
{
	MA_STATE(mas, &map->tree, sector, sector);
	int changes = atomic_read_acquire(&map->changes);
	struct abuse_mapping *m;

	rcu_read_lock();
	m = mas_find(&mas, ULONG_MAX);
	rcu_read_unlock();
	smp_rmb();	/* with abuse_map_store() */
	if (unlikely(changes & 1 || atomic_read(&map->changes) != changes)) {
		mas_set(&mas, sector);
		mas_lock(&mas);
		m = mas_find(&mas, ULONG_MAX);
		mas_unlock(&mas);
	}
	if (!m) {
		*end = (sector_t)-1;
	} else if (mas.index > sector) {
		*end = mas.index;
		m = NULL;
	} else {
		*end = mas.last + 1;
	}
	return m;
}

/* It is in the list until the era is over, for the flushes that are in it. */
static void abuse_target_retire(struct abuse_era *era,
				struct abuse_target *target)
{
	target->retired = true;
	atomic_inc(&era->map->retiring);
	list_add(&target->gone, &era->targets);
}

/* Ends the present era, so that what was taken away since it began goes with it. */
static void abuse_map_turn(struct abuse_map *map, struct abuse_era *next)
{
	struct abuse_era *era;

	era = rcu_replace_pointer(map->era, next, lockdep_is_held(&map->lock));
	if (next)
		percpu_ref_get(&next->ref);
	era->next = next;
	percpu_ref_kill(&era->ref);
}

/**
 * abuse_map_end() - everything is taken away
 * @map: the map, which is not entered any more; it is freed later
 */
void abuse_map_end(struct abuse_map *map)
{
	struct abuse_target *target;
	struct abuse_mapping *m;
	unsigned long index = 0;
	struct abuse_era *era;

	mutex_lock(&map->lock);
	era = rcu_dereference_protected(map->era, lockdep_is_held(&map->lock));
	mt_for_each(&map->tree, m, index, ULONG_MAX) {
		if (!--m->ranges)
			list_add(&m->link, &era->mappings);
		cond_resched();
	}
	list_for_each_entry(target, &map->targets, link) {
		if (!target->retired)
			abuse_target_retire(era, target);
	}
	abuse_map_turn(map, NULL);
	mutex_unlock(&map->lock);
}

/*
 * Counts what becomes of the entries that a store to these sectors changes:
 * each loses what lies in them, and may be cut in two. @sign: -1 undoes it.
 */
static s64 abuse_map_count(struct abuse_map *map, sector_t first, sector_t last,
			   int sign, struct list_head *gone)
{
	MA_STATE(mas, &map->tree, first, first);
	struct abuse_mapping *m;
	s64 ranges = 0;

	lockdep_assert_held(&map->lock);
	rcu_read_lock();
	mas_for_each(&mas, m, last) {
		int n = (mas.index < first) + (mas.last > last) - 1;

		if (sign < 0 && !m->ranges)
			list_del(&m->link);
		m->ranges += sign * n;
		if (sign > 0 && !m->ranges)
			list_add(&m->link, gone);
		ranges += n;
	}
	rcu_read_unlock();
	return ranges;
}

/* Takes the mappings that nothing says any more out of their targets. */
static void abuse_map_forget(struct abuse_era *era, struct list_head *gone)
{
	struct abuse_mapping *m;

	list_for_each_entry(m, gone, link) {
		if (!--m->target->uses)
			abuse_target_retire(era, m->target);
	}
	list_splice(gone, &era->mappings);
}

/* Stores @m, or nothing if it is NULL, and notes what that takes away. */
static int abuse_map_store(struct abuse_map *map, sector_t first, sector_t last,
			   struct abuse_mapping *m, struct list_head *gone)
{
	s64 ranges;
	int err;

	if (m)
		m->ranges++;
	ranges = abuse_map_count(map, first, last, 1, gone);
	atomic_inc(&map->changes);
	smp_mb__after_atomic();	/* with abuse_map_find() */
	err = mtree_store_range(&map->tree, first, last, m,
				GFP_KERNEL_ACCOUNT);
	smp_mb__before_atomic();	/* with abuse_map_find() */
	atomic_inc(&map->changes);
	if (err) {
		abuse_map_count(map, first, last, -1, NULL);
		if (m)
			m->ranges--;
		return err;
	}
	map->nr_ranges += ranges + (m ? 1 : 0);
	return 0;
}

/* A neighbour that leads on to the same place takes the new range in. */
static struct abuse_mapping *abuse_map_neighbour(struct abuse_map *map,
						 sector_t sector,
						 const struct abuse_mapping *m,
						 sector_t *first, sector_t *last)
{
	MA_STATE(mas, &map->tree, sector, sector);
	struct abuse_mapping *other;

	rcu_read_lock();
	other = mas_walk(&mas);
	rcu_read_unlock();
	if (!other || other->target != m->target || other->delta != m->delta ||
	    other->write != m->write)
		return NULL;
	*first = min_t(sector_t, *first, mas.index);
	*last = max_t(sector_t, *last, mas.last);
	return other;
}

static struct abuse_era *abuse_map_era(struct abuse_map *map)
{
	return rcu_dereference_protected(map->era,
					 lockdep_is_held(&map->lock));
}

/* Changes are in order, so nobody else adds one meanwhile. */
static struct abuse_target *abuse_target_get(struct abuse_map *map,
					     struct block_device *bdev,
					     bool write)
{
	struct abuse_target *target;

	lockdep_assert_held(&map->change);
	list_for_each_entry(target, &map->targets, link) {
		if (target->bdev == bdev && target->write == write &&
		    !target->retired)
			return target;
	}
	mutex_unlock(&map->lock);
	target = abuse_target_open(bdev, write, map);
	mutex_lock(&map->lock);
	if (IS_ERR(target))
		return target;
	if (!abuse_map_era(map)) {
		abuse_target_free(target);
		return ERR_PTR(-ENODEV);
	}
	list_add_tail_rcu(&target->link, &map->targets);
	return target;
}

static int abuse_map_put(struct abuse_map *map, struct abuse_target *target,
			 const struct abuse_extent *extent, bool replace)
{
	sector_t first = extent->offset >> SECTOR_SHIFT;
	sector_t last = first + (extent->length >> SECTOR_SHIFT) - 1;
	struct abuse_mapping *m, *other;
	unsigned long index = first;
	LIST_HEAD(gone);
	int err;

	if (!replace && mt_find(&map->tree, &index, last))
		return -EEXIST;
	if (map->nr_ranges >= ABUSE_MAX_USER_EXTENTS &&
	    !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	m = abuse_mapping_alloc();
	if (!m)
		return -ENOMEM;
	m->target = target;
	m->write = target->write;
	m->delta = (extent->target_offset >> SECTOR_SHIFT) - first;
	other = abuse_map_neighbour(map, last + 1, m, &first, &last);
	if (first)
		other = abuse_map_neighbour(map, first - 1, m, &first, &last) ?:
			other;
	err = abuse_map_store(map, first, last, other ?: m, &gone);
	if (!err && !other)
		target->uses++;
	else
		abuse_mapping_free(m);
	abuse_map_forget(abuse_map_era(map), &gone);
	return err;
}

/**
 * abuse_map_add() - map bytes of the disk
 * @map: the map, begun to be changed
 * @extent: which, and where to; within the disk, and as its blocks are
 * @replace: also where something is mapped already
 *
 * Return: 0, or an error as the header of the ABI says.
 */
int abuse_map_add(struct abuse_map *map, const struct abuse_extent *extent,
		  bool replace)
{
	struct file *file = fget(extent->target);
	struct abuse_target *target;
	struct block_device *bdev;
	int err;

	if (!file)
		return -EBADF;
	bdev = abuse_target_of(file, extent->flags & ABUSE_EXTENT_WRITE);
	err = PTR_ERR_OR_ZERO(bdev);
	/* Its own requests may wait for this disk. */
	if (!err && bdev->bd_disk->fops == map->fops)
		err = -ELOOP;
	if (!err)
		err = abuse_target_check(bdev, extent, map->block_size);
	if (err)
		goto out;
	mutex_lock(&map->lock);
	target = abuse_map_era(map) ?
		 abuse_target_get(map, bdev,
				  extent->flags & ABUSE_EXTENT_WRITE) :
		 ERR_PTR(-ENODEV);
	if (IS_ERR(target)) {
		err = PTR_ERR(target);
	} else {
		err = abuse_map_put(map, target, extent, replace);
		if (!target->uses)
			abuse_target_retire(abuse_map_era(map), target);
	}
	mutex_unlock(&map->lock);
out:
	fput(file);
	return err;
}

/**
 * abuse_map_remove() - what is there is not mapped any more
 * @map: the map, begun to be changed
 * @first: sector
 * @last: the last one
 *
 * Return: 0, -ENOMEM, -ENODEV.
 */
int abuse_map_remove(struct abuse_map *map, sector_t first, sector_t last)
{
	LIST_HEAD(gone);
	int err = -ENODEV;

	mutex_lock(&map->lock);
	if (abuse_map_era(map)) {
		err = abuse_map_store(map, first, last, NULL, &gone);
		abuse_map_forget(abuse_map_era(map), &gone);
	}
	mutex_unlock(&map->lock);
	return err;
}

/**
 * abuse_map_begin() - begin to change a map
 * @map: the map, in an era
 *
 * Return: for abuse_map_commit(), or an error pointer.
 */
struct abuse_era *abuse_map_begin(struct abuse_map *map)
{
	struct abuse_era *next = abuse_era_alloc(map);

	if (!next)
		return ERR_PTR(-ENOMEM);
	if (!mutex_lock_killable(&map->change))
		return next;
	abuse_era_cancel(next);
	return ERR_PTR(-EINTR);
}

/**
 * abuse_map_commit() - end a change
 * @map: the map, in an era
 * @next: from abuse_map_begin()
 *
 * Return: for abuse_era_wait(), once the caller has left its era, or for
 * abuse_era_put(); or NULL.
 */
struct abuse_era *abuse_map_commit(struct abuse_map *map,
				   struct abuse_era *next)
{
	struct abuse_era *era;

	mutex_lock(&map->lock);
	era = abuse_map_era(map);
	next->paused = map->paused;
	if (era && !era->paused && !next->paused &&
	    list_empty(&era->mappings) && list_empty(&era->targets))
		era = NULL;
	if (era) {
		refcount_inc(&era->users);
		abuse_map_turn(map, next);
	}
	mutex_unlock(&map->lock);
	mutex_unlock(&map->change);
	if (!era)
		abuse_era_cancel(next);
	return era;
}

/**
 * abuse_map_list() - tell what is mapped
 * @map: the map, not yet ended
 * @list: its cursor: the first sector to tell of; out: the next one, 0 at the
 *	end; its total: out
 * @extents: out
 * @room: for so many
 *
 * Return: how many were told.
 */
u32 abuse_map_list(struct abuse_map *map, struct abuse_list *list,
		   struct abuse_extent *extents, u32 room)
{
	MA_STATE(mas, &map->tree, list->cursor, list->cursor);
	struct abuse_mapping *m;
	u32 n = 0;

	mutex_lock(&map->lock);
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
			.target = huge_encode_dev(m->target->bdev->bd_dev),
			.flags = m->write ? ABUSE_EXTENT_WRITE : 0,
		};
	}
	rcu_read_unlock();
	mutex_unlock(&map->lock);
	return n;
}
