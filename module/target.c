// SPDX-License-Identifier: GPL-2.0
/*
 * What a disk is mapped to: which block devices may be, and how they are claimed;
 * and memory. It must not know maps.
 */
#include <linux/bio.h>
#include <linux/completion.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/slab.h>

#include "memory.h"
#include "target.h"
#include "uapi/abuse.h"

/**
 * abuse_target_of() - the block device of an open file
 * @file: the file
 * @write: it must be open for writes, too
 *
 * Return: the device, or an error pointer.
 */
struct block_device *abuse_target_of(struct file *file, bool write)
{
	if (!S_ISBLK(file_inode(file)->i_mode))
		return ERR_PTR(-ENOTBLK);
	if (!(file->f_mode & FMODE_READ) ||
	    (write && (!(file->f_mode & FMODE_WRITE) ||
		       bdev_read_only(I_BDEV(file->f_mapping->host)))))
		return ERR_PTR(-EACCES);
	return I_BDEV(file->f_mapping->host);
}

/*
 * Whether it carries out what is asked. There is no write of zeroes that is durable when
 * it ends, as there is no FUA for it.
 */
static bool abuse_target_can(struct block_device *bdev, u32 flags,
			     bool write_cache)
{
	if (flags & ABUSE_EXTENT_DISCARD && !bdev_max_discard_sectors(bdev))
		return false;
	return !(flags & ABUSE_EXTENT_WRITE_ZEROES) ||
	       (bdev_write_zeroes_sectors(bdev) &&
		(write_cache || !bdev_write_cache(bdev)));
}

/**
 * abuse_target_check() - whether bytes of a block device may be bytes of a disk
 * @bdev: the device
 * @extent: which of them
 * @block_size: of the disk
 * @write_cache: its users flush what must be durable
 *
 * Return: 0, or an error as the header of the ABI says.
 */
int abuse_target_check(struct block_device *bdev,
		       const struct abuse_extent *extent, u32 block_size,
		       bool write_cache)
{
	/* Nobody keeps what is written from changing meanwhile. */
	if (bdev_stable_writes(bdev))
		return -EMEDIUMTYPE;
	if (bdev_is_zoned(bdev) || bdev_logical_block_size(bdev) > block_size ||
	    bdev_dma_alignment(bdev) >= SECTOR_SIZE)
		return -EMEDIUMTYPE;
	if (!abuse_target_can(bdev, extent->flags, write_cache))
		return -EOPNOTSUPP;
	if (extent->target_offset & (block_size - 1))
		return -EINVAL;
	if (extent->target_offset > bdev_nr_bytes(bdev) ||
	    extent->length > bdev_nr_bytes(bdev) - extent->target_offset)
		return -ENOSPC;
	return 0;
}

/**
 * abuse_target_sync() - let a block device have what was written through its cache
 * @bdev: the device
 *
 * Return: 0, or -EIO: what else a write fails with means something else for callers.
 */
int abuse_target_sync(struct block_device *bdev)
{
	if (sync_blockdev(bdev))
		return -EIO;
	invalidate_bdev(bdev);
	return 0;
}

/* What an open fails with that means something else for callers */
static int abuse_target_open_error(int err)
{
	switch (err) {
	case -EBUSY:
	case -EINTR:
	case -ENOMEM:
		return err;
	case -EACCES:
	case -EPERM:	/* The device cgroup forbids it. */
	case -EROFS:
		return -EACCES;
	default:	/* It has gone, or it is broken. */
		return -EIO;
	}
}

/**
 * abuse_target_open() - claim a block device
 * @bdev: the device
 * @write: for writes, too
 * @holder: who claims it
 *
 * What others wrote to it is on it before it is read here.
 *
 * Return: the target, or an error pointer: -EACCES, -EBUSY, -EINTR, -EIO, -ENOMEM.
 */
struct abuse_target *abuse_target_open(struct block_device *bdev, bool write,
				       void *holder)
{
	struct abuse_target *target;
	int err;

	target = kzalloc(sizeof(*target), GFP_KERNEL_ACCOUNT);
	if (!target)
		return ERR_PTR(-ENOMEM);
	atomic64_set(&target->flush, 1);
	target->holder = holder;
	target->write = write;
	target->open = compat_open_disk(bdev->bd_dev, write, holder);
	if (IS_ERR(target->open)) {
		err = abuse_target_open_error(PTR_ERR(target->open));
		goto out_free;
	}
	target->bdev = compat_opened_bdev(target->open);
	/* Another device may have got the number. */
	err = target->bdev == bdev ? 0 : -EIO;
	if (!err && write && bdev_read_only(bdev))
		err = -EACCES;
	if (!err)
		err = abuse_target_sync(target->bdev);
	if (!err)
		return target;
	compat_close_disk(target->open, write, holder);
out_free:
	kfree(target);
	return ERR_PTR(err);
}

