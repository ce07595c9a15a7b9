// SPDX-License-Identifier: GPL-2.0
/*
 * abuse - block devices answered by ordinary programs
 *
 * The layers, from the top: disk.c takes requests from the block layer,
 * queue.c keeps who has which, control.c hands them out and takes the answers.
 */
#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/module.h>

#include "control.h"
#include "disk.h"

static unsigned int max_abuse;
module_param(max_abuse, uint, 0444);
MODULE_PARM_DESC(max_abuse, "Number of devices; 0, the default: 8, and more on demand");

static unsigned int max_part;
module_param(max_part, uint, 0444);
MODULE_PARM_DESC(max_part, "Number of partitions of a device (default 0, at most 255)");

static int __init abuse_init(void)
{
	int err;

	err = abuse_disk_init(max_part);
	if (err)
		return err;
	err = abuse_control_init(max_abuse);
	if (err)
		abuse_disk_exit();
	return err;
}

static void __exit abuse_exit(void)
{
	abuse_control_exit();
	abuse_disk_exit();
}

module_init(abuse_init);
module_exit(abuse_exit);

MODULE_DESCRIPTION("Block devices answered by ordinary programs");
MODULE_LICENSE("GPL");
MODULE_ALIAS_BLOCKDEV_MAJOR(60);
MODULE_ALIAS_CHARDEV_MAJOR(61);
