/* SPDX-License-Identifier: GPL-2.0 */
/* Which bytes of a disk are bytes of which target; see map.c. */
#ifndef ABUSE_MAP_H
#define ABUSE_MAP_H

#include "era.h"

struct abuse_extent;
struct abuse_list;
struct file;

int abuse_map_init(struct abuse_map *map, void (*freed)(struct abuse_map *map));
void abuse_map_exit(struct abuse_map *map);
bool abuse_map_is_paused(struct abuse_map *map);
struct abuse_target *abuse_map_next_device(struct abuse_map *map,
					   struct abuse_target *target);
void abuse_map_leave_device(struct abuse_map *map, struct abuse_target *target);
struct abuse_losses abuse_map_losses(struct abuse_map *map);
bool abuse_map_has_lost(struct abuse_map *map,
			const struct abuse_losses *begin);
void abuse_map_tell_losses(struct abuse_map *map, s64 lost);
void abuse_map_set_paused(struct abuse_map *map, const bool *paused);
struct abuse_place abuse_map_search(struct abuse_map *map, sector_t sector);
int abuse_map_list(struct abuse_map *map, struct abuse_list *list,
		   struct abuse_extent *extents, u32 room);
struct file *abuse_map_lent(struct abuse_map *map, sector_t sector);

/**
 * abuse_map_enter() - begin to use the map
 * @map: the map
 *
 * Return: to be ended with abuse_era_leave(), in any context; what
 * abuse_map_find() finds until then stays. NULL when the map is ended.
 */
static inline struct abuse_era *abuse_map_enter(struct abuse_map *map)
{
	struct abuse_era *era;

	rcu_read_lock();
	do {
		era = rcu_dereference(map->era);
	} while (era && !percpu_ref_tryget_live_rcu(&era->ref));
	rcu_read_unlock();
	/* With abuse_map_turn(): abuse_map_find() sees what changed before this era. */
	smp_rmb();
	return era;
}

/**
 * abuse_map_find() - where a sector is
 * @map: the map, in an era, or locked
 * @sector: of the disk
 *
 * Most disks have few extents, and whoever reads one goes on in it.
 */
static inline struct abuse_place abuse_map_find(struct abuse_map *map,
						sector_t sector)
{
	struct abuse_found found = *get_cpu_ptr(map->found);

	put_cpu_ptr(map->found);
	if (likely(found.changes == atomic64_read_acquire(&map->changes) &&
		   sector >= found.first && sector <= found.last))
		return (struct abuse_place) { found.m, found.last + 1 };
	return abuse_map_search(map, sector);
}

/**
 * abuse_map_is_unmapped() - whether nothing is mapped there, as this processor knows
 * @map: the map, which the caller keeps from being freed
 * @sector: of the disk
 * @end: the sector behind the last one
 *
 * That may change at once, as it may when an era was left.
 */
static inline bool abuse_map_is_unmapped(struct abuse_map *map, sector_t sector,
					 sector_t end)
{
	struct abuse_found found = *get_cpu_ptr(map->found);

	put_cpu_ptr(map->found);
	return !found.m && sector >= found.first && end <= found.last + 1 &&
	       found.changes == atomic64_read_acquire(&map->changes);
}

#endif
