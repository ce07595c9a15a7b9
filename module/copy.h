/* SPDX-License-Identifier: GPL-2.0 */
/* User memory: copies, and what they wait for; see copy.c. */
#ifndef ABUSE_COPY_H
#define ABUSE_COPY_H

#include <linux/compat.h>

#include "uapi/abuse.h"

struct request;

u32 abuse_rq_copy(struct request *rq, u32 offset, u32 length,
		  void __user *user);
int abuse_fault_in(void __user *user, u32 length, bool from_user);
int abuse_read_piece(struct abuse_piece *piece, u64 address, u32 i,
		     bool no_fault);

/* The upper half of an address from a 32-bit caller may be a sign: drop it. */
static inline void __user *abuse_user_ptr(u64 address)
{
	return in_compat_syscall() ? compat_ptr(address) :
				     u64_to_user_ptr(address);
}

#endif
