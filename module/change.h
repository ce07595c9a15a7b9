/* SPDX-License-Identifier: GPL-2.0 */
/* Changes of a map; see change.c. */
#ifndef ABUSE_CHANGE_H
#define ABUSE_CHANGE_H

#include "era.h"

struct abuse_extent;

void abuse_map_begin(struct abuse_map *map);
void abuse_map_disaim(struct abuse_map *map, struct abuse_target *target,
		      bool memory);
int abuse_map_add(struct abuse_map *map, const struct abuse_extent *extent,
		  struct abuse_target *target, bool replace);
int abuse_map_remove(struct abuse_map *map, sector_t first, sector_t last);
struct abuse_era *abuse_map_commit(struct abuse_map *map,
				   struct abuse_era *next, bool pause);
void abuse_map_end(struct abuse_map *map);

#endif
