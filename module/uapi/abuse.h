/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * abuse - block devices answered by ordinary programs
 *
 * This header is the whole contract between the module and a server. Every
 * ioctl is made on a control node, /dev/abctlN, which belongs to the block
 * device /dev/abuseN.
 *
 * A request is *pending* until an open file of the control node gets it. Then
 * it is *owned* by that open file until it is put. When the open file is
 * closed, or its process dies, the requests that it still owns are pending
 * again, ahead of younger ones. If a server is stuck, ABUSE_REQUEUE does the
 * same for all owned requests; what the stuck server puts later is refused.
 *
 * What may change, and what never will:
 *
 * - Numbers, offsets and meanings below stay. The ABI of 2009 is frozen.
 * - Every structure of today begins with its own size and may grow at its end.
 *   The kernel takes a shorter one, down to that of the first release, as if
 *   the rest were zero. It takes a longer one if the part that it does not
 *   know is zero; otherwise the call fails with E2BIG.
 * - struct abuse_put, struct abuse_get, struct abuse_server, struct
 *   abuse_request and struct abuse_extent are elements of arrays and may grow in
 *   the same way: struct abuse_xfer, struct abuse_list and struct abuse_extents
 *   have their sizes. The kernel zeroes the part that it does not know of an
 *   element that it fills.
 * - A call with unknown flags fails with EINVAL. The kernel may report new
 *   flags and commands: a server ignores flags of a request that it does not
 *   know, and answers a command that it does not know with a failure. New
 *   commands come only if setup asked for them.
 * - Limits may rise; ABUSE_STATUS tells those of the running kernel.
 *
 * The ioctl numbers carry no direction and no size, as those of 2009 never did.
 * All structures have the same layout for 32-bit and 64-bit callers, except for
 * four bytes of padding at the end of struct abuse_info that are neither read
 * nor written.
 */
#ifndef _UAPI_ABUSE_H
#define _UAPI_ABUSE_H

#include <linux/types.h>

/* The ABI of 2009 */
#define ABUSE_GET_STATUS	0x4120	/* struct abuse_info, out */
#define ABUSE_SET_STATUS	0x4121	/* struct abuse_info, in */
#define ABUSE_SET_POLL		0x4122	/* never implemented: EOPNOTSUPP */
#define ABUSE_RESET		0x4123	/* no argument */
#define ABUSE_GET_BIO		0x4124	/* struct abuse_xfr_hdr, in and out */
#define ABUSE_PUT_BIO		0x4125	/* struct abuse_xfr_hdr, in */

/* The ABI of today */
#define ABUSE_XFER		0x4126	/* struct abuse_xfer, in and out */
#define ABUSE_SETUP		0x4127	/* struct abuse_config, in */
#define ABUSE_STATUS		0x4128	/* struct abuse_status, out */
#define ABUSE_REQUEUE		0x4129	/* no argument */
#define ABUSE_REMOVE		0x412a	/* no argument */
#define ABUSE_SERVE		0x412b	/* struct abuse_serve, in and out */
#define ABUSE_SERVERS		0x412c	/* struct abuse_list, in and out */
#define ABUSE_REQUESTS		0x412d	/* struct abuse_list, in and out */
#define ABUSE_QUIESCE		0x412e	/* struct abuse_quiesce, in and out */
#define ABUSE_REMOVE_LAZY	0x412f	/* no argument */
#define ABUSE_ADD		0x4130	/* __u32, in and out: N of /dev/abctlN */
#define ABUSE_MAP		0x4131	/* struct abuse_extents, in and out */
#define ABUSE_UNMAP		0x4132	/* struct abuse_extents, in and out */
#define ABUSE_EXTENTS		0x4133	/* struct abuse_list, in and out */
#define ABUSE_LENT		0x4134	/* struct abuse_lent, in and out */

/*
 * ABUSE_RESET takes the disk away even while it is in use. ABUSE_REMOVE does
 * so only if nobody has the disk or a partition open, and fails with EBUSY
 * otherwise; nobody can open it between the check and the removal.
 *
 * ABUSE_REMOVE_LAZY returns at once, and the disk goes, as with ABUSE_REMOVE,
 * as soon as nobody has it or a partition open. Until then it works as before,
 * and others may still open it. A setup or reconnect fails with EBUSY
 * meanwhile, another ABUSE_REMOVE_LAZY changes nothing, and ABUSE_RESET takes
 * the disk away without waiting. The call cannot be taken back.
 */

/*
 * ABUSE_ADD makes another device, with a control node, which is there until the
 * module is unloaded: device N, or for ABUSE_ANY_DEVICE the lowest N that is not
 * there yet. It says which N.
 */
#define ABUSE_ANY_DEVICE	0xffffffff

/**
 * enum abuse_flags - what a device is, and how it is set up
 * @ABUSE_FLAGS_READ_ONLY: writes are refused
 * @ABUSE_FLAGS_RECONNECT: change a device that is set up already; setup without
 *	this flag then fails with EBUSY. Never reported.
 * @ABUSE_FLAGS_WRITE_CACHE: an answered write may be volatile until a flush;
 *	flush and FUA are sent to the server
 * @ABUSE_FLAGS_DISCARD: discard is offered to the users of the disk
 * @ABUSE_FLAGS_WRITE_ZEROES: write zeroes is offered to the users of the disk
 * @ABUSE_FLAGS_AUTOREMOVE: the device is reset, as ABUSE_RESET does it, when
 *	the open file that set it up is closed, by its process or by its end,
 *	whoever uses the disk. A reconnect may clear this flag and not set it.
 * @ABUSE_FLAGS_PARTSCAN: the disk's partition table is read once somebody
 *	serves, even if the module's parameter max_part is 0; it takes
 *	CAP_SYS_ADMIN to set a disk up so, as the kernel believes the table
 * @ABUSE_FLAGS_ROTATIONAL: the storage has moving parts, so that its users
 *	arrange requests by place
 * @ABUSE_FLAGS_MAPPABLE: bytes of the disk may be mapped to other block
 *	devices, or to memory, see ABUSE_MAP
 *
 * The first two exist in both ABIs, the others are for ABUSE_SETUP only.
 */
