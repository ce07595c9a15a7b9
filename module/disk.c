// SPDX-License-Identifier: GPL-2.0
/*
 * The disk of a setup and its tag set, which feed the queues of a set. It must not
 * know control nodes. The caller of a function below holds the lock of the device,
 * unless it is the block layer.
 */
#include <linux/blk-mq.h>
#include <linux/capability.h>
#include <linux/kdev_t.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "compat.h"
#include "disk.h"
#include "front.h"
#include "gendisk.h"
#include "pass.h"
#include "requests.h"
#include "set.h"
#include "sysfs.h"

/**
 * struct abuse_disk - a block device
 * @tags: its requests
 * @disk: the block layer's part
 * @behind: the disk with the requests: @disk, or if that is mappable a hidden one
 * @front: NULL unless it is mappable
 * @set: where requests go; outlives the disk
 * @scan: reads the partition table
 * @scanned: it could be read, or somebody else reads it; for @scan alone
 * @closed: nobody can open it any more; guarded by the disk's open_mutex
 * @leaving: it is to be removed once nobody has it open
 * @leave: closes it if nobody has it open
 * @on_closed: queued once @leave did so
 */
struct abuse_disk {
	struct blk_mq_tag_set tags;
	struct gendisk *disk;
	struct gendisk *behind;
	struct abuse_front *front;
	struct abuse_set *set;
	struct work_struct scan;
	bool scanned;
	bool closed;
	bool leaving;
	struct work_struct leave;
	struct work_struct *on_closed;
};

/*
 * Scans may wait long for servers, and whoever closes a disk for them, so they do
 * not share a queue with others. Memory waits for none of them, but for a reset,
 * which waits for a scan that it has failed.
 */
static struct workqueue_struct *abuse_disk_wq;

static int abuse_open_disk(COMPAT_OPEN_DISK_ARGS)
{
	struct abuse_disk *ad = COMPAT_OPENED_DISK->private_data;

	return ad->closed ? -ENXIO : 0;
}

/* The disk's open_mutex is held, so this does not wait for more. */
static void abuse_release_disk(COMPAT_RELEASE_DISK_ARGS)
{
	struct abuse_disk *ad = disk->private_data;

	if (ad && READ_ONCE(ad->leaving))
		queue_work(abuse_disk_wq, &ad->leave);
}

static void abuse_submit_bio(struct bio *bio)
{
	struct abuse_disk *ad = bio->bi_bdev->bd_disk->private_data;

	abuse_front_submit(ad->front, bio);
}

static const struct block_device_operations abuse_disk_fops = {
	.owner		= THIS_MODULE,
	.open		= abuse_open_disk,
	.release	= abuse_release_disk,
	.free_disk	= abuse_gendisk_freed,
};

static const struct block_device_operations abuse_front_fops = {
	.owner		= THIS_MODULE,
	.submit_bio	= abuse_submit_bio,
	.open		= abuse_open_disk,
	.release	= abuse_release_disk,
	.free_disk	= abuse_gendisk_freed,
};

static const struct block_device_operations abuse_behind_fops = {
	.owner		= THIS_MODULE,
	.free_disk	= abuse_gendisk_freed,
};

/*
 * The kernel reads the partition table from the server. So this waits until
 * somebody serves, and nobody waits for it. What could not be read because
 * nobody served, or because the device had failed, is read by the next one.
 */
static void abuse_disk_scan(struct work_struct *work)
{
	struct abuse_disk *ad = container_of(work, struct abuse_disk, scan);
	struct gendisk *disk = ad->disk;
	COMPAT_OPEN *open;

	if (ad->scanned)
		return;
	/*
	 * The first who opens a disk sets the size of its blocks, and the last
	 * who closes it drops what was read.
	 */
	open = compat_open_disk(disk_devt(disk), false, NULL);
	if (IS_ERR(open))
		return;
	clear_bit(GD_SUPPRESS_PART_SCAN, &disk->state);
	mutex_lock(&disk->open_mutex);
	ad->scanned = bdev_disk_changed(disk, false) != -EIO;
	mutex_unlock(&disk->open_mutex);
	compat_close_disk(open, false, NULL);
}

/* Who closes the disk after this has looked queues it again. */
static void abuse_disk_leave_work(struct work_struct *work)
{
	struct abuse_disk *ad = container_of(work, struct abuse_disk, leave);
	bool closed;

	mutex_lock(&ad->disk->open_mutex);
	closed = !disk_openers(ad->disk);
	WRITE_ONCE(ad->closed, closed);
	mutex_unlock(&ad->disk->open_mutex);
	if (closed)
		queue_work(abuse_disk_wq, ad->on_closed);
}

