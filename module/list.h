/* SPDX-License-Identifier: GPL-2.0 */
/* ABUSE_SERVERS, ABUSE_REQUESTS and ABUSE_EXTENTS: what there is; see list.c. */
#ifndef ABUSE_LIST_H
#define ABUSE_LIST_H

#include "uapi/abuse.h"

/* What struct abuse_extent was in the first release, here and in extents.c */
#define ABUSE_EXTENT_SIZE_0	40

struct abuse_file;

int abuse_ioctl_servers(struct abuse_file *caller,
			struct abuse_list __user *arg);
int abuse_ioctl_requests(struct abuse_file *caller,
			 struct abuse_list __user *arg);
int abuse_ioctl_extents(struct abuse_file *caller,
			struct abuse_list __user *arg);

#endif
