/* SPDX-License-Identifier: GPL-2.0 */
/* ABUSE_XFER: answers in, requests out; see xfer.c. */
#ifndef ABUSE_XFER_H
#define ABUSE_XFER_H

#include "uapi/abuse.h"

struct abuse_file;

int abuse_ioctl_xfer(struct abuse_file *file, struct abuse_xfer __user *arg);
int abuse_read_size(const void __user *arg, size_t least, u32 *size);

#endif