enum abuse_flags {
	ABUSE_FLAGS_READ_ONLY		= 1,
	ABUSE_FLAGS_RECONNECT		= 2,
	ABUSE_FLAGS_WRITE_CACHE		= 4,
	ABUSE_FLAGS_DISCARD		= 8,
	ABUSE_FLAGS_WRITE_ZEROES	= 16,
	ABUSE_FLAGS_AUTOREMOVE		= 32,
	ABUSE_FLAGS_PARTSCAN		= 64,
	ABUSE_FLAGS_ROTATIONAL		= 128,
	ABUSE_FLAGS_MAPPABLE		= 256,
};

/**
 * enum abuse_command - what a request asks for
 * @ABUSE_READ: the put supplies the data
 * @ABUSE_WRITE: the get or the put delivers the data
 * @ABUSE_SYNC_NOTIFICATION: flush: every write answered before this request
 *	was handed out must be durable before it is answered. It has no data
 *	and no range: sector and length are 0.
 * @ABUSE_DISCARD: the range is no longer needed, and the server decides what
 *	later reads of it return. It has a length, but no data.
 * @ABUSE_WRITE_ZEROES: the range must read as zeros. It has a length, but no
 *	data.
 */
enum abuse_command {
	ABUSE_READ			= 0,
	ABUSE_WRITE			= 1,
	ABUSE_SYNC_NOTIFICATION		= 2,
	ABUSE_DISCARD			= 3,
	ABUSE_WRITE_ZEROES		= 4,
};

/**
 * enum abuse_result - how a server answers
 * @ABUSE_RESULT_OKAY: done
 * @ABUSE_RESULT_MEDIA_FAILURE: this request fails with an I/O error
 * @ABUSE_RESULT_DEVICE_FAILURE: this request, every other one and all later
 *	ones fail with an I/O error, until the device is reset or reconnected
 * @ABUSE_RESULT_COPY: not an answer: it copies data of a read or write, all of
 *	it or a part, and the request stays owned. ABUSE_XFER only. If it is
 *	refused, any part of the data may have been copied.
 * @ABUSE_RESULT_NO_SPACE: this request fails with ENOSPC
 * @ABUSE_RESULT_TIMEOUT: this request fails with ETIMEDOUT
 * @ABUSE_RESULT_REMOTE_FAILURE: this request fails with EREMOTEIO
 * @ABUSE_RESULT_RETRY: what is asked for is submitted anew, and now takes the
 *	way that is mapped, or comes back. Not for a flush; only with
 *	ABUSE_FLAGS_MAPPABLE.
 *
 * The last four are for ABUSE_XFER only.
 */
enum abuse_result {
	ABUSE_RESULT_OKAY		= 0,
	ABUSE_RESULT_MEDIA_FAILURE	= 1,
	ABUSE_RESULT_DEVICE_FAILURE	= 2,
	ABUSE_RESULT_COPY		= 3,
	ABUSE_RESULT_NO_SPACE		= 4,
	ABUSE_RESULT_TIMEOUT		= 5,
	ABUSE_RESULT_REMOTE_FAILURE	= 6,
	ABUSE_RESULT_RETRY		= 7,
};

/**
 * struct abuse_info - ABUSE_GET_STATUS and ABUSE_SET_STATUS
 * @ab_device: out: dev_t of the block device, 0 while there is none
 * @ab_size: bytes, a multiple of @ab_blocksize; 0, out only: not set up
 * @ab_number: out: N of /dev/abctlN
 * @ab_flags: ABUSE_FLAGS_READ_ONLY and, in only, ABUSE_FLAGS_RECONNECT
 * @ab_blocksize: bytes, a power of two from 512 to the page size (up to 64 KiB
 *	on kernels that can do it)
 * @ab_max_queue: queue depth, 1 to ABUSE_MAX_DEPTH
 * @ab_queue_size: out: requests that are not answered yet
 * @ab_errors: out: requests that failed since setup
 * @ab_max_vecs: out: the room that ABUSE_GET_BIO needs, in vectors
 */
struct abuse_info {
	__u64	ab_device;
	__u64	ab_size;
	__u32	ab_number;
	__u32	ab_flags;
	__u32	ab_blocksize;
	__u32	ab_max_queue;
	__u32	ab_queue_size;
	__u32	ab_errors;
	__u32	ab_max_vecs;
};

/**
 * struct abuse_vec - a piece of a request's data
 * @ab_address: in, PUT: where the data comes from (read) or goes to (write)
 * @ab_len: bytes, the page size except in the last piece; PUT: the same value
 * @ab_offset: 0
 */
struct abuse_vec {
	__u64	ab_address;
	__u32	ab_len;
	__u32	ab_offset;
};

