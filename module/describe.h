/* SPDX-License-Identifier: GPL-2.0 */
/* What a request asks for, in the words of the ABI; see describe.c. */
#ifndef ABUSE_DESCRIBE_H
#define ABUSE_DESCRIBE_H

#include <linux/blk_types.h>

#include "uapi/abuse.h"

struct request;

u16 abuse_command_of(enum req_op op);
void abuse_describe(struct request *rq, struct abuse_get *get);

#endif
