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

/*
 * Not every kernel exports the time after which a task counts as hung. So whoever
 * waits as long as it takes looks again after this one.
 */
#define COMPAT_NOT_HUNG	HZ

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

/* Before 6.2 a bio that is kept for its processor must not end in an interrupt. */
#ifdef HAVE_BIO_CACHE
#define COMPAT_BIO_CACHE	BIOSET_PERCPU_CACHE
#else
#define COMPAT_BIO_CACHE	0
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

#ifdef HAVE_OPEN_GENDISK
#define COMPAT_OPEN_MODE(write)	\
	(BLK_OPEN_READ | ((write) ? BLK_OPEN_WRITE : 0))
#else
#define COMPAT_OPEN_MODE(write)	(FMODE_READ | ((write) ? FMODE_WRITE : 0))
#endif

/*
 * The kernel itself opens a disk as a file since 6.9, and before as a handle,
 * since 6.7, or as a block device. With a holder it claims the disk.
 */
#if defined(HAVE_BDEV_FILE)
#define COMPAT_OPEN		struct file
#define compat_open_disk(devt, write, holder)				\
	bdev_file_open_by_dev(devt, COMPAT_OPEN_MODE(write), holder, NULL)
#define compat_close_disk(open, write, holder)	__fput_sync(open)
#define compat_opened_bdev(open)		file_bdev(open)
#elif defined(HAVE_BDEV_HANDLE)
#define COMPAT_OPEN		struct bdev_handle
#define compat_open_disk(devt, write, holder)				\
	bdev_open_by_dev(devt, COMPAT_OPEN_MODE(write), holder, NULL)
#define compat_close_disk(open, write, holder)	bdev_release(open)
#define compat_opened_bdev(open)		((open)->bdev)
#elif defined(HAVE_OPEN_GENDISK)
#define COMPAT_OPEN		struct block_device
#define compat_open_disk(devt, write, holder)				\
	blkdev_get_by_dev(devt, COMPAT_OPEN_MODE(write), holder, NULL)
#define compat_close_disk(open, write, holder)	blkdev_put(open, holder)
#define compat_opened_bdev(open)		(open)
#else
#define COMPAT_OPEN		struct block_device
#define COMPAT_EXCL(holder)	((holder) ? FMODE_EXCL : 0)
static inline struct block_device *compat_open_disk(dev_t devt, bool write,
						    void *holder)
{
	return blkdev_get_by_dev(devt, COMPAT_OPEN_MODE(write) |
				 COMPAT_EXCL(holder), holder);
}

#define compat_close_disk(open, write, holder)				\
	blkdev_put(open, COMPAT_OPEN_MODE(write) | COMPAT_EXCL(holder))
#define compat_opened_bdev(open)		(open)
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

/* A disk with a queue of requests, or one that takes bios if @set is NULL */
static inline struct gendisk *compat_new_disk(struct blk_mq_tag_set *set,
					      struct queue_limits *lim,
					      void *data)
{
	struct gendisk *disk;

#ifdef HAVE_ALLOC_DISK_LIMITS
	disk = set ? blk_mq_alloc_disk(set, lim, data) :
		     blk_alloc_disk(lim, NUMA_NO_NODE);
#else
	disk = set ? blk_mq_alloc_disk(set, data) :
		     blk_alloc_disk(NUMA_NO_NODE) ?: ERR_PTR(-ENOMEM);
#endif
	if (!IS_ERR(disk))
		disk->queue->queuedata = data;
	return disk;
}

/*
 * Since 6.9 a disk is made with its limits, and since 6.11 write cache and
 * rotational are among them.
 */
static inline struct gendisk *compat_alloc_disk(struct blk_mq_tag_set *set,
						struct queue_limits *lim,
						bool write_cache,
						bool rotational, void *data)
{
	struct gendisk *disk;

#ifdef HAVE_BLK_FEATURES
	if (write_cache)
		lim->features |= BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA;
	if (rotational)
		lim->features |= BLK_FEAT_ROTATIONAL;
	if (!set)
		lim->features |= BLK_FEAT_NOWAIT;
	disk = compat_new_disk(set, lim, data);
#else
	struct request_queue *q;

	disk = compat_new_disk(set, lim, data);
	if (IS_ERR(disk))
		return disk;
	q = disk->queue;
#ifndef HAVE_ALLOC_DISK_LIMITS
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
	if (!set)
		blk_queue_flag_set(QUEUE_FLAG_NOWAIT, q);
	blk_queue_write_cache(q, write_cache, write_cache);
#endif
	return disk;
}

/* Until it is published. Since 6.11 this is among its limits. */
static inline void compat_no_io_stat(struct gendisk *disk)
{
#ifdef HAVE_FEAT_IO_STAT
	struct queue_limits lim = queue_limits_start_update(disk->queue);

	lim.features &= ~BLK_FEAT_IO_STAT;
	queue_limits_commit_update(disk->queue, &lim);
#else
	blk_queue_flag_clear(QUEUE_FLAG_IO_STAT, disk->queue);
#endif
}

#endif