/**
 * struct abuse_xfr_hdr - ABUSE_GET_BIO and ABUSE_PUT_BIO
 * @ab_id: opaque; PUT: as GET returned it. Never 0.
 * @ab_sector: first sector of 512 bytes; PUT: as GET returned it
 * @ab_command: enum abuse_command; PUT: as GET returned it
 * @ab_result: PUT: enum abuse_result
 * @ab_vec_count: GET: out, pieces of data; PUT: as GET returned it. A discard
 *	or write zeroes has one piece, as long as the request.
 * @ab_vec_offset: ignored
 * @ab_transfer_address: address of the struct abuse_vec array. GET fills it,
 *	so it needs room for ab_max_vecs; 0 is allowed for GET, and for a PUT
 *	of a write whose data is not wanted.
 */
struct abuse_xfr_hdr {
	__u64	ab_id;
	__u64	ab_sector;
	__u32	ab_command;
	__u32	ab_result;
	__u32	ab_vec_count;
	__u32	ab_vec_offset;
	__u64	ab_transfer_address;
};

/* Bounds that setup checks */
#define ABUSE_MAX_DEPTH		4096		/* requests of a queue */
#define ABUSE_MAX_QUEUES	4096		/* and no more than CPUs */
#define ABUSE_MAX_REQUEST	(1024 * 1024)	/* bytes */
#define ABUSE_MAX_VECS		256		/* ab_max_vecs */
#define ABUSE_MAX_RANGE		0xfff00000	/* bytes of a discard or write zeroes */
#define ABUSE_MAX_IO_SIZE	(16 * 1024 * 1024)	/* io_min and io_opt */
#define ABUSE_MAX_TIMEOUT	(24 * 60 * 60 * 1000)	/* milliseconds */
/* Queues times depth, for a caller without CAP_SYS_RESOURCE */
#define ABUSE_MAX_USER_REQUESTS	4096
/* Extents of a disk, likewise */
#define ABUSE_MAX_USER_EXTENTS	65536

/**
 * struct abuse_config - ABUSE_SETUP
 * @size: in: sizeof(struct abuse_config)
 * @flags: enum abuse_flags
 * @capacity: bytes, a multiple of @block_size, up to 2^63 - 1. A reconnect may
 *	make it larger.
 * @block_size: bytes, as ab_blocksize. A reconnect must not change it.
 * @physical_block_size: bytes that the storage writes at once: a power of two
 *	from @block_size to ABUSE_MAX_REQUEST, or 0 for @block_size. A
 *	reconnect must give the same or 0.
 * @queue_depth: requests of one hardware queue, 1 to ABUSE_MAX_DEPTH. A
 *	reconnect may lower it, or raise it again up to that of the first setup.
 * @queues: hardware queues, 0 for 1; no more than there are CPUs. A reconnect
 *	must give the same or 0.
 * @max_request: bytes, the longest read or write: a multiple of @block_size
 *	from the page size to ABUSE_MAX_REQUEST, or 0 for ABUSE_MAX_REQUEST. A
 *	reconnect must give the same or 0.
 * @timeout_ms: milliseconds after which an unanswered request fails, at most
 *	ABUSE_MAX_TIMEOUT; 0 for never. A reconnect may change it for later
 *	requests.
 * @orphan_ms: milliseconds that requests wait after the last open file that
 *	served was closed. From then on they fail until somebody serves again.
 *	At most ABUSE_MAX_TIMEOUT; 0: they wait for ever. A reconnect may
 *	change it.
 * @unserved_ms: the same from setup on, while nobody has ever served
 * @io_min: bytes, the least that the disk's users had better read or write at
 *	once, or 0 for @physical_block_size
 * @io_opt: bytes, what they had better read or write at once, or 0 if it does
 *	not matter
 * @discard_granularity: bytes that the storage frees at once, or 0 for
 *	@physical_block_size
 * @max_discard: bytes, the longest discard: a multiple of @discard_granularity,
 *	or 0 for the longest possible
 * @max_write_zeroes: bytes, the longest write zeroes: a multiple of
 *	@block_size, or 0 for ABUSE_MAX_RANGE
 * @reserved: 0
 *
 * @io_min and @io_opt are up to ABUSE_MAX_IO_SIZE, @max_discard and
 * @max_write_zeroes up to ABUSE_MAX_RANGE. @io_min, @io_opt and
 * @discard_granularity are multiples of @physical_block_size. A reconnect must
 * give the same as the first setup for each of the five, or 0. What belongs to
 * discard or write zeroes must be 0 where that is not offered.
 *
 * An open file serves from the first get that it tries until it is closed.
 * A reconnect starts the time of @orphan_ms and @unserved_ms anew.
 *
 * Flags other than ABUSE_FLAGS_READ_ONLY must not change in a reconnect, except
 * that ABUSE_FLAGS_AUTOREMOVE may go.
 * Without CAP_SYS_RESOURCE @queues times @queue_depth may be up to
 * ABUSE_MAX_USER_REQUESTS; more fails with EPERM.
 */
struct abuse_config {
	__u32	size;
	__u32	flags;
	__u64	capacity;
	__u32	block_size;
	__u32	physical_block_size;
	__u32	queue_depth;
	__u32	queues;
	__u32	max_request;
	__u32	timeout_ms;
	__u32	orphan_ms;
	__u32	unserved_ms;
	__u32	io_min;
	__u32	io_opt;
	__u32	discard_granularity;
	__u32	max_discard;
	__u32	max_write_zeroes;
	__u32	reserved;
};

