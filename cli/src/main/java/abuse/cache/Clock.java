// SPDX-License-Identifier: Apache-2.0
package abuse.cache;

import java.io.IOException;

/**
 * Decides which piece makes room for another one. The kernel does not tell what it reads, so a hand goes round the places
 * and unmaps pieces, and a second hand follows: what was not asked for in between makes room, and what was is mapped again.
 */
final class Clock {
    /** The most pieces that are unmapped with one call, which has to wait for reads under way. */
    private static final int BATCH = 256;

    private final Pieces pieces;
    private final Jobs jobs;
    private final KernelReads reads;
    /** How many places the first hand is ahead, at least. */
    private final int gap;
    private final Job[] taken;
    private final int[] places;
    private final Job evicted = new Job();
    /** How many places the first hand is ahead now. */
    private int ahead;

    Clock(Pieces pieces, Jobs jobs, KernelReads reads) {
        this.pieces = pieces;
        this.jobs = jobs;
        this.reads = reads;
        gap = Math.max(1, pieces.places() / 8);
        taken = new Job[Math.max(1, Math.min(BATCH, gap / 2))];
        for (int i = 0; i < taken.length; i++) {
            taken[i] = new Job();
        }
        places = new int[taken.length];
    }

    /** A place for a piece, which holds nothing; -1 if all hold pieces that somebody works on. */
    int placeFor(long piece, Counters counters) throws IOException {
        int place = pieces.takeFor(piece);
        if (place < 0) {
            return evict(piece, counters);
        }
        if (pieces.free() < gap) {
            prepare();
        }
        return place;
    }

    /** Sees to it that what makes room next was given the time to be asked for. */
    private synchronized void prepare() throws IOException {
        while (ahead < gap) {
            unmapSome();
        }
    }

    private synchronized int evict(long piece, Counters counters) throws IOException {
        for (int i = 0; i < 2 * pieces.places(); i++) {
            // One that was dropped meanwhile
            int place = pieces.takeFor(piece);
            if (place >= 0) {
                return place;
            }
            place = pieces.tick();
            ahead--;
            prepare();
            long number = pieces.pieceAt(place);
            if (number >= 0 && !pieces.isMapped(place) && jobs.begin(evicted, number)) {
                try {
                    if (pieces.pieceAt(place) == number && !pieces.isMapped(place)) {
                        pieces.remove(place);
                        counters.evicted.increment();
                        return place;
                    }
                } finally {
                    jobs.end(evicted);
                }
            }
        }
        return -1;
    }

    /** Moves the first hand. */
    private void unmapSome() throws IOException {
        int n = 0;
        for (int i = 0; i < taken.length; i++) {
            int place = pieces.ahead(ahead++);
            long number = pieces.pieceAt(place);
            if (number >= 0 && pieces.isMapped(place) && jobs.begin(taken[n], number)) {
                if (pieces.pieceAt(place) == number && pieces.isMapped(place)) {
                    places[n++] = place;
                } else {
                    jobs.end(taken[n]);
                }
            }
        }
        try {
            reads.unmap(places, n);
        } finally {
            for (int i = 0; i < n; i++) {
                jobs.end(taken[i]);
            }
        }
    }
}
