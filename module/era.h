/* SPDX-License-Identifier: GPL-2.0 */
/* The types of a map, and what becomes of what is taken away; see era.c. */
#ifndef ABUSE_ERA_H
#define ABUSE_ERA_H

#include <linux/completion.h>
#include <linux/list.h>
#include <linux/maple_tree.h>
#include <linux/mutex.h>
#include <linux/percpu-refcount.h>
#include <linux/workqueue.h>

#include "target.h"

/**
 * struct abuse_mapping - where bytes of the disk are
 * @link: in the list of the era that saw its end
 * @target: on this device
 * @delta: so many sectors further on than on the disk
 * @ops: abuse_op_bit() of each enum req_op that changes bytes and goes there, too
 * @ranges: entries of the tree that say so
 */
struct abuse_mapping {
	struct list_head link;
	struct abuse_target *target;
	sector_t delta;
	u32 ops;
	u32 ranges;
};

/**
 * struct abuse_era - the time between two changes that took something away
 * @ref: one for each bio under way that may use what the map had then
 * @map: the map
 * @next: the era that followed, which this one keeps
 * @paused: no bio begins in it; once it has begun, changed under the map's @turn
 *	alone
 * @cut: something was taken away at its end, if only in part
 * @joined: so many mappings were taken in by a neighbour that says the same, and
 *	no fewer; nobody waits for their end
 * @mappings: what was taken away as a whole, or taken in
 * @memory: that which nothing leads to any more
 * @targets: devices that nothing leads to any more, until one is used again;
 *	guarded by the map's @targets_lock
 * @retiring: devices of them that are not closed yet, and one for @work
 * @error: of the flush of a target
 * @over: nobody uses them now, and they are freed
 * @users: who frees it, and who waits for that
 * @work: frees what no device is needed for
 */
struct abuse_era {
	struct percpu_ref ref;
	struct abuse_map *map;
	struct abuse_era *next;
	bool paused;
	bool cut;
	u32 joined;
	struct list_head mappings;
	struct list_head memory;
	struct list_head targets;
	atomic_t retiring;
	int error;
	struct completion over;
	refcount_t users;
	struct work_struct work;
};

/**
 * struct abuse_found - what a processor found last
 * @changes: as in the map, then
 * @first: first sector of the range that says so
 * @last: last sector
 * @m: the mapping; NULL: that is not mapped
 */
struct abuse_found {
	s64 changes;
	sector_t first;
	sector_t last;
	struct abuse_mapping *m;
};

/**
 * struct abuse_place - where a sector is
 * @m: the mapping, or NULL
 * @end: the first sector for which that may not hold
 */
struct abuse_place {
	struct abuse_mapping *m;
	sector_t end;
};

/**
 * struct abuse_losses - what a flush of the disk may have to tell
 * @lost: as in the map, when the flush began
 * @told: likewise
 */
struct abuse_losses {
	s64 lost;
	s64 told;
};

/**
 * struct abuse_map - which bytes of a disk are where
 * @number: N of /dev/abuseN
 * @block_size: of the disk
 * @write_cache: its users flush what must be durable
 * @fops: of disks that must not be targets
 * @lock: held from the begin of a change to its commit. Its holder may wait for
 *	memory, and for nothing else.
 * @tree: mappings by sector, read under RCU
 * @turn: guards changes of @era, and of @paused here and there, for those who must
 *	not wait for memory
 * @noio: what the holder of @lock restores at its end
 * @era: the present one, NULL once the map is ended, which @lock guards, too;
 *	read under RCU
 * @targets_lock: guards @targets, and those of eras. @targets is added to under
 *	@lock, too, whose holder need not take this one to read.
 * @targets: devices where mappings lead, and those that are about to be flushed for
 *	the last time
 * @unused: what a change has opened or lent for nothing, until it is freed after
 *	the commit; guarded by @lock
 * @retire: gives devices up, each in a work of its own; NULL until there is one.
 *	It belongs to one map, or a device that is never done with its flush would
 *	hold up other disks.
 * @flushed: somebody waits there until no flush is on its way to a device, or until
 *	a device has been given up
 * @nr_ranges: entries of the tree
 * @changes: odd while the tree is changed: a walk without its lock may find
 *	something in between
 * @found: true as long as @changes is the same
 * @paused: nothing is to begin; changed under @turn alone
 * @lost: how often a device was given up and could not be flushed
 * @told: so many of these some flush of the disk has told that began after them
 * @eras: those that are not over; the last one frees the map
 * @freed: called last, when nobody uses the map any more
 */
struct abuse_map {
	u32 number;
	u32 block_size;
	bool write_cache;
	const struct block_device_operations *fops;
	struct mutex lock;	/* changes */
	unsigned int noio;
	struct maple_tree tree;
	spinlock_t turn;	/* the era, and the pause */
	struct abuse_era __rcu *era;
	spinlock_t targets_lock;	/* targets */
	struct list_head targets;
	struct list_head unused;
	struct workqueue_struct *retire;
	wait_queue_head_t flushed;
	u64 nr_ranges;
	atomic64_t changes;
	struct abuse_found __percpu *found;
	bool paused;
	atomic64_t lost;
	atomic64_t told;
	refcount_t eras;
	void (*freed)(struct abuse_map *map);
};

int abuse_eras_init(void);
void abuse_eras_exit(void);
int abuse_map_prepare_retire(struct abuse_map *map);
struct abuse_mapping *abuse_mapping_alloc(void);
void abuse_mapping_free(struct abuse_mapping *m);
struct abuse_era *abuse_era_alloc(struct abuse_map *map);
void abuse_era_cancel(struct abuse_era *era);
int abuse_era_wait(struct abuse_era *era);
void abuse_era_put(struct abuse_era *era);

/* Of the operations that a mapping has */
static inline u32 abuse_op_bit(enum req_op op)
{
	return BIT((__force u32)op);
}

/* Whoever is in an era enters it once more. */
static inline void abuse_era_stay(struct abuse_era *era)
{
	percpu_ref_get(&era->ref);
}

static inline void abuse_era_leave(struct abuse_era *era)
{
	percpu_ref_put(&era->ref);
}

#endif