/*
 * How long requests took, from submission to answer. The first buckets count
 * those that took 0, 1, 2 and 3 microseconds; from 4 on there are four buckets
 * for each power of two. The last one also counts all that took longer.
 *
 *	bucket = us < 4 ? us : 4 * (log2(us) - 1) + (us >> (log2(us) - 2)) % 4
 */
#define ABUSE_LATENCY_BUCKETS	96

/**
 * enum abuse_state - the present state of a device
 * @ABUSE_STATE_NONE: not set up
 * @ABUSE_STATE_LIVE: set up
 * @ABUSE_STATE_FAILED: set up, but a server answered
 *	ABUSE_RESULT_DEVICE_FAILURE: every request fails until a reset or a
 *	reconnect
 * @ABUSE_STATE_ORPHANED: set up, but nobody has served for longer than
 *	orphan_ms or unserved_ms: every request fails until somebody does
 *
 * There may be more to come: what is not ABUSE_STATE_NONE is set up.
 */
enum abuse_state {
	ABUSE_STATE_NONE	= 0,
	ABUSE_STATE_LIVE	= 1,
	ABUSE_STATE_FAILED	= 2,
	ABUSE_STATE_ORPHANED	= 3,
};

/**
 * enum abuse_condition - what was asked for, and lasts
 * @ABUSE_CONDITION_LEAVING: ABUSE_REMOVE_LAZY: the disk goes when its last user
 *	has closed it
 * @ABUSE_CONDITION_QUIESCED: ABUSE_QUIESCE: no request is handed out
 */
enum abuse_condition {
	ABUSE_CONDITION_LEAVING		= 1,
	ABUSE_CONDITION_QUIESCED	= 2,
};

/**
 * struct abuse_status - ABUSE_STATUS
 * @size: in: sizeof(struct abuse_status); out: bytes filled in
 * @flags: enum abuse_flags
 * @device: dev_t of the block device, 0 while there is none
 * @capacity: bytes; 0: not set up
 * @number: N of /dev/abctlN
 * @state: enum abuse_state
 * @block_size: bytes
 * @physical_block_size: bytes
 * @queue_depth: requests of one hardware queue
 * @queues: hardware queues
 * @max_request: bytes
 * @timeout_ms: milliseconds, 0 for never
 * @pending: requests that nobody has taken
 * @owned: requests that an open file has taken and not answered yet
 * @servers: open files of the control node that have asked for requests
 * @openers: how often the block device and its partitions are open, mounts
 *	and swap included
 * @gets: requests handed out, redelivered ones counted again
 * @puts: requests answered
 * @redelivered: requests handed out again after they were requeued
 * @stale: puts refused because the caller did not own the request (any more)
 * @timeouts: requests that timed out
 * @errors: requests that failed, for any reason
 * @capacity_limit: the largest @capacity
 * @block_size_limit: the largest @block_size
 * @queue_depth_limit: the largest @queue_depth; while the device is set up, the
 *	largest that a reconnect accepts
 * @queues_limit: the largest @queues
 * @requests_limit: the largest @queues times @queue_depth for this caller
 * @max_request_least: the smallest @max_request
 * @max_request_limit: the largest @max_request
 * @timeout_limit_ms: the largest @timeout_ms, @orphan_ms, and @unserved_ms
 * @batch_limit: the most puts, and the most gets, in one ABUSE_XFER
 * @pieces_limit: the most pieces of memory in one put
 * @put_size: sizeof(struct abuse_put) in this kernel
 * @get_size: sizeof(struct abuse_get) in this kernel
 * @latency: answered requests by how long they took
 * @orphan_ms: milliseconds, 0 for never
 * @unserved_ms: milliseconds, 0 for never
 * @io_min: bytes
 * @io_opt: bytes, 0 if it does not matter
 * @discard_granularity: bytes, 0 if discard is not offered
 * @max_discard: bytes, 0 if discard is not offered
 * @max_write_zeroes: bytes, 0 if write zeroes is not offered
 * @conditions: enum abuse_condition; there may be more to come
 * @mapped_reads: reads that the kernel carried out by itself, see ABUSE_MAP; a
 *	read that is cut counts as its pieces
 * @mapped_writes: writes, likewise
 * @mapped_read_bytes: bytes of those reads
 * @mapped_written_bytes: bytes of those writes
 * @misses: reads and writes of a disk that is mappable that were for servers,
 *	because they were not mapped; as many pieces as they were cut into
 * @faults: how often servers got what a target failed. If a server has it
 *	submitted anew it may fail again, and counts again; among
 *	@mapped_reads, @mapped_writes and @misses it is counted where it went
 *	first, and not again.
 * @extents: how many are mapped now
 *
 * Discards and write zeroes are neither mapped reads nor mapped writes, nor
 * misses, as they move no bytes; only @faults counts them, too. All counters but
 * @servers and @extents start at setup.
 */
