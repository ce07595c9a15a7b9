/* SPDX-License-Identifier: GPL-2.0 */
/* ABUSE_SERVERS and ABUSE_REQUESTS: who has what; see list.c. */
#ifndef ABUSE_LIST_H
#define ABUSE_LIST_H

#include "uapi/abuse.h"

struct abuse_device;

int abuse_ioctl_servers(struct abuse_device *dev,
			struct abuse_list __user *arg);
int abuse_ioctl_requests(struct abuse_device *dev,
			 struct abuse_list __user *arg);
int abuse_ioctl_extents(struct abuse_device *dev,
			struct abuse_list __user *arg);

#endif
