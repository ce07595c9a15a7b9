/* SPDX-License-Identifier: GPL-2.0 */
/* ABUSE_QUIESCE; see pause.c. */
#ifndef ABUSE_PAUSE_H
#define ABUSE_PAUSE_H

#include "uapi/abuse.h"

struct abuse_file;

int abuse_ioctl_quiesce(struct abuse_file *file,
			struct abuse_quiesce __user *arg);

#endif
