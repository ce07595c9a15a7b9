/* SPDX-License-Identifier: GPL-2.0 */
/* Bios that wait for a worker that may have to wait; see lane.c. */
#ifndef ABUSE_LANE_H
#define ABUSE_LANE_H

#include "fronts.h"

int abuse_lanes_init(struct abuse_front *front,
		     struct workqueue_struct *memory_wq, work_func_t submit);
void abuse_lanes_exit(struct abuse_front *front);
int abuse_lane_open(struct abuse_front *front, u32 target_lane);
void abuse_lane_add(struct abuse_front *front, enum abuse_lanes nr,
		    struct bio *bio, s64 told);
struct bio_list abuse_lane_take(struct abuse_lane *lane, s64 *told);

#endif
