/* SPDX-License-Identifier: GPL-2.0 */
/* A block device that a disk is mapped to; see target.c. */
#ifndef ABUSE_TARGET_H
#define ABUSE_TARGET_H

#include <linux/blkdev.h>
#include <linux/list.h>

#include "compat.h"

struct abuse_extent;

/**
 * struct abuse_target - a block device that extents are mapped to
 * @link: in the list of the map
 * @gone: in that of the era that saw its end
 * @bdev: the device
 * @open: it is open, and nobody else may claim it
 * @holder: who does
 * @write: it is open for writes, too
 * @retired: nothing leads to it any more, and it is about to be flushed and freed
 * @uses: mappings that lead to it
 */
struct abuse_target {
	struct list_head link;
	struct list_head gone;
	struct block_device *bdev;
	COMPAT_OPEN *open;
	void *holder;
	bool write;
	bool retired;
	u32 uses;
};

struct block_device *abuse_target_of(struct file *file, bool write);
int abuse_target_check(struct block_device *bdev,
		       const struct abuse_extent *extent, u32 block_size);
struct abuse_target *abuse_target_open(struct block_device *bdev, bool write,
				       void *holder);
int abuse_target_free(struct abuse_target *target);

#endif
