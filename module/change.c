// SPDX-License-Identifier: GPL-2.0
/*
 * Changes of a map: what is added, what is taken away, and its end. It must not
 * know requests, servers or disks.
 */
#include <linux/sched.h>
#include <linux/sched/mm.h>

#include "change.h"
#include "uapi/abuse.h"

/*
 * So many entries are changed before somebody else may run. What lies between them
 * counts in the tree, too, and its nodes have at least five entries each. So this is
 * less than lies below an inner node with 15 children, which must not be freed as
 * a whole: see abuse_map_free().
 */
#define ABUSE_PIECE	16

/* So many mappings that were taken in are kept before an era ends to free them. */
#define ABUSE_MAX_JOINED	1024

static struct abuse_era *abuse_map_era(struct abuse_map *map)
{
	return rcu_dereference_protected(map->era,
					 lockdep_is_held(&map->lock));
}

/* A device stays in the list of the map until the era is over, and it was flushed. */
static void abuse_target_go(struct abuse_era *era, struct abuse_target *target)
{
	if (target->memory) {
		list_add(&target->gone, &era->memory);
		return;
	}
	spin_lock(&era->map->targets_lock);
	list_add(&target->gone, &era->targets);
	spin_unlock(&era->map->targets_lock);
}

static void abuse_target_put(struct abuse_era *era, struct abuse_target *target)
{
	if (!--target->uses)
		abuse_target_go(era, target);
}

/* Ends the present era, so that what was taken away since it began goes with it. */
static void abuse_map_turn(struct abuse_map *map, struct abuse_era *next)
{
	struct abuse_era *era = abuse_map_era(map);

	if (next) {
		percpu_ref_get(&next->ref);
		refcount_inc(&map->eras);
	}
	era->next = next;
	spin_lock(&map->turn);
	if (next)
		next->paused = map->paused;
	rcu_assign_pointer(map->era, next);
	spin_unlock(&map->turn);
	percpu_ref_kill(&era->ref);
}

/**
 * abuse_map_end() - everything is taken away
 * @map: the map, which is not entered any more; the caller keeps it from being freed
 */
void abuse_map_end(struct abuse_map *map)
{
	struct abuse_target *target;
	struct abuse_mapping *m;
	unsigned long index = 0;
	struct abuse_era *era;

	mutex_lock(&map->lock);
	era = abuse_map_era(map);
	mt_for_each(&map->tree, m, index, ULONG_MAX) {
		if (!--m->ranges) {
			list_add(&m->link, &era->mappings);
			abuse_target_put(era, m->target);
		}
		cond_resched();
	}
	list_for_each_entry(target, &map->targets, link) {
		if (target->uses)
			abuse_target_go(era, target);
	}
	abuse_map_turn(map, NULL);
	mutex_unlock(&map->lock);
	/* Who waits to open a device again need not. */
	wake_up_all(&map->flushed);
}

/* Whether both say the same of bytes of the disk. */
static bool abuse_mapping_agrees(const struct abuse_mapping *m,
				 const struct abuse_mapping *other)
{
	return m->target == other->target && m->delta == other->delta &&
	       m->ops == other->ops;
}

/*
 * Counts what becomes of the entries that a store to these sectors changes:
 * each loses what lies in them, and may be cut in two. Moves @last if there are
 * more of them than a piece. What does not agree with what is @stored there
 * instead is taken away. @sign: -1 undoes it.
 */
static s64 abuse_map_count(struct abuse_map *map, sector_t first,
			   sector_t *last, int sign,
			   const struct abuse_mapping *stored,
			   struct list_head *gone)
{
	MA_STATE(mas, &map->tree, first, first);
	struct abuse_era *era = abuse_map_era(map);
	unsigned int left = ABUSE_PIECE;
	struct abuse_mapping *m;
	s64 ranges = 0;

	lockdep_assert_held(&map->lock);
	rcu_read_lock();
	mas_for_each(&mas, m, *last) {
		int n = (mas.index < first) + (mas.last > *last) - 1;

		if (sign < 0 && !m->ranges)
			list_del(&m->link);
		m->ranges += sign * n;
		if (sign > 0 && !m->ranges) {
			list_add(&m->link, gone);
			era->joined++;
		}
		era->cut |= !stored || !abuse_mapping_agrees(m, stored);
		ranges += n;
		if (!--left) {
			*last = min_t(sector_t, *last, mas.last);
			break;
		}
	}
	rcu_read_unlock();
	return ranges;
}