struct abuse_status {
	__u32	size;
	__u32	flags;
	__u64	device;
	__u64	capacity;
	__u32	number;
	__u32	state;
	__u32	block_size;
	__u32	physical_block_size;
	__u32	queue_depth;
	__u32	queues;
	__u32	max_request;
	__u32	timeout_ms;
	__u32	pending;
	__u32	owned;
	__u32	servers;
	__u32	openers;
	__u64	gets;
	__u64	puts;
	__u64	redelivered;
	__u64	stale;
	__u64	timeouts;
	__u64	errors;
	__u64	capacity_limit;
	__u32	block_size_limit;
	__u32	queue_depth_limit;
	__u32	queues_limit;
	__u32	requests_limit;
	__u32	max_request_least;
	__u32	max_request_limit;
	__u32	timeout_limit_ms;
	__u32	batch_limit;
	__u32	pieces_limit;
	__u16	put_size;
	__u16	get_size;
	__u64	latency[ABUSE_LATENCY_BUCKETS];
	__u32	orphan_ms;
	__u32	unserved_ms;
	__u32	io_min;
	__u32	io_opt;
	__u32	discard_granularity;
	__u32	max_discard;
	__u32	max_write_zeroes;
	__u32	conditions;
	__u64	mapped_reads;
	__u64	mapped_writes;
	__u64	mapped_read_bytes;
	__u64	mapped_written_bytes;
	__u64	misses;
	__u64	faults;
	__u64	extents;
};

#define ABUSE_NO_LIMIT		(~(__u32)0)

/**
 * enum abuse_quiesce_flags - what to do
 * @ABUSE_QUIESCE_RESUME: requests are handed out again
 */
enum abuse_quiesce_flags {
	ABUSE_QUIESCE_RESUME	= 1,
};

/**
 * struct abuse_quiesce - ABUSE_QUIESCE: hand out no requests for a while
 * @size: in: sizeof(struct abuse_quiesce)
 * @flags: enum abuse_quiesce_flags
 * @timeout_ms: how long to wait until nothing is owned, at most a day; 0: do
 *	not wait; ABUSE_NO_LIMIT: no limit. 0 with ABUSE_QUIESCE_RESUME.
 * @owned: out: requests that an open file has taken and not answered yet. Told
 *	if the call ends well, and with ETIME, EINTR and ECANCELED.
 *
 * While a device is quiesced, gets and polls find nothing pending. New requests
 * wait, and so do those that are requeued; those that are owned may be answered.
 * The time that requests wait for a server stands still and starts anew at the
 * resume, and so does the time that a request may take.
 *
 * It stays so, whoever called this ends, until ABUSE_QUIESCE_RESUME or a reset;
 * a reconnect changes nothing. It is a state of the device and no counter: the
 * second call that quiesces is the same as the first, one resume undoes both,
 * and a resume of what is not quiesced does nothing. So there is one call for
 * both: whoever finds a device quiesced can wait for it, or resume it, without
 * knowing who did what before.
 *
 * A wait that fails leaves the device quiesced: with ETIME after @timeout_ms,
 * with EINTR when a signal comes. It fails with ECANCELED if somebody resumes
 * meanwhile, and with ENODEV after a reset.
 */
struct abuse_quiesce {
	__u32	size;
	__u32	flags;
	__u32	timeout_ms;
	__u32	owned;
};

#define ABUSE_ANY_QUEUE		(~(__u32)0)
#define ABUSE_IDENTITY_SIZE	32
#define ABUSE_TEXT_SIZE		128

/**
 * struct abuse_serve - ABUSE_SERVE: an open file says what it serves
 * @size: in: sizeof(struct abuse_serve)
 * @flags: 0
 * @queue: the hardware queue that this open file serves, or ABUSE_ANY_QUEUE.
 *	Its gets and its poll are then about this queue alone.
 * @pid: out, EBUSY only: the process that serves something else, numbered as
 *	the caller sees it; 0 if it is gone or the caller cannot see it
 * @identity: stands for what is served; all 0: not said
 * @text: in: the same in words, ended by a NUL; out, EBUSY only: what the
 *	others said
 *
 * While an open file serves one identity, any other identity is refused with
 * EBUSY, because its content would not be that of the disk. An open file that
 * says none, or never makes this call, is not compared.
 *
 * An open file can say it once; after that the call fails with EALREADY. From
 * then on the open file belongs to this setup of the device: after a reset its
 * transfers, ABUSE_QUIESCE, and both calls that remove fail with ENODEV for
 * good, even if the device is set up again.
 */
struct abuse_serve {
	__u32	size;
	__u32	flags;
	__u32	queue;
	__u32	pid;
	__u8	identity[ABUSE_IDENTITY_SIZE];
	char	text[ABUSE_TEXT_SIZE];
};

/* The most pieces of memory that a put may name */
#define ABUSE_MAX_PIECES	1024

/**
 * struct abuse_piece - memory of the server
 * @address: where it starts
 * @length: bytes
 */
struct abuse_piece {
	__u64	address;
	__u64	length;
};

/**
 * struct abuse_put - one answer
 * @id: the request, as its get returned it
 * @address: read: where the data is; write: where the data goes, or 0 if it is
 *	not wanted. Unused by other commands and by a failure.
 * @result: enum abuse_result
 * @status: out: 0, or a negative errno: ENOMSG: this open file does not, or no
 *	longer, own the request; EINVAL: unknown result, or a part or pieces
 *	that do not fit; EFAULT: bad address; EBUSY: another thread is putting
 *	it; EAGAIN: see ABUSE_XFER_NO_FAULT; EINTR: the caller is being killed;
 *	E2BIG: the part of the put that this kernel does not know is not zero.
 *	After all of these but ENOMSG the request is still owned.
 * @offset: ABUSE_RESULT_COPY: bytes, where the part to copy starts; else 0
 * @length: ABUSE_RESULT_COPY: bytes of the part, 0 for all that follows; else 0
 * @nr_pieces: 0, or the number of struct abuse_piece in an array at @address,
 *	at most ABUSE_MAX_PIECES; their lengths add up to what is copied
 * @reserved: 0
 */
