/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels 6.1 and 7.3. The rest of the module is written
 * for the newest; each HAVE_ comes from a probe in Kbuild.
 */
#ifndef ABUSE_COMPAT_H
#define ABUSE_COMPAT_H

#include <linux/blk-mq.h>
#include <linux/device/class.h>
#include <linux/file.h>
#include <linux/hrtimer.h>

/* Before 6.15 a block is never larger than a page. */
#ifndef BLK_MAX_BLOCK_SIZE
#define BLK_MAX_BLOCK_SIZE	PAGE_SIZE
#endif

/* Before 6.2 the directions of an iterator were named as those of a request. */
#ifndef ITER_SOURCE
#define ITER_SOURCE	WRITE
#define ITER_DEST	READ
#endif

/* Since 6.14 every queue merges. */
#ifndef HAVE_MERGE_ALWAYS
#define COMPAT_MERGE	BLK_MQ_F_SHOULD_MERGE
#else
#define COMPAT_MERGE	0
#endif

/* Before 6.5 a disk was opened as a block device, and closed with its mode. */
#ifdef HAVE_OPEN_GENDISK
#define COMPAT_RELEASE_DISK_ARGS	struct gendisk *disk
#define COMPAT_OPEN_DISK_ARGS	struct gendisk *disk, blk_mode_t mode
#define COMPAT_OPENED_DISK	disk
#else
#define COMPAT_RELEASE_DISK_ARGS	struct gendisk *disk, fmode_t mode
#define COMPAT_OPEN_DISK_ARGS	struct block_device *bdev, fmode_t mode
#define COMPAT_OPENED_DISK	bdev->bd_disk
#endif

/*
 * The kernel itself opens a disk as a file since 6.9, and before as a handle,
 * since 6.7, or as a block device. These are for kernel threads.
 */
#if defined(HAVE_BDEV_FILE)
#define COMPAT_OPEN		struct file
#define compat_open_disk(devt)	\
	bdev_file_open_by_dev(devt, BLK_OPEN_READ, NULL, NULL)
#define compat_close_disk(open)	__fput_sync(open)
#elif defined(HAVE_BDEV_HANDLE)
#define COMPAT_OPEN		struct bdev_handle
#define compat_open_disk(devt)	\
	bdev_open_by_dev(devt, BLK_OPEN_READ, NULL, NULL)
#define compat_close_disk(open)	bdev_release(open)
#elif defined(HAVE_OPEN_GENDISK)
#define COMPAT_OPEN		struct block_device
#define compat_open_disk(devt)	\
	blkdev_get_by_dev(devt, BLK_OPEN_READ, NULL, NULL)
#define compat_close_disk(open)	blkdev_put(open, NULL)
#else
#define COMPAT_OPEN		struct block_device
#define compat_open_disk(devt)	blkdev_get_by_dev(devt, FMODE_READ, NULL)
#define compat_close_disk(open)	blkdev_put(open, FMODE_READ)
#endif

/* Before 6.13 timers were initialized, and not "set up". */
static inline void compat_setup_sleeper_on_stack(struct hrtimer_sleeper *sl)
{
#ifdef HAVE_HRTIMER_SETUP
	hrtimer_setup_sleeper_on_stack(sl, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
#else
	hrtimer_init_sleeper_on_stack(sl, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
#endif
}

/* Before 6.4 class_create() was told the module, too. */
#ifdef HAVE_CLASS_CREATE_NAME
#define compat_class_create(name)	class_create(name)
#else
#define compat_class_create(name)	class_create(THIS_MODULE, name)
#endif

/* Before 6.2 devnode() got a device that it could have changed. */
#ifdef HAVE_DEVNODE_CONST
#define COMPAT_DEVNODE_CONST	const
#else
#define COMPAT_DEVNODE_CONST
#endif

/*
 * Since 6.9 a disk is made with its limits, and since 6.11 write cache and
 * rotational are among them.
 */
static inline struct gendisk *compat_alloc_disk(struct blk_mq_tag_set *set,
						struct queue_limits *lim,
						bool write_cache,
						bool rotational, void *data)
{
#ifdef HAVE_BLK_FEATURES
	if (write_cache)
		lim->features |= BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA;
	if (rotational)
		lim->features |= BLK_FEAT_ROTATIONAL;
	return blk_mq_alloc_disk(set, lim, data);
#else
	struct gendisk *disk;
	struct request_queue *q;

#ifdef HAVE_ALLOC_DISK_LIMITS
	disk = blk_mq_alloc_disk(set, lim, data);
	if (IS_ERR(disk))
		return disk;
	q = disk->queue;
#else
	disk = blk_mq_alloc_disk(set, data);
	if (IS_ERR(disk))
		return disk;
	q = disk->queue;
	blk_queue_logical_block_size(q, lim->logical_block_size);
	blk_queue_physical_block_size(q, lim->physical_block_size);
	blk_queue_max_hw_sectors(q, lim->max_hw_sectors);
	blk_queue_max_segments(q, lim->max_segments);
	blk_queue_max_segment_size(q, lim->max_segment_size);
	blk_queue_max_discard_sectors(q, lim->max_hw_discard_sectors);
	blk_queue_max_write_zeroes_sectors(q, lim->max_write_zeroes_sectors);
	blk_queue_io_min(q, lim->io_min);
	blk_queue_io_opt(q, lim->io_opt);
	q->limits.discard_granularity = lim->discard_granularity;
#endif
	if (!rotational)
		blk_queue_flag_set(QUEUE_FLAG_NONROT, q);
	blk_queue_write_cache(q, write_cache, write_cache);
	return disk;
#endif
}

#endif