static int abuse_map_store_piece(struct abuse_map *map, sector_t first,
				 sector_t *last, struct abuse_mapping *m,
				 struct list_head *gone)
{
	s64 ranges;
	int err;

	if (m)
		m->ranges++;
	ranges = abuse_map_count(map, first, last, 1, m, gone);
	atomic64_inc(&map->changes);
	smp_mb__after_atomic();	/* with abuse_map_find() */
	err = mtree_store_range(&map->tree, first, *last, m,
				GFP_KERNEL_ACCOUNT);
	smp_mb__before_atomic();	/* with abuse_map_find() */
	atomic64_inc(&map->changes);
	if (err) {
		abuse_map_count(map, first, last, -1, m, NULL);
		if (m)
			m->ranges--;
		return err;
	}
	WRITE_ONCE(map->nr_ranges, map->nr_ranges + ranges + (m ? 1 : 0));
	return 0;
}

/*
 * Stores @m, or nothing if it is NULL, and notes what that takes away. Each piece
 * takes the one before in. If one fails, what was stored before it stays.
 */
static int abuse_map_store(struct abuse_map *map, sector_t first, sector_t last,
			   struct abuse_mapping *m, struct list_head *gone)
{
	sector_t end;
	int err;

	do {
		end = last;
		err = abuse_map_store_piece(map, first, &end, m, gone);
		cond_resched();
	} while (!err && end < last);
	return err;
}

/* Takes the mappings that nothing says any more out of their targets. */
static void abuse_map_forget(struct abuse_era *era, struct list_head *gone)
{
	struct abuse_mapping *m;

	list_for_each_entry(m, gone, link) {
		abuse_target_put(era, m->target);
		cond_resched();
	}
	list_splice(gone, &era->mappings);
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
	if (!other || !abuse_mapping_agrees(other, m))
		return NULL;
	*first = min_t(sector_t, *first, mas.index);
	*last = max_t(sector_t, *last, mas.last);
	return other;
}

/* Whether all of this is mapped as @m says already. */
static bool abuse_map_has(struct abuse_map *map, sector_t first, sector_t last,
			  const struct abuse_mapping *m)
{
	sector_t begin = first, end = first;

	return abuse_map_neighbour(map, first, m, &begin, &end) && end >= last;
}

/* Nothing leads to it and nothing ever did, so there is nothing to wait for. */
static void abuse_map_drop(struct abuse_map *map, struct abuse_target *target)
{
	lockdep_assert_held(&map->lock);
	if (!target->memory) {
		spin_lock(&map->targets_lock);
		list_del(&target->link);
		spin_unlock(&map->targets_lock);
	}
	list_add(&target->gone, &map->unused);
}

/**
 * abuse_map_disaim() - a target was mapped to, or is not going to be
 * @map: the map, begun to be changed
 * @target: from abuse_map_aim(); a device is gone if the map is ended
 * @memory: it is no device
 */
void abuse_map_disaim(struct abuse_map *map, struct abuse_target *target,
		      bool memory)
{
	struct abuse_era *era = abuse_map_era(map);

	if (!era && !memory)
		return;
	if (target->led)
		abuse_target_put(era, target);
	else if (!--target->uses)
		abuse_map_drop(map, target);
}

/*
 * A store to these sectors takes entries away, or cuts one in two. Returns 0, or
 * -EPERM if there would be more of them than the caller may have.
 */
static int abuse_map_check_room(struct abuse_map *map, sector_t first,
				sector_t last, int added)
{
	MA_STATE(mas, &map->tree, first, first);
	struct abuse_mapping *m;

	lockdep_assert_held(&map->lock);
	rcu_read_lock();
	mas_for_each(&mas, m, last) {
		added += (mas.index < first) + (mas.last > last) - 1;
		/* Those that follow only take more away. */
		if (added <= 0)
			break;
	}
	rcu_read_unlock();
	if (added <= 0 || map->nr_ranges + added <= ABUSE_MAX_USER_EXTENTS)
		return 0;
	return capable(CAP_SYS_RESOURCE) ? 0 : -EPERM;
}

/* From then on flushes reach it, after those that were there before. */
static void abuse_target_lead(struct abuse_map *map, struct abuse_target *target)
{
	if (target->led)
		return;
	spin_lock(&map->targets_lock);
	target->led = true;
	if (!target->memory)
		list_move_tail(&target->link, &map->targets);
	spin_unlock(&map->targets_lock);
}