/**
 * abuse_target_lend() - make memory a target
 * @file: which has it
 * @extent: which part of it
 * @block_size: of the disk
 *
 * Return: the target, or an error pointer as the header of the ABI says.
 */
struct abuse_target *abuse_target_lend(struct file *file,
				       const struct abuse_extent *extent,
				       u32 block_size)
{
	bool write = extent->flags & ABUSE_EXTENT_WRITE;
	struct abuse_memory *memory;
	struct abuse_target *target;

	if (extent->target_offset & (block_size - 1))
		return ERR_PTR(-EINVAL);
	target = kzalloc(sizeof(*target), GFP_KERNEL_ACCOUNT);
	if (!target)
		return ERR_PTR(-ENOMEM);
	memory = abuse_memory_pin(file, extent->target_offset, extent->length,
				  write);
	if (IS_ERR(memory)) {
		kfree(target);
		return ERR_CAST(memory);
	}
	target->memory = memory;
	target->write = write;
	target->uses = 1;
	return target;
}

/**
 * abuse_target_begin_flush() - a flush is about to be submitted
 * @target: the device
 *
 * Return: its number, for abuse_target_end_flush().
 */
s64 abuse_target_begin_flush(struct abuse_target *target)
{
	/* A write that has ended has read the number before, see there. */
	return atomic64_inc_return(&target->flush) - 1;
}

/**
 * abuse_target_end_flush() - a flush has ended well
 * @target: the device
 * @flush: its number
 */
void abuse_target_end_flush(struct abuse_target *target, s64 flush)
{
	abuse_raise(&target->durable, flush);
}

static bool abuse_target_is_dirty(const struct abuse_target *target)
{
	return atomic64_read(&target->durable) < atomic64_read(&target->wrote);
}

/**
 * struct abuse_last_flush - the flush of a device that is given up
 * @failures: counts it if it fails
 * @done: it has ended
 * @bio: what was submitted for it
 */
struct abuse_last_flush {
	atomic64_t *failures;
	struct completion done;
	struct bio bio;
};

static void abuse_last_flush_end(struct bio *bio)
{
	struct abuse_last_flush *flush =
		container_of(bio, struct abuse_last_flush, bio);

	if (bio->bi_status)
		atomic64_inc(flush->failures);
	complete(&flush->done);
}

/**
 * abuse_target_flush() - make durable what was written to a target
 * @target: the device, to which nothing is being written
 * @failures: incremented if that fails, before a flush ends that the device does next,
 *	as that may end well though the data was dropped
 *
 * A device that is given up may be broken, so none is asked that need not be.
 *
 * Return: 0, or -EIO: what else it fails with means something else for callers.
 */
int abuse_target_flush(struct abuse_target *target, atomic64_t *failures)
{
	struct abuse_last_flush flush = { .failures = failures };

	if (!abuse_target_is_dirty(target))
		return 0;
	init_completion(&flush.done);
	bio_init(&flush.bio, target->bdev, NULL, 0,
		 REQ_OP_WRITE | REQ_PREFLUSH);
	flush.bio.bi_end_io = abuse_last_flush_end;
	submit_bio(&flush.bio);
	while (!wait_for_completion_io_timeout(&flush.done, COMPAT_NOT_HUNG))
		;
	return flush.bio.bi_status ? -EIO : 0;
}

/**
 * abuse_target_close() - let others have a block device
 * @target: the target, which is still to be freed
 *
 * This may take as long as the device likes.
 */
void abuse_target_close(struct abuse_target *target)
{
	compat_close_disk(target->open, target->write, target->holder);
	target->open = NULL;
}

/**
 * abuse_target_free() - give a block device, or memory, back
 * @target: the target, which nobody uses; what was written to it is durable, or lost
 */
void abuse_target_free(struct abuse_target *target)
{
	if (target->memory)
		abuse_memory_free(target->memory);
	else if (target->open)
		abuse_target_close(target);
	kfree(target);
}

/**
 * abuse_target_number() - what a target is called in the ABI
 * @target: the target
 */
u64 abuse_target_number(const struct abuse_target *target)
{
	return target->memory ? file_inode(target->memory->file)->i_ino :
				huge_encode_dev(target->bdev->bd_dev);
}

/**
 * abuse_target_filesystem() - where that is the number of an inode
 * @target: the target
 *
 * Return: 0 for a block device.
 */
u32 abuse_target_filesystem(const struct abuse_target *target)
{
	return target->memory ?
	       new_encode_dev(file_inode(target->memory->file)->i_sb->s_dev) : 0;
}
