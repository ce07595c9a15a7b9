/* SPDX-License-Identifier: GPL-2.0 */
/* Requests from the block layer; see requests.c. */
#ifndef ABUSE_REQUESTS_H
#define ABUSE_REQUESTS_H

#include <linux/blk-mq.h>

/* The data of its tag set is a struct abuse_set. */
extern const struct blk_mq_ops abuse_mq_ops;

#endif
