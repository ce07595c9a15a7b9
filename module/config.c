// SPDX-License-Identifier: GPL-2.0
/*
 * What a setup asks for: its limits, and its defaults. It must not know devices.
 */
#include <linux/blkdev.h>
#include <linux/capability.h>
#include <linux/log2.h>

#include "compat.h"
#include "config.h"

#define ABUSE_ALL_FLAGS	(ABUSE_FLAGS_READ_ONLY | ABUSE_FLAGS_RECONNECT | \
			 ABUSE_KEPT_FLAGS)

/**
 * abuse_queues_limit() - how many hardware queues a device may have
 */
u32 abuse_queues_limit(void)
{
	return min_t(u32, nr_cpu_ids, ABUSE_MAX_QUEUES);
}

/**
 * abuse_requests_limit() - how many requests the caller may set up for a device
 *
 * The block layer takes about 400 bytes for each request, and charges no cgroup
 * for them.
 */
u32 abuse_requests_limit(void)
{
	return capable(CAP_SYS_RESOURCE) ? ABUSE_MAX_DEPTH * ABUSE_MAX_QUEUES :
					   ABUSE_MAX_USER_REQUESTS;
}

/* The longest request of a kind, and what it has to be a multiple of */
static bool abuse_range_is_good(const struct abuse_config *config, u32 flag,
				u32 max, u32 unit)
{
	if (!(config->flags & flag))
		return !max;
	return unit && max && max <= ABUSE_MAX_RANGE && !(max % unit);
}

/**
 * abuse_config_check() - whether a device can be set up so
 * @config: what is asked for, with its defaults filled in
 *
 * Return: 0, -EINVAL, -EFBIG.
 */
int abuse_config_check(const struct abuse_config *config)
{
	if (config->flags & ~ABUSE_ALL_FLAGS)
		return -EINVAL;
	if (config->block_size < SECTOR_SIZE ||
	    config->block_size > BLK_MAX_BLOCK_SIZE ||
	    !is_power_of_2(config->block_size))
		return -EINVAL;
	if (config->physical_block_size < config->block_size ||
	    config->physical_block_size > ABUSE_MAX_REQUEST ||
	    !is_power_of_2(config->physical_block_size))
		return -EINVAL;
	if (config->capacity > LLONG_MAX)
		return -EFBIG;
	if (!config->capacity || config->capacity & (config->block_size - 1))
		return -EINVAL;
	if (!config->queue_depth || config->queue_depth > ABUSE_MAX_DEPTH)
		return -EINVAL;
	if (!config->queues || config->queues > abuse_queues_limit())
		return -EINVAL;
	if (config->max_request < PAGE_SIZE ||
	    config->max_request > ABUSE_MAX_REQUEST ||
	    config->max_request & (config->block_size - 1))
		return -EINVAL;
	if (config->io_min > ABUSE_MAX_IO_SIZE ||
	    config->io_opt > ABUSE_MAX_IO_SIZE ||
	    (config->io_min | config->io_opt | config->discard_granularity) &
		    (config->physical_block_size - 1))
		return -EINVAL;
	if (!abuse_range_is_good(config, ABUSE_FLAGS_DISCARD,
				 config->max_discard,
				 config->discard_granularity) ||
	    !abuse_range_is_good(config, ABUSE_FLAGS_WRITE_ZEROES,
				 config->max_write_zeroes, config->block_size))
		return -EINVAL;
	if (config->reserved ||
	    (config->discard_granularity && !config->max_discard))
		return -EINVAL;
	if (config->timeout_ms > ABUSE_MAX_TIMEOUT ||
	    config->orphan_ms > ABUSE_MAX_TIMEOUT ||
	    config->unserved_ms > ABUSE_MAX_TIMEOUT)
		return -EINVAL;
	return 0;
}

/**
 * abuse_config_fill_in() - let what is 0 stay as it is, or get its default
 * @config: what is asked for
 * @old: how the device is set up, NULL in a first setup
 */
void abuse_config_fill_in(struct abuse_config *config,
			  const struct abuse_config *old)
{
	struct abuse_config first = {
		.queues = 1,
		.max_request = ABUSE_MAX_REQUEST,
		.physical_block_size = config->block_size,
	};

	if (!old)
		old = &first;
	config->queues = config->queues ?: old->queues;
	config->max_request = config->max_request ?: old->max_request;
	config->physical_block_size = config->physical_block_size ?:
				      old->physical_block_size;
	first.io_min = config->physical_block_size;
	if (config->flags & ABUSE_FLAGS_DISCARD) {
		first.discard_granularity = config->discard_granularity ?:
					    config->physical_block_size;
		first.max_discard = rounddown(ABUSE_MAX_RANGE,
					      first.discard_granularity ?: 1);
	}
	if (config->flags & ABUSE_FLAGS_WRITE_ZEROES)
		first.max_write_zeroes = ABUSE_MAX_RANGE;
	config->io_min = config->io_min ?: old->io_min;
	config->io_opt = config->io_opt ?: old->io_opt;
	config->discard_granularity = config->discard_granularity ?:
				      old->discard_granularity;
	config->max_discard = config->max_discard ?: old->max_discard;
	config->max_write_zeroes = config->max_write_zeroes ?:
				   old->max_write_zeroes;
}