/* The block layer's timer needs a value even if there is no timeout. */
static unsigned int abuse_disk_timeout(const struct abuse_config *config)
{
	return msecs_to_jiffies(config->timeout_ms ?: ABUSE_MAX_TIMEOUT);
}

/* Makes the disk behind, which nobody can open, and what is in front of it. */
static int abuse_disk_add_behind(struct abuse_disk *ad, u32 number,
				 const struct abuse_config *config)
{
	struct gendisk *behind = abuse_gendisk_alloc(&ad->tags, ad->set, config);
	int err;

	if (IS_ERR(behind))
		return PTR_ERR(behind);
	behind->fops = &abuse_behind_fops;
	behind->flags |= GENHD_FL_HIDDEN | GENHD_FL_NO_PART;
	snprintf(behind->disk_name, DISK_NAME_LEN, "abuse%uq", number);
	/* Reads and writes for servers are in the statistics of the disk in front. */
	compat_no_io_stat(behind);
	err = abuse_gendisk_publish(behind, NULL);
	if (err)
		return err;
	ad->behind = behind;
	ad->front = abuse_front_alloc(behind, ad->set, &abuse_front_fops,
				      config->block_size,
				      config->flags & ABUSE_FLAGS_WRITE_CACHE);
	if (!IS_ERR(ad->front))
		return 0;
	abuse_gendisk_unpublish(behind);
	put_disk(behind);
	return PTR_ERR(ad->front);
}

static void abuse_disk_remove_behind(struct abuse_disk *ad)
{
	abuse_front_end(ad->front);
	abuse_gendisk_unpublish(ad->behind);
	put_disk(ad->behind);
}

/**
 * abuse_disk_add() - make the block device
 * @number: N of /dev/abuseN
 * @set: its hardware queues; they outlive the disk
 * @config: checked by the caller, with its defaults filled in
 *
 * No I/O is done before somebody serves.
 *
 * Return: the disk, or an error pointer.
 */
struct abuse_disk *abuse_disk_add(u32 number, struct abuse_set *set,
				  const struct abuse_config *config)
{
	bool scanned = config->flags & ABUSE_FLAGS_PARTSCAN ||
		       (abuse_gendisk_has_partitions() && capable(CAP_SYS_ADMIN));
	bool mappable = config->flags & ABUSE_FLAGS_MAPPABLE;
	struct abuse_disk *ad;
	struct gendisk *disk;
	int err;

	ad = kzalloc(sizeof(*ad), GFP_KERNEL);
	if (!ad)
		return ERR_PTR(-ENOMEM);
	ad->set = set;
	INIT_WORK(&ad->scan, abuse_disk_scan);
	INIT_WORK(&ad->leave, abuse_disk_leave_work);

	ad->tags.ops = &abuse_mq_ops;
	ad->tags.nr_hw_queues = config->queues;
	ad->tags.queue_depth = config->queue_depth;
	ad->tags.numa_node = NUMA_NO_NODE;
	/*
	 * A CPU that goes offline must not wait for requests, which may take
	 * forever. "Stacking" says that they do not depend on the CPU.
	 */
	ad->tags.flags = COMPAT_MERGE | BLK_MQ_F_NO_SCHED_BY_DEFAULT |
			 BLK_MQ_F_STACKING;
	ad->tags.timeout = abuse_disk_timeout(config);
	ad->tags.driver_data = set;
	err = blk_mq_alloc_tag_set(&ad->tags);
	if (err)
		goto out_free;
	if (mappable) {
		err = abuse_disk_add_behind(ad, number, config);
		if (err)
			goto out_free_tags;
	}

	disk = abuse_gendisk_alloc(mappable ? NULL : &ad->tags, set, config);
	if (IS_ERR(disk)) {
		err = PTR_ERR(disk);
		goto out_behind;
	}
	ad->disk = disk;
	if (!mappable)
		ad->behind = disk;
	abuse_gendisk_number(disk, number);
	disk->fops = mappable ? &abuse_front_fops : &abuse_disk_fops;
	disk->private_data = ad;
	if (!scanned)
		disk->flags |= GENHD_FL_NO_PART;
	set_disk_ro(disk, config->flags & ABUSE_FLAGS_READ_ONLY);

	err = abuse_gendisk_publish(disk, abuse_sysfs_groups);
	if (err)
		goto out_behind;
	if (scanned)
		abuse_set_on_served(set, abuse_disk_wq, &ad->scan);
	return ad;

out_behind:
	if (mappable)
		abuse_disk_remove_behind(ad);
out_free_tags:
	blk_mq_free_tag_set(&ad->tags);
out_free:
	kfree(ad);
	return ERR_PTR(err);
}