static u32 abuse_extent_ops(u32 flags)
{
	return (flags & ABUSE_EXTENT_WRITE ? abuse_op_bit(REQ_OP_WRITE) : 0) |
	       (flags & ABUSE_EXTENT_DISCARD ? abuse_op_bit(REQ_OP_DISCARD) : 0) |
	       (flags & ABUSE_EXTENT_WRITE_ZEROES ?
			abuse_op_bit(REQ_OP_WRITE_ZEROES) : 0);
}

/**
 * abuse_map_add() - map bytes of the disk
 * @map: the map, begun to be changed
 * @extent: which, and where to; within the disk, and as its blocks are
 * @target: from abuse_map_aim()
 * @replace: also where something is mapped already
 *
 * Return: 0, or an error as the header of the ABI says.
 */
int abuse_map_add(struct abuse_map *map, const struct abuse_extent *extent,
		  struct abuse_target *target, bool replace)
{
	sector_t first = extent->offset >> SECTOR_SHIFT;
	sector_t last = first + (extent->length >> SECTOR_SHIFT) - 1;
	struct abuse_era *era = abuse_map_era(map);
	struct abuse_mapping *m, *other;
	unsigned long index = first;
	LIST_HEAD(gone);
	int err;

	if (!era)
		return -ENODEV;
	if (!replace && mt_find(&map->tree, &index, last))
		return -EEXIST;
	m = abuse_mapping_alloc();
	if (!m)
		return -ENOMEM;
	m->target = target;
	m->ops = abuse_extent_ops(extent->flags);
	m->delta = (extent->target_offset >> SECTOR_SHIFT) - first;
	if (abuse_map_has(map, first, last, m)) {
		abuse_mapping_free(m);
		return 0;
	}
	other = abuse_map_neighbour(map, last + 1, m, &first, &last);
	if (first)
		other = abuse_map_neighbour(map, first - 1, m, &first, &last) ?:
			other;
	err = abuse_map_check_room(map, first, last, 1);
	if (!err) {
		abuse_target_lead(map, target);
		err = abuse_map_store(map, first, last, other ?: m, &gone);
	}
	if (m->ranges)
		target->uses++;
	else
		abuse_mapping_free(m);
	abuse_map_forget(era, &gone);
	return err;
}

/**
 * abuse_map_remove() - what is there is not mapped any more
 * @map: the map, begun to be changed
 * @first: sector
 * @last: the last one
 *
 * Return: 0, or an error as the header of the ABI says.
 */
int abuse_map_remove(struct abuse_map *map, sector_t first, sector_t last)
{
	struct abuse_era *era = abuse_map_era(map);
	LIST_HEAD(gone);
	int err;

	if (!era)
		return -ENODEV;
	err = abuse_map_check_room(map, first, last, 0);
	if (!err)
		err = abuse_map_store(map, first, last, NULL, &gone);
	abuse_map_forget(era, &gone);
	return err;
}

/**
 * abuse_map_begin() - begin to change a map
 * @map: the map, which the caller keeps from being freed
 */
void abuse_map_begin(struct abuse_map *map)
{
	mutex_lock(&map->lock);
	/* Writeback to this disk may wait for a server, and that for the lock. */
	map->noio = memalloc_noio_save();
}

/**
 * abuse_map_commit() - end a change
 * @map: the map
 * @next: from abuse_era_alloc(): the era that may follow
 * @pause: it follows even if nothing was taken away, because the pause begins with it
 *
 * Return: for abuse_era_wait() or abuse_era_put(); or NULL.
 */
struct abuse_era *abuse_map_commit(struct abuse_map *map,
				   struct abuse_era *next, bool pause)
{
	struct abuse_era *era = abuse_map_era(map);
	bool awaited = era && (pause || era->cut || !list_empty(&era->memory) ||
			       !list_empty(&era->targets));
	bool over = awaited || (era && era->joined >= ABUSE_MAX_JOINED);
	struct abuse_target *target, *t;
	LIST_HEAD(unused);

	if (awaited)
		refcount_inc(&era->users);
	if (over)
		abuse_map_turn(map, next);
	list_splice_init(&map->unused, &unused);
	memalloc_noio_restore(map->noio);
	mutex_unlock(&map->lock);
	/* To close a device, or to let memory go, may take long. */
	list_for_each_entry_safe(target, t, &unused, gone)
		abuse_target_free(target);
	if (!over)
		abuse_era_cancel(next);
	return awaited ? era : NULL;
}