struct abuse_put {
	__u64	id;
	__u64	address;
	__u32	result;
	__s32	status;
	__u32	offset;
	__u32	length;
	__u32	nr_pieces;
	__u32	reserved;
};

/**
 * enum abuse_get_flags - more about a request; a server ignores unknown ones
 * @ABUSE_GET_FUA: this write must be durable before it is answered
 * @ABUSE_GET_REDELIVERED: an earlier owner went away without an answer, and
 *	may have carried out the request, in part or as a whole
 * @ABUSE_GET_NOUNMAP: this write zeroes should leave the space allocated
 * @ABUSE_GET_META: a hint: metadata of a filesystem
 * @ABUSE_GET_RAHEAD: a hint: a read that nobody waits for yet
 * @ABUSE_GET_SWAP: a hint: a page of swap
 * @ABUSE_GET_FAULT: it was carried out where its bytes are mapped, and failed
 *	there
 */
enum abuse_get_flags {
	ABUSE_GET_FUA		= 1,
	ABUSE_GET_REDELIVERED	= 2,
	ABUSE_GET_NOUNMAP	= 4,
	ABUSE_GET_META		= 8,
	ABUSE_GET_RAHEAD	= 16,
	ABUSE_GET_SWAP		= 32,
	ABUSE_GET_FAULT		= 64,
};

/**
 * struct abuse_get - one request
 * @id: opaque; names the request in its put; never 0
 * @sector: first sector of 512 bytes
 * @address: the request's piece of the buffer given to ABUSE_XFER, where a
 *	write's data is and a read's may be prepared; 0 without a buffer
 * @length: bytes
 * @command: enum abuse_command
 * @flags: enum abuse_get_flags
 */
struct abuse_get {
	__u64	id;
	__u64	sector;
	__u64	address;
	__u32	length;
	__u16	command;
	__u16	flags;
};

#define ABUSE_NO_TIMEOUT	(~(__u64)0)
#define ABUSE_BUSY_AUTO		(~(__u32)0)
#define ABUSE_MAX_BUSY		10000000	/* nanoseconds */
#define ABUSE_MAX_BATCH		4096
#define ABUSE_MAX_ELEMENT	256	/* bytes of later puts and gets */

/**
 * enum abuse_xfer_flags - how to transfer
 * @ABUSE_XFER_DRAIN: from now on this open file is handed no requests: its
 *	calls that wait return, and later ones do not wait. It may still put.
 * @ABUSE_XFER_NO_FAULT: a put whose data is in memory that is not present, such
 *	as a page of a mapped file, gets EAGAIN instead of waiting for it.
 *	Another thread can then put it, and wait, without this flag.
 */
enum abuse_xfer_flags {
	ABUSE_XFER_DRAIN	= 1,
	ABUSE_XFER_NO_FAULT	= 2,
};

/**
 * struct abuse_xfer - ABUSE_XFER: answer some requests and receive others
 * @size: in: sizeof(struct abuse_xfer)
 * @flags: enum abuse_xfer_flags
 * @puts: address of an array of struct abuse_put
 * @gets: address of an array of struct abuse_get
 * @buffer: address of memory for data, aligned to 4096, or 0. Each read and
 *	write that is handed out gets a piece of it, aligned to 4096; a request
 *	that does not fit stays pending.
 * @buffer_size: bytes, at least the device's max_request; the buffer must not
 *	wrap around the end of the address space
 * @timeout_ns: how long to wait for @min_gets; ABUSE_NO_TIMEOUT: no limit
 * @nr_puts: in: answers in @puts, up to ABUSE_MAX_BATCH; out: how many of them
 *	were taken
 * @nr_gets: in: room in @gets, up to ABUSE_MAX_BATCH; out: requests received
 * @min_gets: how many requests to wait for; 0: do not wait
 * @queue: the hardware queue to get from, or ABUSE_ANY_QUEUE, which stands for
 *	its own queue if the open file serves only one (ABUSE_SERVE)
 * @put_size: sizeof(struct abuse_put), as the caller knows it
 * @get_size: sizeof(struct abuse_get), as the caller knows it
 * @busy_ns: how long the call looks for requests before it sleeps, at most;
 *	longer than ABUSE_MAX_BUSY is as long as that; 0: it sleeps at once;
 *	ABUSE_BUSY_AUTO: as long as was worth it lately for this open file. It
 *	sleeps sooner when somebody else could run on its processor.
 *
 * Puts come first, those of one request in their order, then gets, the oldest
 * request of a queue first; the queues take turns. If the structure is wrong,
 * the call fails as a whole, before any put. A bad put does not affect the
 * others, but after one the call does not wait. A call that a signal interrupts
 * returns what it has; it fails with EINTR if it has received and answered
 * nothing. A call that a reset interrupts fails with ENODEV.
 */
struct abuse_xfer {
	__u32	size;
	__u32	flags;
	__u64	puts;
	__u64	gets;
	__u64	buffer;
	__u64	buffer_size;
	__u64	timeout_ns;
	__u32	nr_puts;
	__u32	nr_gets;
	__u32	min_gets;
	__u32	queue;
	__u16	put_size;
	__u16	get_size;
	__u32	busy_ns;
};