/**
 * abuse_disk_update() - apply what a reconnect changed
 * @ad: the disk, which may be in use
 * @config: checked by the caller
 */
void abuse_disk_update(struct abuse_disk *ad, const struct abuse_config *config)
{
	blk_queue_rq_timeout(ad->behind->queue, abuse_disk_timeout(config));
	if (ad->front)
		set_capacity(ad->behind, config->capacity >> SECTOR_SHIFT);
	set_disk_ro(ad->disk, config->flags & ABUSE_FLAGS_READ_ONLY);
	set_capacity_and_notify(ad->disk, config->capacity >> SECTOR_SHIFT);
	/* Requests that waited for a larger depth may go on now. */
	blk_mq_run_hw_queues(ad->behind->queue, true);
}

/**
 * abuse_disk_remove() - take the block device away, even from its users
 * @ad: the disk; its hardware queues have been killed, so no request of it
 *	waits for an answer
 */
void abuse_disk_remove(struct abuse_disk *ad)
{
	struct gendisk *disk = ad->disk;

	/* Whoever waits below may wait for a bio that waits for a resume. */
	if (ad->front)
		abuse_front_kill(ad->front);
	cancel_work_sync(&ad->scan);
	abuse_gendisk_unpublish(disk);
	/* Those who still have it open close it later. */
	mutex_lock(&disk->open_mutex);
	disk->private_data = NULL;
	mutex_unlock(&disk->open_mutex);
	cancel_work_sync(&ad->leave);
	put_disk(disk);
	if (ad->front)
		abuse_disk_remove_behind(ad);
	blk_mq_free_tag_set(&ad->tags);
	kfree(ad);
}

/**
 * abuse_disk_close() - keep everybody from opening a disk that is not open
 * @ad: the disk, to be removed next
 *
 * Whoever is just opening, closing or scanning it counts as a user.
 *
 * Return: false if it is in use.
 */
bool abuse_disk_close(struct abuse_disk *ad)
{
	struct mutex *lock = &ad->disk->open_mutex;

	if (!mutex_trylock(lock))
		return false;
	ad->closed = !disk_openers(ad->disk);
	mutex_unlock(lock);
	return ad->closed;
}

/**
 * abuse_disk_leave() - close the disk as soon as nobody has it open
 * @ad: the disk
 * @on_closed: work to queue then, which removes the disk; it outlives the disk
 */
void abuse_disk_leave(struct abuse_disk *ad, struct work_struct *on_closed)
{
	if (ad->leaving)
		return;
	ad->on_closed = on_closed;
	WRITE_ONCE(ad->leaving, true);
	queue_work(abuse_disk_wq, &ad->leave);
}

/**
 * abuse_disk_is_leaving() - whether abuse_disk_leave() was called
 * @ad: the disk
 */
bool abuse_disk_is_leaving(struct abuse_disk *ad)
{
	return ad->leaving;
}

/**
 * abuse_disk_is_closed() - whether nobody has it open or can open it any more
 * @ad: the disk
 */
bool abuse_disk_is_closed(struct abuse_disk *ad)
{
	return READ_ONCE(ad->closed);
}

/**
 * abuse_disk_openers() - how often the disk and its partitions are open
 * @ad: the disk
 */
u32 abuse_disk_openers(struct abuse_disk *ad)
{
	return disk_openers(ad->disk);
}

/**
 * abuse_disk_front() - what is in front of the disk
 * @ad: the disk
 *
 * Return: it, or NULL if the disk is not mappable.
 */
struct abuse_front *abuse_disk_front(struct abuse_disk *ad)
{
	return ad->front;
}

/**
 * abuse_disk_devt() - the device number, as stat() reports it
 * @ad: the disk
 */
u64 abuse_disk_devt(struct abuse_disk *ad)
{
	return huge_encode_dev(disk_devt(ad->disk));
}

/**
 * abuse_disks_init() - prepare for disks
 *
 * Return: 0, or -ENOMEM.
 */
int abuse_disks_init(void)
{
	abuse_disk_wq = alloc_workqueue("abuse_disk",
					WQ_UNBOUND | WQ_MEM_RECLAIM,
					WQ_MAX_ACTIVE);
	return abuse_disk_wq ? 0 : -ENOMEM;
}

/**
 * abuse_disks_exit() - undo abuse_disks_init(), once all disks are freed
 */
void abuse_disks_exit(void)
{
	destroy_workqueue(abuse_disk_wq);
}
