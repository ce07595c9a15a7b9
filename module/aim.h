/* SPDX-License-Identifier: GPL-2.0 */
/* The target of bytes that are to be mapped; see aim.c. */
#ifndef ABUSE_AIM_H
#define ABUSE_AIM_H

#include "era.h"

struct abuse_extent;

struct abuse_target *abuse_map_aim(struct abuse_map *map,
				   const struct abuse_extent *extent,
				   const struct abuse_target *before);
int abuse_map_lane_of(struct abuse_map *map, const struct abuse_target *target);

#endif
