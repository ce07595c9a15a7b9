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
struct abuse_era *abuse_map_enter(struct abuse_map *map);
struct abuse_mapping *abuse_map_find(struct abuse_map *map, sector_t sector,
				     sector_t *end);
int abuse_map_list(struct abuse_map *map, struct abuse_list *list,
		   struct abuse_extent *extents, u32 room);
struct file *abuse_map_lent(struct abuse_map *map, sector_t sector);

#endif
