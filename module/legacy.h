/* SPDX-License-Identifier: GPL-2.0 */
/* The ABI of 2009; see legacy.c. */
#ifndef ABUSE_LEGACY_H
#define ABUSE_LEGACY_H

#include "uapi/abuse.h"

struct abuse_file;

int abuse_ioctl_get_status(struct abuse_file *file,
			   struct abuse_info __user *arg);
int abuse_ioctl_set_status(struct abuse_file *file,
			   const struct abuse_info __user *arg);
int abuse_ioctl_reset(struct abuse_file *file);
int abuse_ioctl_bio(struct abuse_file *file, struct abuse_xfr_hdr __user *arg,
		    unsigned int cmd);

#endif
