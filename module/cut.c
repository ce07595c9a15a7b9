// SPDX-License-Identifier: GPL-2.0
/*
 * Pieces of a bio that is mapped in several ways: where each ends, and what it waits
 * for. It must not know how a piece is carried out.
 */
#include "cut.h"
#include "io.h"
#include "lane.h"

/* So many sectors of memory are zeroed at once. */
#define ABUSE_ZERO_SECTORS	(SZ_16M >> SECTOR_SHIFT)

/**
 * abuse_front_go_on() - let a worker submit a bio, which waits for nobody else
 * @front: the disk, of which the caller is a user
 * @bio: of it; if it has a flush, that knows of no loss that it has yet to tell
 */
void abuse_front_go_on(struct abuse_front *front, struct bio *bio)
{
	enum abuse_lanes lane = ABUSE_LANE_SERVERS;
	struct abuse_era *era;

	if (bio->bi_opf & REQ_PREFLUSH) {
		abuse_lane_add(front, ABUSE_LANE_FLUSHES, bio,
			       abuse_map_losses(&front->map).told);
		return;
	}
	era = bio_sectors(bio) ? abuse_map_enter(&front->map) : NULL;
	if (era) {
		lane = abuse_piece_lane(abuse_map_find(&front->map,
						       bio->bi_iter.bi_sector).m,
					bio);
		abuse_era_leave(era);
	}
	abuse_lane_add(front, lane, bio, ABUSE_BEGINS);
}

/**
 * abuse_front_alloc_part() - get memory for the first piece of a bio
 * @front: the disk
 * @bio: of it
 * @to: what the piece waits for
 * @lane: whose worker this is, or ABUSE_NO_LANE
 *
 * It may have to wait for memory that servers have, and one of them for an era, so
 * none is held. What has that memory may be behind it in the lane, so a worker does
 * not wait for it.
 *
 * Return: the piece; NULL if the bio has ended, or is in a lane again.
 */
struct bio *abuse_front_alloc_part(struct abuse_front *front, struct bio *bio,
				   enum abuse_lanes to, enum abuse_lanes lane)
{
	enum abuse_bios kind = to == ABUSE_LANE_SERVERS ? ABUSE_BIOS_SERVER_PART :
			       to == ABUSE_LANE_MEMORY ? ABUSE_BIOS_MEMORY_PART :
			       ABUSE_BIOS_TARGET_PARTS + to - ABUSE_LANE_TARGETS;
	struct bio *part;

	/* A later piece could have to wait when an earlier one is under way. */
	if (bio->bi_opf & REQ_NOWAIT) {
		bio_wouldblock_error(abuse_bio_unmark(bio));
		return NULL;
	}
	part = bio_alloc_clone(bio->bi_bdev, bio,
			       lane == ABUSE_NO_LANE ? GFP_NOIO : GFP_NOWAIT,
			       &front->bios[kind]);
	if (!part) {
		front->lanes[lane].starved = true;
		abuse_front_go_on(front, bio);
	}
	return part;
}

/**
 * abuse_front_cut() - cut off what is behind the first piece
 * @front: the disk
 * @bio: of it
 * @part: from abuse_front_alloc_part()
 * @end: of the first piece, which begins now, so that it gives its memory back
 * @lane: whose worker this is, or ABUSE_NO_LANE
 *
 * In a lane the rest may have to wait for something else. Without one, it is no part,
 * whose memory is the front's, so the block layer may put it aside longer than the
 * front is there.
 *
 * Return: the first piece.
 */
struct bio *abuse_front_cut(struct abuse_front *front, struct bio *bio,
			    struct bio *part, sector_t end,
			    enum abuse_lanes lane)
{
	part->bi_iter.bi_size = (end - bio->bi_iter.bi_sector) << SECTOR_SHIFT;
	bio_advance(bio, part->bi_iter.bi_size);
	bio_chain(part, bio);
	if (lane == ABUSE_NO_LANE)
		submit_bio_noacct(bio);
	else
		abuse_front_go_on(front, bio);
	return part;
}

/**
 * abuse_front_piece_end() - where the first piece of a bio ends
 * @front: the disk, in an era
 * @bio: of it
 * @to: what the piece waits for
 * @at: the place of its first sector; out: those of a piece in memory that has data
 *
 * Servers get what has no data in one piece, as far as it is theirs, however many
 * extents that are not mapped for it lie there. Data is copied to and from several
 * places in memory at once, because that waits for nobody. Memory is zeroed piece by
 * piece, or that would hold up all others for as long as gigabytes take.
 */
sector_t abuse_front_piece_end(struct abuse_front *front, struct bio *bio,
			       enum abuse_lanes to,
			       struct abuse_place at[ABUSE_MAX_PLACES])
{
	bool data = bio_has_data(bio);
	sector_t end = at[0].end;
	struct abuse_place next;
	int nr = 1;

	if (to == ABUSE_LANE_MEMORY && !data)
		return min(end, bio->bi_iter.bi_sector + ABUSE_ZERO_SECTORS);
	if (to != (data ? ABUSE_LANE_MEMORY : ABUSE_LANE_SERVERS))
		return end;
	while (end < bio_end_sector(bio) && nr < ABUSE_MAX_PLACES) {
		next = abuse_map_find(&front->map, end);
		if (abuse_piece_lane(next.m, bio) != to)
			break;
		if (data)
			at[nr++] = next;
		end = next.end;
		cond_resched();
	}
	return end;
}
