/* SPDX-License-Identifier: GPL-2.0 */
/* What a setup asks for; see config.c. */
#ifndef ABUSE_CONFIG_H
#define ABUSE_CONFIG_H

#include "uapi/abuse.h"

/* Flags that a reconnect must not change */
#define ABUSE_FEATURES	(ABUSE_FLAGS_WRITE_CACHE | ABUSE_FLAGS_DISCARD | \
			 ABUSE_FLAGS_WRITE_ZEROES | ABUSE_FLAGS_PARTSCAN | \
			 ABUSE_FLAGS_ROTATIONAL | ABUSE_FLAGS_MAPPABLE)
/* Flags that a reconnect by the ABI of 2009 leaves as they are */
#define ABUSE_KEPT_FLAGS (ABUSE_FEATURES | ABUSE_FLAGS_AUTOREMOVE)

u32 abuse_queues_limit(void);
u32 abuse_requests_limit(void);
int abuse_config_check(const struct abuse_config *config);
void abuse_config_fill_in(struct abuse_config *config,
			  const struct abuse_config *old);

#endif
