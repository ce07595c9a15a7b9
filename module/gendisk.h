/* SPDX-License-Identifier: GPL-2.0 */
/* A gendisk, from its making until it is freed; see gendisk.c. */
#ifndef ABUSE_GENDISK_H
#define ABUSE_GENDISK_H

#include <linux/types.h>

struct abuse_config;
struct attribute_group;
struct blk_mq_tag_set;
struct gendisk;

int abuse_gendisks_init(unsigned int max_part);
void abuse_gendisks_exit(void);
bool abuse_gendisk_has_partitions(void);
unsigned int abuse_gendisk_max_number(void);

struct gendisk *abuse_gendisk_alloc(struct blk_mq_tag_set *tags, void *data,
				    const struct abuse_config *config);
void abuse_gendisk_number(struct gendisk *disk, u32 number);
int abuse_gendisk_publish(struct gendisk *disk,
			  const struct attribute_group **groups);
void abuse_gendisk_unpublish(struct gendisk *disk);
void abuse_gendisk_freed(struct gendisk *disk);

#endif
