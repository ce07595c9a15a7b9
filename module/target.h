/* SPDX-License-Identifier: GPL-2.0 */
/* What a disk is mapped to: a block device, or memory; see target.c. */
#ifndef ABUSE_TARGET_H
#define ABUSE_TARGET_H

#include <linux/blkdev.h>
#include <linux/list.h>
#include <linux/workqueue.h>

#include "compat.h"

struct abuse_era;
struct abuse_extent;
struct abuse_memory;

/* Devices of one disk that nobody waits for together; more of them share these. */
#define ABUSE_TARGET_LANES	4

/**
 * struct abuse_target - a block device that extents are mapped to, or memory that
 *	one extent is mapped to
 * @link: in the list of the map, if it is a device
 * @gone: in that of the era that saw its end, until that is over
 * @era: that era
 * @retire: flushes the device, which may take as long as it likes, and closes it
 * @memory: the memory, or NULL
 * @bdev: the device, or NULL
 * @open: it is open, and nobody else may claim it
 * @holder: who does
 * @write: it is open for writes, too
 * @led: something was mapped to it; if not, no flush is for it
 * @retired: that era is over, so it is flushed and freed, and not used again
 * @flushed: it has been flushed for the last time, and no other flush needs it
 * @flushes: flushes that are on their way to it, and those that look for the next
 *	device from here
 * @flush: number of the next flush, from 1 on
 * @wrote: number of the flush that makes the last write durable
 * @durable: number of the last flush that has ended well
 * @lane: who has to wait for the device waits in this lane
 * @uses: mappings that lead to it, and calls that are about to add one
 */
struct abuse_target {
	struct list_head link;
	struct list_head gone;
	struct abuse_era *era;
	struct work_struct retire;
	struct abuse_memory *memory;
	struct block_device *bdev;
	COMPAT_OPEN *open;
	void *holder;
	bool write;
	bool led;
	bool retired;
	bool flushed;
	atomic_t flushes;
	atomic64_t flush;
	atomic64_t wrote;
	atomic64_t durable;
	u32 lane;
	u32 uses;
};

struct block_device *abuse_target_of(struct file *file, bool write);
int abuse_target_check(struct block_device *bdev,
		       const struct abuse_extent *extent, u32 block_size,
		       bool write_cache);
int abuse_target_sync(struct block_device *bdev);
struct abuse_target *abuse_target_open(struct block_device *bdev, bool write,
				       void *holder);
struct abuse_target *abuse_target_lend(struct file *file,
				       const struct abuse_extent *extent,
				       u32 block_size);
s64 abuse_target_begin_flush(struct abuse_target *target);
void abuse_target_end_flush(struct abuse_target *target, s64 flush);
int abuse_target_flush(struct abuse_target *target, atomic64_t *failures);
void abuse_target_close(struct abuse_target *target);
void abuse_target_free(struct abuse_target *target);
u64 abuse_target_number(const struct abuse_target *target);
u32 abuse_target_filesystem(const struct abuse_target *target);

/* Whatever comes to it at once, it never becomes less. */
static inline void abuse_raise(atomic64_t *number, s64 to)
{
	s64 now = atomic64_read(number);

	while (now < to && !atomic64_try_cmpxchg(number, &now, to))
		;
}

/**
 * abuse_target_wrote() - a write has ended well that is not durable yet
 * @target: the device
 *
 * In any context, before whoever submitted it is told. Mostly it only reads.
 */
static inline void abuse_target_wrote(struct abuse_target *target)
{
	abuse_raise(&target->wrote, atomic64_read(&target->flush));
}

#endif
