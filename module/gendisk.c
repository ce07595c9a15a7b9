// SPDX-License-Identifier: GPL-2.0
/*
 * A gendisk: its limits and its number, from its making until it is freed. It must
 * not know what the disk is for.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blk-mq.h>
#include <linux/kdev_t.h>
#include <linux/module.h>
#include <linux/wait_bit.h>

#include "compat.h"
#include "gendisk.h"
#include "uapi/abuse.h"

#define ABUSE_DISK_MAJOR	60	/* for local and experimental use */

static int abuse_major;
static unsigned int abuse_part_shift;

/*
 * How many disks are not freed yet. A disk may be freed long after its removal,
 * and until then the block layer uses its operations.
 */
static atomic_t abuse_nr_disks = ATOMIC_INIT(0);

/**
 * abuse_gendisk_freed() - the block layer's free_disk
 * @disk: nobody uses it any more
 */
void abuse_gendisk_freed(struct gendisk *disk)
{
	if (atomic_dec_and_test(&abuse_nr_disks))
		wake_up_var(&abuse_nr_disks);
}

/**
 * abuse_gendisk_alloc() - make a disk that nobody can open yet
 * @tags: its requests, or NULL: it gets bios
 * @data: of its queue
 * @config: checked by the caller, with its defaults filled in
 *
 * Return: the disk, which shows no partitions, or an error pointer.
 */
struct gendisk *abuse_gendisk_alloc(struct blk_mq_tag_set *tags, void *data,
				    const struct abuse_config *config)
{
	struct queue_limits lim = {
		.logical_block_size	= config->block_size,
		.physical_block_size	= config->physical_block_size,
		.max_hw_sectors		= config->max_request >> SECTOR_SHIFT,
		.max_segments		= ABUSE_MAX_REQUEST >> SECTOR_SHIFT,
		.max_segment_size	= ABUSE_MAX_REQUEST,
		.io_min			= config->io_min,
		.io_opt			= config->io_opt,
		.discard_granularity	= config->discard_granularity,
		.max_hw_discard_sectors	= config->max_discard >> SECTOR_SHIFT,
		.max_write_zeroes_sectors =
			config->max_write_zeroes >> SECTOR_SHIFT,
	};
	struct gendisk *disk;

	disk = compat_alloc_disk(tags, &lim,
				 config->flags & ABUSE_FLAGS_WRITE_CACHE,
				 config->flags & ABUSE_FLAGS_ROTATIONAL, data);
	if (!IS_ERR(disk)) {
		set_bit(GD_SUPPRESS_PART_SCAN, &disk->state);
		set_capacity(disk, config->capacity >> SECTOR_SHIFT);
	}
	return disk;
}

/**
 * abuse_gendisk_number() - give a disk its place among those that can be opened
 * @disk: the disk
 * @number: N of /dev/abuseN
 */
void abuse_gendisk_number(struct gendisk *disk, u32 number)
{
	disk->major = abuse_major;
	disk->first_minor = number << abuse_part_shift;
	disk->minors = 1 << abuse_part_shift;
	snprintf(disk->disk_name, DISK_NAME_LEN, "abuse%u", number);
}

/**
 * abuse_gendisk_publish() - let a disk be used
 * @disk: from abuse_gendisk_alloc(); given up after an error
 * @groups: what it tells in sysfs, or NULL
 *
 * Return: 0, or an error.
 */
int abuse_gendisk_publish(struct gendisk *disk,
			  const struct attribute_group **groups)
{
	int err = device_add_disk(NULL, disk, groups);

	if (err)
		put_disk(disk);
	else
		atomic_inc(&abuse_nr_disks);
	return err;
}

/**
 * abuse_gendisk_unpublish() - take a disk away, even from its users
 * @disk: its I/O fails; the caller has a reference still
 */
void abuse_gendisk_unpublish(struct gendisk *disk)
{
	blk_mark_disk_dead(disk);
	del_gendisk(disk);
}

/**
 * abuse_gendisk_has_partitions() - whether there are minors for partitions
 */
bool abuse_gendisk_has_partitions(void)
{
	return abuse_part_shift;
}

/**
 * abuse_gendisk_max_number() - for how many disks there are minors
 */
unsigned int abuse_gendisk_max_number(void)
{
	return 1U << (MINORBITS - abuse_part_shift);
}

/**
 * abuse_gendisks_init() - get a major
 * @max_part: partitions of a disk, the module's parameter
 *
 * Return: 0, or an error.
 */
int abuse_gendisks_init(unsigned int max_part)
{
	if (max_part >= DISK_MAX_PARTS)
		return -EINVAL;
	abuse_part_shift = fls(max_part);
	abuse_major = ABUSE_DISK_MAJOR;
	if (!register_blkdev(abuse_major, KBUILD_MODNAME))
		return 0;
	abuse_major = register_blkdev(0, KBUILD_MODNAME);
	if (abuse_major < 0)
		return abuse_major;
	pr_info("major %d is taken, block devices use %d\n", ABUSE_DISK_MAJOR,
		abuse_major);
	return 0;
}

/**
 * abuse_gendisks_exit() - give the major back, once all disks are freed
 */
void abuse_gendisks_exit(void)
{
	while (!wait_var_event_timeout(&abuse_nr_disks,
				       !atomic_read(&abuse_nr_disks),
				       COMPAT_NOT_HUNG))
		;
	unregister_blkdev(abuse_major, KBUILD_MODNAME);
}
