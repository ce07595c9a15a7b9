// SPDX-License-Identifier: GPL-2.0
/*
 * The block side: a gendisk and its tag set, which feed the queues of a set. It
 * must not know control nodes. The caller of a function below holds the lock of
 * the device, unless it is the block layer.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blk-mq.h>
#include <linux/capability.h>
#include <linux/kdev_t.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "cancel.h"
#include "compat.h"
#include "disk.h"
#include "set.h"
#include "slot.h"
#include "sysfs.h"
#include "wait.h"

#define ABUSE_DISK_MAJOR	60	/* for local and experimental use */

static int abuse_major;
static unsigned int abuse_part_shift;

/*
 * How many disks are not freed yet. A disk may be freed long after its removal,
 * and until then the block layer uses abuse_disk_fops.
 */
static atomic_t abuse_nr_disks = ATOMIC_INIT(0);

/**
 * struct abuse_disk - a block device
 * @tags: its requests
 * @disk: the block layer's part
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
 * not share a queue with others.
 */
static struct workqueue_struct *abuse_disk_wq;

static blk_status_t abuse_queue_rq(struct blk_mq_hw_ctx *hctx,
				   const struct blk_mq_queue_data *bd)
{
	struct abuse_queue *q = hctx->driver_data;
	blk_status_t status;

	switch (req_op(bd->rq)) {
	case REQ_OP_READ:
	case REQ_OP_WRITE:
	case REQ_OP_FLUSH:
	case REQ_OP_DISCARD:
	case REQ_OP_WRITE_ZEROES:
		break;
	default:
		return BLK_STS_NOTSUPP;
	}

	status = abuse_submit(q, bd->rq);
	/*
	 * By now the request may be answered and the set killed. The set is
	 * freed a grace period later, and this runs under RCU.
	 */
	if (bd->last)
		abuse_wake(q);
	return status;
}

static void abuse_commit_rqs(struct blk_mq_hw_ctx *hctx)
{
	abuse_wake(hctx->driver_data);
}

static enum blk_eh_timer_return abuse_timeout(struct request *rq)
{
	return abuse_expire(rq->mq_hctx->driver_data, rq);
}

static int abuse_init_hctx(struct blk_mq_hw_ctx *hctx, void *data,
			   unsigned int index)
{
	struct abuse_disk *ad = data;

	hctx->driver_data = &ad->set->queue[index];
	return 0;
}

static const struct blk_mq_ops abuse_mq_ops = {
	.queue_rq	= abuse_queue_rq,
	.commit_rqs	= abuse_commit_rqs,
	.timeout	= abuse_timeout,
	.init_hctx	= abuse_init_hctx,
};

static void abuse_free_disk(struct gendisk *disk)
{
	if (atomic_dec_and_test(&abuse_nr_disks))
		wake_up_var(&abuse_nr_disks);
}

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

