/* SPDX-License-Identifier: GPL-2.0 */
/* ABUSE_MAP, ABUSE_UNMAP and ABUSE_LENT; see extents.c. */
#ifndef ABUSE_EXTENTS_H
#define ABUSE_EXTENTS_H

#include "uapi/abuse.h"

struct abuse_file;

int abuse_ioctl_map(struct abuse_file *file, struct abuse_extents __user *arg,
		    bool remove);
int abuse_ioctl_lent(struct abuse_file *file, struct abuse_lent __user *arg);

#endif