/**
 * struct abuse_list - ABUSE_SERVERS, ABUSE_REQUESTS and ABUSE_EXTENTS: what
 *	there is
 * @size: in: sizeof(struct abuse_list)
 * @flags: 0
 * @elements: address of an array of struct abuse_server, struct abuse_request
 *	or struct abuse_extent
 * @cursor: in: 0, or what the call before told; out: where to go on, 0 when
 *	that was all
 * @element_size: size of such a structure, as the caller knows it
 * @nr: in: room in @elements, up to ABUSE_MAX_BATCH; out: how many were filled
 * @total: out: how many there are
 * @reserved: 0
 *
 * The queues go on meanwhile, so this is no picture of one moment. Who serves,
 * and what is unanswered, from the first call to the last one, is told once.
 */
struct abuse_list {
	__u32	size;
	__u32	flags;
	__u64	elements;
	__u64	cursor;
	__u32	element_size;
	__u32	nr;
	__u32	total;
	__u32	reserved;
};

/**
 * enum abuse_extent_flags - what is mapped
 * @ABUSE_EXTENT_WRITE: writes, too. Without it only reads are.
 * @ABUSE_EXTENT_MEMORY: the target is a file in memory, and no block device
 * @ABUSE_EXTENT_DISCARD: discards, too; only with ABUSE_EXTENT_WRITE. In memory
 *	they leave zeros.
 * @ABUSE_EXTENT_WRITE_ZEROES: write zeroes, too; only with ABUSE_EXTENT_WRITE
 */
enum abuse_extent_flags {
	ABUSE_EXTENT_WRITE		= 1,
	ABUSE_EXTENT_MEMORY		= 2,
	ABUSE_EXTENT_DISCARD		= 4,
	ABUSE_EXTENT_WRITE_ZEROES	= 8,
};

/**
 * struct abuse_extent - bytes of the disk that are bytes of a block device, or of
 *	memory
 * @offset: bytes, of the disk
 * @length: bytes
 * @target_offset: bytes, of the block device or the file; ABUSE_UNMAP ignores it
 * @target: in: a file descriptor of that block device, or with
 *	ABUSE_EXTENT_MEMORY of a memfd or another file of tmpfs or hugetlbfs,
 *	open for reads, and with ABUSE_EXTENT_WRITE for writes; out: the number
 *	of the device, as ab_device, or of the file's inode. ABUSE_UNMAP ignores
 *	it.
 * @flags: enum abuse_extent_flags
 * @filesystem: in: 0; ABUSE_UNMAP ignores it; out: the number of the device that
 *	stat(2) reports for the file, without which that of the inode names no
 *	file; 0 for a block device
 *
 * @offset, @length and @target_offset are multiples of the disk's block size.
 */
struct abuse_extent {
	__u64	offset;
	__u64	length;
	__u64	target_offset;
	__u64	target;
	__u32	flags;
	__u32	filesystem;
};

/**
 * enum abuse_map_flags - how to map
 * @ABUSE_MAP_REPLACE: also where something is mapped already; without it that
 *	fails with EEXIST
 */
enum abuse_map_flags {
	ABUSE_MAP_REPLACE	= 1,
};

/**
 * struct abuse_extents - ABUSE_MAP and ABUSE_UNMAP
 * @size: in: sizeof(struct abuse_extents)
 * @flags: enum abuse_map_flags; ABUSE_UNMAP: 0
 * @extents: address of an array of struct abuse_extent
 * @element_size: size of such a structure, as the caller knows it
 * @nr: how many there are, up to ABUSE_MAX_BATCH
 * @done: out: how many of them were mapped or unmapped, all or those before the
 *	one that failed
 * @reserved: 0
 *
 * From the end of ABUSE_MAP on the kernel carries out reads by itself, and writes,
 * discards and write zeroes if they are mapped. What is not mapped goes to the
 * servers as ever. A flush is for the targets, and for the servers if they have
 * changed anything since the last one. A request that a server has taken, or that
 * waits for one, still ends there.
 *
 * The kernel keeps the block device open, and claims it, until nothing is mapped
 * to it any more; no descriptor is needed for that. What the page cache has of
 * it is written and dropped first. Mappings stay when servers end, until
 * ABUSE_UNMAP or a reset.
 *
 * What is unmapped or replaced is not used any more when the call returns, and
 * a device to which nothing is mapped any more has been given up, unless another
 * ABUSE_MAP that leads there is under way; and flushed, if something was written
 * to it through the disk since the last flush. So the call waits for all mapped
 * I/O that is under way, on every device. An extent that says what is said there
 * already replaces nothing.
 *
 * If the block device fails a request, a server gets it, marked with
 * ABUSE_GET_FAULT; if there is no server, the request fails.
 *
 * Memory that is lent so is kept in memory, and counts for RLIMIT_MEMLOCK of the
 * caller's user, until it is unmapped. An extent counts with all of each page in
 * which it lies, a huge one, too. The kernel copies to and from it when a request
 * is submitted. There is nothing to flush. It stays when the caller ends,
 * and ABUSE_LENT has it for a later one. Whoever cuts the file, or makes holes in
 * it, takes those pages out of the file, but not away from the disk.
 *
 * ABUSE_MAP fails with ENOTBLK for what is no block device, EACCES for one that
 * is not open as it needs, EBUSY for one that others claim, ELOOP for a disk
 * that is mapped itself, EMEDIUMTYPE for one with larger blocks, or with zones,
 * or that needs what is written to stay as it is meanwhile, and for a file that
 * is not in memory, ENOSPC beyond its end, ENOMEM beyond RLIMIT_MEMLOCK without
 * CAP_IPC_LOCK, ENFILE, EROFS or ETXTBSY if a file in memory cannot be opened
 * once more, EINVAL beyond the end of the disk or for flags that do not go together,
 * and EOPNOTSUPP without ABUSE_FLAGS_MAPPABLE, and for a device that cannot do the
 * discards or write zeroes that are to be mapped. On a disk without
 * ABUSE_FLAGS_WRITE_CACHE no device that has a volatile write cache can do write
 * zeroes, as they cannot be made durable before they are answered. Either call
 * fails with EPERM if there would be more than ABUSE_MAX_USER_EXTENTS, without
 * CAP_SYS_RESOURCE: to unmap the middle of one makes two. It fails with EIO if a
 * device that is given up could not be flushed, and then so does the next flush of
 * the disk; or if a device cannot be opened, or what the page cache has of it could
 * not be written out. If it fails with ENOMEM, the first part of the extent after
 * those that are @done may have been changed.
 */
