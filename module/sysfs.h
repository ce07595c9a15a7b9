/* SPDX-License-Identifier: GPL-2.0 */
/* What a disk tells in sysfs; see sysfs.c. */
#ifndef ABUSE_SYSFS_H
#define ABUSE_SYSFS_H

#include <linux/sysfs.h>

/* For a disk whose queue has the set as its queuedata */
extern const struct attribute_group *abuse_sysfs_groups[];

#endif
