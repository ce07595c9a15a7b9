/* SPDX-License-Identifier: GPL-2.0 */
/* A disk in front of another, whose bytes may be mapped; see front.c. */
#ifndef ABUSE_FRONT_H
#define ABUSE_FRONT_H

#include <linux/blkdev.h>

struct abuse_era;
struct abuse_front;
struct abuse_map;
struct abuse_set;
struct abuse_status;
struct abuse_target;

struct abuse_front *abuse_front_alloc(struct gendisk *behind,
				      struct abuse_set *set,
				      const struct block_device_operations *fops,
				      u32 block_size, bool write_cache);
void abuse_front_hold(struct abuse_front *front);
void abuse_front_let_go(struct abuse_front *front);
struct abuse_era *abuse_front_pause(struct abuse_front *front,
				    struct abuse_era *next);
void abuse_front_kill(struct abuse_front *front);
void abuse_front_end(struct abuse_front *front);
struct abuse_map *abuse_front_map(struct abuse_front *front);
int abuse_front_aim(struct abuse_front *front,
		    const struct abuse_target *target);
void abuse_front_count(struct abuse_front *front, struct abuse_status *status);

int abuse_fronts_init(void);
void abuse_fronts_exit(void);

#endif
