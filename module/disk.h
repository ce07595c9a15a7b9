/* SPDX-License-Identifier: GPL-2.0 */
/* The block device of a control node, from setup to reset; see disk.c. */
#ifndef ABUSE_DISK_H
#define ABUSE_DISK_H

#include <linux/types.h>

struct abuse_config;
struct abuse_disk;
struct abuse_front;
struct abuse_set;
struct work_struct;

int abuse_disks_init(void);
void abuse_disks_exit(void);

struct abuse_disk *abuse_disk_add(u32 number, struct abuse_set *set,
				  const struct abuse_config *config);
void abuse_disk_update(struct abuse_disk *ad,
		       const struct abuse_config *config);
void abuse_disk_remove(struct abuse_disk *ad);
bool abuse_disk_close(struct abuse_disk *ad);
void abuse_disk_leave(struct abuse_disk *ad, struct work_struct *on_closed);
bool abuse_disk_is_leaving(struct abuse_disk *ad);
bool abuse_disk_is_closed(struct abuse_disk *ad);
u32 abuse_disk_openers(struct abuse_disk *ad);
struct abuse_front *abuse_disk_front(struct abuse_disk *ad);
u64 abuse_disk_devt(struct abuse_disk *ad);

#endif
