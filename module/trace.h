/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tracepoints: what happens to requests, and to devices. Users see them, so
 * a field may be added, but none changes its meaning.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM abuse

#if !defined(ABUSE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define ABUSE_TRACE_H

#include <linux/blk-mq.h>
#include <linux/tracepoint.h>

#include "describe.h"
#include "era.h"
#include "slots.h"

#define ABUSE_TRACE_COMMANDS				\
	{ ABUSE_READ,			"read" },	\
	{ ABUSE_WRITE,			"write" },	\
	{ ABUSE_SYNC_NOTIFICATION,	"flush" },	\
	{ ABUSE_DISCARD,		"discard" },	\
	{ ABUSE_WRITE_ZEROES,		"write_zeroes" }

#define ABUSE_TRACE_RESULTS					\
	{ ABUSE_RESULT_OKAY,		"okay" },		\
	{ ABUSE_RESULT_MEDIA_FAILURE,	"media-failure" },	\
	{ ABUSE_RESULT_DEVICE_FAILURE,	"device-failure" },	\
	{ ABUSE_RESULT_NO_SPACE,	"no-space" },		\
	{ ABUSE_RESULT_TIMEOUT,		"timeout" },		\
	{ ABUSE_RESULT_REMOTE_FAILURE,	"remote-failure" },	\
	{ ABUSE_RESULT_RETRY,		"retry" }

DECLARE_EVENT_CLASS(abuse_request,
	TP_PROTO(const struct abuse_queue *q, const struct abuse_slot *slot),
	TP_ARGS(q, slot),
	TP_STRUCT__entry(
		__field(u32,	device)
		__field(u32,	queue)
		__field(u32,	tag)
		__field(u32,	command)
		__field(u32,	flags)
		__field(u64,	sector)
		__field(u32,	bytes)
	),
	TP_fast_assign(
		struct abuse_get get;

		abuse_describe(slot->rq, &get);
		__entry->device = q->set->number;
		__entry->queue = q->index;
		__entry->tag = slot - q->slots;
		__entry->command = get.command;
		__entry->flags = get.flags | abuse_slot_flags(q, slot);
		__entry->sector = get.sector;
		__entry->bytes = get.length;
	),
	TP_printk("abuse%u queue=%u tag=%u %s flags=%#x sector=%llu bytes=%u",
		  __entry->device, __entry->queue, __entry->tag,
		  __print_symbolic(__entry->command, ABUSE_TRACE_COMMANDS),
		  __entry->flags, __entry->sector, __entry->bytes)
);

/* A request of the disk is pending now. */
DEFINE_EVENT(abuse_request, abuse_submit,
	TP_PROTO(const struct abuse_queue *q, const struct abuse_slot *slot),
	TP_ARGS(q, slot)
);

/* The calling process has been handed the request. */
DEFINE_EVENT(abuse_request, abuse_get,
	TP_PROTO(const struct abuse_queue *q, const struct abuse_slot *slot),
	TP_ARGS(q, slot)
);

/* Its owner lost the request, which is pending again. */
DEFINE_EVENT(abuse_request, abuse_requeue,
	TP_PROTO(const struct abuse_queue *q, const struct abuse_slot *slot),
	TP_ARGS(q, slot)
);

/* The request fails because it was not answered in time. */
DEFINE_EVENT(abuse_request, abuse_expire,
	TP_PROTO(const struct abuse_queue *q, const struct abuse_slot *slot),
	TP_ARGS(q, slot)
);

/* The request fails because of a reset, a failure of the device, or no server. */
DEFINE_EVENT(abuse_request, abuse_cancel,
	TP_PROTO(const struct abuse_queue *q, const struct abuse_slot *slot),
	TP_ARGS(q, slot)
);

/* The calling process has answered the request. */
TRACE_EVENT(abuse_put,
	TP_PROTO(const struct abuse_queue *q, const struct abuse_slot *slot,
		 u32 result, u64 now),
	TP_ARGS(q, slot, result, now),
	TP_STRUCT__entry(
		__field(u32,	device)
		__field(u32,	queue)
		__field(u32,	tag)
		__field(u32,	command)
		__field(u32,	result)
		__field(u64,	sector)
		__field(u32,	bytes)
		__field(u64,	nsecs)
	),
	TP_fast_assign(
		struct abuse_get get;

		abuse_describe(slot->rq, &get);
		__entry->device = q->set->number;
		__entry->queue = q->index;
		__entry->tag = slot - q->slots;
		__entry->command = get.command;
		__entry->result = result;
		__entry->sector = get.sector;
		__entry->bytes = get.length;
		__entry->nsecs = now > slot->start ? now - slot->start : 0;
	),
	TP_printk("abuse%u queue=%u tag=%u %s sector=%llu bytes=%u %s nsecs=%llu",
		  __entry->device, __entry->queue, __entry->tag,
		  __print_symbolic(__entry->command, ABUSE_TRACE_COMMANDS),
		  __entry->sector, __entry->bytes,
		  __print_symbolic(__entry->result, ABUSE_TRACE_RESULTS),
		  __entry->nsecs)
);