static const struct block_device_operations abuse_disk_fops = {
	.owner		= THIS_MODULE,
	.open		= abuse_open_disk,
	.release	= abuse_release_disk,
	.free_disk	= abuse_free_disk,
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
	open = compat_open_disk(disk_devt(disk));
	if (IS_ERR(open))
		return;
	clear_bit(GD_SUPPRESS_PART_SCAN, &disk->state);
	mutex_lock(&disk->open_mutex);
	ad->scanned = bdev_disk_changed(disk, false) != -EIO;
	mutex_unlock(&disk->open_mutex);
	compat_close_disk(open);
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
	bool scanned = config->flags & ABUSE_FLAGS_PARTSCAN ||
		       (abuse_part_shift && capable(CAP_SYS_ADMIN));
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
	ad->tags.driver_data = ad;
	err = blk_mq_alloc_tag_set(&ad->tags);
	if (err)
		goto out_free;

	disk = compat_alloc_disk(&ad->tags, &lim,
				 config->flags & ABUSE_FLAGS_WRITE_CACHE,
				 config->flags & ABUSE_FLAGS_ROTATIONAL, set);
	if (IS_ERR(disk)) {
		err = PTR_ERR(disk);
		goto out_free_tags;
	}
	ad->disk = disk;
	disk->major = abuse_major;
	disk->first_minor = number << abuse_part_shift;
	disk->minors = 1 << abuse_part_shift;
	disk->fops = &abuse_disk_fops;
	disk->private_data = ad;
	snprintf(disk->disk_name, DISK_NAME_LEN, "abuse%u", number);
	if (!scanned)
		disk->flags |= GENHD_FL_NO_PART;
	set_bit(GD_SUPPRESS_PART_SCAN, &disk->state);
	set_capacity(disk, config->capacity >> SECTOR_SHIFT);
	set_disk_ro(disk, config->flags & ABUSE_FLAGS_READ_ONLY);

	err = device_add_disk(NULL, disk, abuse_sysfs_groups);
	if (err)
		goto out_put_disk;
	atomic_inc(&abuse_nr_disks);
	if (scanned)
		abuse_set_on_served(set, abuse_disk_wq, &ad->scan);
	return ad;

out_put_disk:
	put_disk(disk);
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
	blk_queue_rq_timeout(ad->disk->queue, abuse_disk_timeout(config));
	set_disk_ro(ad->disk, config->flags & ABUSE_FLAGS_READ_ONLY);
	set_capacity_and_notify(ad->disk, config->capacity >> SECTOR_SHIFT);
	/* Requests that waited for a larger depth may go on now. */
	blk_mq_run_hw_queues(ad->disk->queue, true);
}

/**
 * abuse_disk_remove() - take the block device away, even from its users
 * @ad: the disk; its hardware queues have been killed, so no request of it
 *	waits for an answer
 */
void abuse_disk_remove(struct abuse_disk *ad)
{
	struct gendisk *disk = ad->disk;

	cancel_work_sync(&ad->scan);
	blk_mark_disk_dead(disk);
	del_gendisk(disk);
	/* Those who still have it open close it later. */
	mutex_lock(&disk->open_mutex);
	disk->private_data = NULL;
	mutex_unlock(&disk->open_mutex);
	cancel_work_sync(&ad->leave);
	put_disk(disk);
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
 * abuse_disk_devt() - the device number, as stat() reports it
 * @ad: the disk
 */
u64 abuse_disk_devt(struct abuse_disk *ad)
{
	return huge_encode_dev(disk_devt(ad->disk));
}

/**
 * abuse_disk_max_number() - for how many disks there are minors
 */
unsigned int abuse_disk_max_number(void)
{
	return 1U << (MINORBITS - abuse_part_shift);
}

/**
 * abuse_disk_init() - get a major
 * @max_part: partitions of a disk, the module's parameter
 *
 * Return: 0, or an error.
 */
int abuse_disk_init(unsigned int max_part)
{
	if (max_part >= DISK_MAX_PARTS)
		return -EINVAL;
	abuse_part_shift = fls(max_part);
	abuse_disk_wq = alloc_workqueue("abuse_disk", WQ_UNBOUND,
					WQ_MAX_ACTIVE);
	if (!abuse_disk_wq)
		return -ENOMEM;

	abuse_major = ABUSE_DISK_MAJOR;
	if (!register_blkdev(abuse_major, KBUILD_MODNAME))
		return 0;
	abuse_major = register_blkdev(0, KBUILD_MODNAME);
	if (abuse_major < 0) {
		destroy_workqueue(abuse_disk_wq);
		return abuse_major;
	}
	pr_info("major %d is taken, block devices use %d\n", ABUSE_DISK_MAJOR,
		abuse_major);
	return 0;
}

/**
 * abuse_disk_exit() - give the major back, once all disks are freed
 */
void abuse_disk_exit(void)
{
	wait_var_event(&abuse_nr_disks, !atomic_read(&abuse_nr_disks));
	unregister_blkdev(abuse_major, KBUILD_MODNAME);
	destroy_workqueue(abuse_disk_wq);
}