struct abuse_extents {
	__u32	size;
	__u32	flags;
	__u64	extents;
	__u32	element_size;
	__u32	nr;
	__u32	done;
	__u32	reserved;
};

/**
 * struct abuse_lent - ABUSE_LENT: the memory that a disk is mapped to
 * @size: in: sizeof(struct abuse_lent)
 * @flags: 0
 * @offset: in: bytes, any of the disk that is mapped to that memory
 * @descriptor: out: a new file descriptor of the file, opened anew, for reads,
 *	and for writes if the byte is mapped for writes; closed by exec
 * @reserved: 0
 *
 * Whoever may open the control node may have the whole file: lend one that has
 * nothing else. Whoever else has the file may cut it, and then touching what is
 * beyond its end kills: lend one that is sealed with F_SEAL_SHRINK, and do not map
 * one that is not. That suffices for ordinary pages; holes can be made in huge
 * ones. What is lent for reads stays as it is only with F_SEAL_WRITE. Fails with
 * ENOENT where no memory is mapped.
 */
struct abuse_lent {
	__u32	size;
	__u32	flags;
	__u64	offset;
	__s32	descriptor;
	__u32	reserved;
};

/**
 * enum abuse_server_flags - more about a server
 * @ABUSE_SERVER_DRAINING: it said ABUSE_XFER_DRAIN: it gets nothing any more
 * @ABUSE_SERVER_OVER: what it serves was reset since: it gets nothing any more
 */
enum abuse_server_flags {
	ABUSE_SERVER_DRAINING	= 1,
	ABUSE_SERVER_OVER	= 2,
};

#define ABUSE_COMMAND_SIZE	16

/**
 * struct abuse_server - ABUSE_SERVERS: an open file that has asked for requests
 * @server: its number, by which requests name it; never 0, and not used again
 * @gets: requests that it was handed since it was opened
 * @puts: requests that it answered since
 * @stale: its puts that were refused since, as the request was not its own (any
 *	more)
 * @pid: the process that asked last, as the caller sees it; 0 when it is gone
 *	or not to be seen by the caller
 * @uid: the user that it asked as, as the caller sees it; the overflow UID
 *	when the caller's user namespace has no number for it
 * @queue: the hardware queue that it serves, or ABUSE_ANY_QUEUE
 * @flags: enum abuse_server_flags
 * @waiting: its calls that wait for requests now; the bytes of all that such a
 *	call has answered are moved
 * @owned: requests that it has
 * @oldest_ms: milliseconds since the oldest of them was submitted
 * @idle_ms: milliseconds since it last began or ended a get or put
 * @command: the name of the process, ended by a NUL; empty when @pid is 0
 * @text: what it says that it serves (ABUSE_SERVE), ended by a NUL
 */
struct abuse_server {
	__u64	server;
	__u64	gets;
	__u64	puts;
	__u64	stale;
	__u32	pid;
	__u32	uid;
	__u32	queue;
	__u32	flags;
	__u32	waiting;
	__u32	owned;
	__u32	oldest_ms;
	__u32	idle_ms;
	char	command[ABUSE_COMMAND_SIZE];
	char	text[ABUSE_TEXT_SIZE];
};

/**
 * enum abuse_request_state - who has a request
 * @ABUSE_REQUEST_PENDING: nobody
 * @ABUSE_REQUEST_OWNED: an open file
 * @ABUSE_REQUEST_BUSY: an open file, and its data is being copied right now
 */
enum abuse_request_state {
	ABUSE_REQUEST_PENDING	= 0,
	ABUSE_REQUEST_OWNED	= 1,
	ABUSE_REQUEST_BUSY	= 2,
};

/**
 * struct abuse_request - ABUSE_REQUESTS: a request that is not answered
 * @server: the number of its owner, 0 for nobody
 * @sector: first sector of 512 bytes
 * @length: bytes
 * @command: enum abuse_command
 * @flags: enum abuse_get_flags
 * @state: enum abuse_request_state
 * @queue: its hardware queue
 * @gets: how often it was handed out
 * @pid: that of its owner, as in struct abuse_server
 * @age_ms: milliseconds since it was submitted
 * @reserved: 0
 */
struct abuse_request {
	__u64	server;
	__u64	sector;
	__u32	length;
	__u16	command;
	__u16	flags;
	__u32	state;
	__u32	queue;
	__u32	gets;
	__u32	pid;
	__u32	age_ms;
	__u32	reserved;
};

#endif /* _UAPI_ABUSE_H */
