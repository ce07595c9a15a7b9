// SPDX-License-Identifier: GPL-2.0-only
/* Takes the majors that abuse would otherwise use. */
#include <linux/blkdev.h>
#include <linux/fs.h>
#include <linux/module.h>

static int __init busy_init(void)
{
	int ret = register_chrdev_region(MKDEV(61, 0), 1 << MINORBITS, "busy");

	if (!ret) {
		ret = register_blkdev(60, "busy");
		if (ret)
			unregister_chrdev_region(MKDEV(61, 0), 1 << MINORBITS);
	}
	return ret;
}

static void __exit busy_exit(void)
{
	unregister_blkdev(60, "busy");
	unregister_chrdev_region(MKDEV(61, 0), 1 << MINORBITS);
}

module_init(busy_init);
module_exit(busy_exit);
MODULE_DESCRIPTION("Takes block major 60 and character major 61");
MODULE_LICENSE("GPL");
