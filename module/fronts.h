/* SPDX-License-Identifier: GPL-2.0 */
/* The types of a disk in front of another, and of a bio under way; see io.c and front.c. */
#ifndef ABUSE_FRONTS_H
#define ABUSE_FRONTS_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/llist.h>
#include <linux/workqueue.h>

#include "era.h"

struct abuse_set;

/*
 * Bios of one kind may wait long, as those for servers do, or for the next kind,
 * so none uses the reserves of another. Each lane of devices has kinds of its own,
 * as a device that does not answer keeps what it has. A call of submit_bio() begins
 * none before it returns, so it takes one of a kind at most, or all might wait for
 * reserves that nobody gives back; a worker has begun one before it takes the next.
 */
enum abuse_bios {
	ABUSE_BIOS_SERVER,
	ABUSE_BIOS_FLUSH,	/* parents of flushes, kept until all devices answer */
	ABUSE_BIOS_TARGETS,	/* clones, and flushes of devices; for the first lane */
	ABUSE_BIOS_SERVER_PART	= ABUSE_BIOS_TARGETS + ABUSE_TARGET_LANES,
	ABUSE_BIOS_PARTS	= ABUSE_BIOS_SERVER_PART, /* first parts of bios that are cut */
	ABUSE_BIOS_MEMORY_PART,	/* they end at once */
	ABUSE_BIOS_TARGET_PARTS,
	ABUSE_NR_BIOS		= ABUSE_BIOS_TARGET_PARTS + ABUSE_TARGET_LANES
};

/* What bios that go on wait for, or the first piece of them does */
enum abuse_lanes {
	ABUSE_LANE_SERVERS,
	ABUSE_LANE_FAULTS,	/* servers, as well */
	ABUSE_LANE_FLUSHES,	/* everything */
	ABUSE_LANE_MEMORY,	/* nothing */
	ABUSE_LANE_TARGETS,	/* a device; this is the first one of them */
	ABUSE_NR_LANES		= ABUSE_LANE_TARGETS + ABUSE_TARGET_LANES,
	ABUSE_NO_LANE		= ABUSE_NR_LANES	/* who submits it waits himself */
};

/* Instead of what was told of losses when a flush began: it begins now. */
#define ABUSE_BEGINS	S64_MAX

/**
 * struct abuse_lane - bios to be submitted one after the other
 * @front: their disk
 * @wq: for @work; NULL in a lane of targets until there is one. Memory may wait
 *	for any lane, and if there is none for another worker then all work of a
 *	workqueue is done by its one rescuer, which waits where that work waits.
 *	So lanes share it only if they wait for the same: servers and faults do,
 *	for a request of the disk behind, of which any that a server answers
 *	will do. Memory shares that of @sort, as neither waits.
 * @lock: guards @bios and @told
 * @bios: the bios
 * @told: no less was told of losses when any flush among them began
 * @starved: one of them is there again, because no memory was left; for @work alone
 * @work: submits them, and may have to wait; while it is queued it is one of the
 *	users of the front
 */
struct abuse_lane {
	struct abuse_front *front;
	struct workqueue_struct *wq;
	spinlock_t lock;	/* bios */
	struct bio_list bios;
	s64 told;
	bool starved;
	struct work_struct work;
};

/**
 * struct abuse_passed - what went where, on one processor
 * @reads: that a target carried out, or failed
 * @writes: likewise
 * @read_bytes: of those
 * @written_bytes: likewise
 * @misses: reads and writes for servers, because they were not mapped
 * @faults: those that servers got because a target had failed them
 */
struct abuse_passed {
	u64 reads;
	u64 writes;
	u64 read_bytes;
	u64 written_bytes;
	u64 misses;
	u64 faults;
};

/**
 * struct abuse_front - a disk in front
 * @map: where its bytes are
 * @users: one for each bio that is with servers, and one until the map is freed.
 *	These are in no era, because a server may change the map before it
 *	answers.
 * @behind: the disk whose requests go to servers
 * @set: who serves that
 * @passed: counters
 * @wrote: what servers have answered that changes the disk
 * @flushed: so much of it they have flushed
 * @bios: for clones and parts, each kind with reserves of its own
 * @lock: guards @dead, @parked and @told
 * @dead: no bio is parked any more
 * @parked: they wait until the map is not paused
 * @told: as in a lane, of flushes that are parked
 * @again: what goes on
 * @sort: puts that, and what was parked, into lanes; while it is queued it is one
 *	of @users
 * @wq: for @sort; that of all fronts, because what is done there waits for nothing
 * @lanes: by enum abuse_lanes
 * @free: frees the front
 */
struct abuse_front {
	struct abuse_map map;
	struct percpu_ref users;
	struct gendisk *behind;
	struct abuse_set *set;
	struct abuse_passed __percpu *passed;
	atomic64_t wrote;
	atomic64_t flushed;
	struct bio_set bios[ABUSE_NR_BIOS];
	spinlock_t lock;	/* what waits */
	bool dead;
	struct bio_list parked;
	s64 told;
	struct llist_head again;
	struct work_struct sort;
	struct workqueue_struct *wq;
	struct abuse_lane lanes[ABUSE_NR_LANES];
	struct work_struct free;
};

/*
 * Of a bio of the disk: it is counted where it went first, and not again when a
 * server has it submitted anew. Of a clone the flag is what it is in slots.h.
 */
#define ABUSE_BIO_COUNTED	REQ_DRV
/* Of one that is counted: so is a fault of it. In a clone this is a hint, and no harm. */
#define ABUSE_BIO_FAULTED	REQ_NOMERGE

/* What becomes of a bio when its clone has ended */
enum abuse_then {
	ABUSE_THEN_FAULT,	/* it ends, but if it failed servers get it */
	ABUSE_THEN_RETRY,	/* it ends, but servers may want it submitted anew */
	ABUSE_THEN_WRITE,	/* the flush before it is done, and its data follows */
	ABUSE_THEN_END,		/* a flush, in no statistics, ends */
	ABUSE_THEN_COUNT,	/* a part of a flush, which is no bio of the disk */
};

/**
 * struct abuse_io - a bio under way
 * @front: its disk
 * @era: of the map, while it is with a target, else NULL
 * @bio: the bio
 * @start: when it began, for the statistics of the disk
 * @then: enum abuse_then
 * @target: the device, as long as @era is there, else NULL; it waits for parts of
 *	flushes
 * @covers: of a part of a flush its number, see there; of another flush how much
 *	servers had written when it began; -1 for what is no flush
 * @losses: of a flush that is no part, when it began
 * @link: in the list of the front
 * @clone: what was submitted for it
 */
struct abuse_io {
	struct abuse_front *front;
	struct abuse_era *era;
	struct bio *bio;
	unsigned long start;
	enum abuse_then then;
	struct abuse_target *target;
	s64 covers;
	struct abuse_losses losses;
	struct llist_node link;
	struct bio clone;
};

#endif