/* The put of the calling process is refused: it does not own that request. */
TRACE_EVENT(abuse_stale,
	TP_PROTO(const struct abuse_queue *q, u64 id),
	TP_ARGS(q, id),
	TP_STRUCT__entry(
		__field(u32,	device)
		__field(u32,	queue)
		__field(u64,	id)
	),
	TP_fast_assign(
		__entry->device = q->set->number;
		__entry->queue = q->index;
		__entry->id = id;
	),
	TP_printk("abuse%u queue=%u id=%#llx", __entry->device,
		  __entry->queue, __entry->id)
);

/* The kernel carries out what is asked of the disk where it is mapped. */
TRACE_EVENT(abuse_mapped,
	TP_PROTO(u32 device, const struct bio *bio,
		 const struct abuse_mapping *m),
	TP_ARGS(device, bio, m),
	TP_STRUCT__entry(
		__field(u32,	device)
		__field(u32,	command)
		__field(u64,	sector)
		__field(u32,	bytes)
		__field(u64,	target)
		__field(u64,	target_sector)
		__field(u32,	filesystem)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->command = abuse_command_of(bio_op(bio));
		__entry->sector = bio->bi_iter.bi_sector;
		__entry->bytes = bio->bi_iter.bi_size;
		__entry->target = abuse_target_number(m->target);
		__entry->target_sector = bio->bi_iter.bi_sector + m->delta;
		__entry->filesystem = abuse_target_filesystem(m->target);
	),
	TP_printk("abuse%u %s sector=%llu bytes=%u target=%#llx target_sector=%llu filesystem=%#x",
		  __entry->device,
		  __print_symbolic(__entry->command, ABUSE_TRACE_COMMANDS),
		  __entry->sector, __entry->bytes, __entry->target,
		  __entry->target_sector, __entry->filesystem)
);

/* Bytes of the disk are mapped from now on. */
TRACE_EVENT(abuse_map,
	TP_PROTO(u32 device, const struct abuse_extent *extent,
		 const struct abuse_target *target),
	TP_ARGS(device, extent, target),
	TP_STRUCT__entry(
		__field(u32,	device)
		__field(u32,	flags)
		__field(u64,	offset)
		__field(u64,	length)
		__field(u64,	target)
		__field(u64,	target_offset)
		__field(u32,	filesystem)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->flags = extent->flags;
		__entry->offset = extent->offset;
		__entry->length = extent->length;
		__entry->target = abuse_target_number(target);
		__entry->target_offset = extent->target_offset;
		__entry->filesystem = abuse_target_filesystem(target);
	),
	TP_printk("abuse%u offset=%llu length=%llu target=%#llx target_offset=%llu flags=%#x filesystem=%#x",
		  __entry->device, __entry->offset, __entry->length,
		  __entry->target, __entry->target_offset, __entry->flags,
		  __entry->filesystem)
);

/* Bytes of the disk are not mapped any more. */
TRACE_EVENT(abuse_unmap,
	TP_PROTO(u32 device, const struct abuse_extent *extent),
	TP_ARGS(device, extent),
	TP_STRUCT__entry(
		__field(u32,	device)
		__field(u64,	offset)
		__field(u64,	length)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->offset = extent->offset;
		__entry->length = extent->length;
	),
	TP_printk("abuse%u offset=%llu length=%llu", __entry->device,
		  __entry->offset, __entry->length)
);

/* The device is set up, or was changed by a reconnect. */
TRACE_EVENT(abuse_setup,
	TP_PROTO(u32 device, const struct abuse_config *config, bool reconnect),
	TP_ARGS(device, config, reconnect),
	TP_STRUCT__entry(
		__field(u32,	device)
		__field(u32,	flags)
		__field(u64,	capacity)
		__field(u32,	block_size)
		__field(u32,	queues)
		__field(u32,	queue_depth)
		__field(bool,	reconnect)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->flags = config->flags;
		__entry->capacity = config->capacity;
		__entry->block_size = config->block_size;
		__entry->queues = config->queues;
		__entry->queue_depth = config->queue_depth;
		__entry->reconnect = reconnect;
	),
	TP_printk("abuse%u%s capacity=%llu block_size=%u queues=%u queue_depth=%u flags=%#x",
		  __entry->device, __entry->reconnect ? " reconnect" : "",
		  __entry->capacity, __entry->block_size, __entry->queues,
		  __entry->queue_depth, __entry->flags)
);

/* The disk goes away. */
TRACE_EVENT(abuse_reset,
	TP_PROTO(u32 device),
	TP_ARGS(device),
	TP_STRUCT__entry(
		__field(u32,	device)
	),
	TP_fast_assign(
		__entry->device = device;
	),
	TP_printk("abuse%u", __entry->device)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
