/* SPDX-License-Identifier: GPL-2.0 */
/* Which bytes of a disk are bytes of another block device; see map.c. */
#ifndef ABUSE_MAP_H
#define ABUSE_MAP_H

#include "era.h"

struct abuse_extent;
struct abuse_list;

int abuse_map_init(struct abuse_map *map, void (*freed)(struct abuse_map *map));
void abuse_map_end(struct abuse_map *map);

struct abuse_era *abuse_map_begin(struct abuse_map *map);
struct abuse_era *abuse_map_commit(struct abuse_map *map,
				   struct abuse_era *next);
bool abuse_map_is_paused(struct abuse_map *map);
bool abuse_map_is_retiring(struct abuse_map *map);
void abuse_map_set_paused(struct abuse_map *map, const bool *paused);
int abuse_map_add(struct abuse_map *map, const struct abuse_extent *extent,
		  bool replace);
int abuse_map_remove(struct abuse_map *map, sector_t first, sector_t last);

struct abuse_era *abuse_map_enter(struct abuse_map *map);
struct abuse_mapping *abuse_map_find(struct abuse_map *map, sector_t sector,
				     sector_t *end);
u32 abuse_map_list(struct abuse_map *map, struct abuse_list *list,
		   struct abuse_extent *extents, u32 room);

#endif
