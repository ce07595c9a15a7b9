// SPDX-License-Identifier: GPL-2.0
/*
 * abuse - block devices answered by ordinary programs
 *
 * The layers, from the ground up: copy.c and describe.c know user memory and
 * requests; memory.c and target.c know what a disk is mapped to; slots.h, wait.c,
 * slot.c, cancel.c, transfer.c, answer.c, orphan.c, set.c and quiesce.c know who has
 * which request; era.c, map.c, aim.c and change.c know where the bytes of a disk are,
 * and io.c, lane.c, flush.c, cut.c, pass.c, again.c and front.c carry bios out there;
 * requests.c takes requests from the block layer, gendisk.c and disk.c make the disk,
 * and sysfs.c tells of it; config.c, device.c and file.c know a device and an open
 * control node; xfer.c and legacy.c are the two ABIs, list.c tells who has what and
 * what is mapped, extents.c changes that, and pause.c pauses it; control.c offers them.
 */
#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/module.h>

#include "control.h"
#include "device.h"
#include "disk.h"
#include "front.h"
#include "gendisk.h"
#include "orphan.h"
#include "set.h"

static unsigned int max_abuse;
module_param(max_abuse, uint, 0444);
MODULE_PARM_DESC(max_abuse, "Number of devices; 0 (default): 8, and more on demand");

static unsigned int max_part;
module_param(max_part, uint, 0444);
MODULE_PARM_DESC(max_part, "Number of partitions that a device may have, 0 (default) to 255");

static int __init abuse_init(void)
{
	int err;

	err = abuse_sets_init();
	if (err)
		return err;
	err = abuse_orphans_init();
	if (err)
		goto out_sets;
	err = abuse_fronts_init();
	if (err)
		goto out_orphans;
	err = abuse_disks_init();
	if (err)
		goto out_fronts;
	err = abuse_gendisks_init(max_part);
	if (err)
		goto out_disks;
	err = abuse_devices_init();
	if (err)
		goto out_gendisks;
	err = abuse_control_init(max_abuse);
	if (err)
		goto out_devices;
	return 0;

out_devices:
	abuse_devices_exit();
out_gendisks:
	abuse_gendisks_exit();
out_disks:
	abuse_disks_exit();
out_fronts:
	abuse_fronts_exit();
out_orphans:
	abuse_orphans_exit();
out_sets:
	abuse_sets_exit();
	return err;
}

static void __exit abuse_exit(void)
{
	abuse_control_exit();
	abuse_devices_exit();
	abuse_gendisks_exit();
	abuse_disks_exit();
	abuse_fronts_exit();
	abuse_sets_exit();
	abuse_orphans_exit();
}

module_init(abuse_init);
module_exit(abuse_exit);

MODULE_DESCRIPTION("Block devices answered by ordinary programs");
MODULE_LICENSE("GPL");
MODULE_ALIAS_BLOCKDEV_MAJOR(60);
MODULE_ALIAS_CHARDEV_MAJOR(61);
