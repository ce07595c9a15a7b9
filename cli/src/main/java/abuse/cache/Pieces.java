// SPDX-License-Identifier: Apache-2.0
package abuse.cache;

import java.util.Arrays;
import java.util.function.IntToLongFunction;

/**
 * Which piece of the disk each place of the cache holds. Whoever changes what it says of a piece is alone with that piece,
 * see {@link Jobs}; the numbers themselves may be asked for by anybody.
 */
final class Pieces {
    private static final long NONE = -1;

    private final long[] pieceAt;
    /** The piece is mapped, and not only there. */
    private final boolean[] mapped;
    /** A table of the first place for each hash, and for each place the next one: the number of places ends a chain. */
    private final int[] chains;
    private final int[] next;
    /** A stack. */
    private final int[] free;
    private int freePlaces;
    private int held;
    private int nrMapped;
    private int hand;

    Pieces(int places) {
        pieceAt = new long[places];
        Arrays.fill(pieceAt, NONE);
        mapped = new boolean[places];
        chains = new int[Integer.highestOneBit(places) * 2];
        Arrays.fill(chains, places);
        next = new int[places];
        free = new int[places];
        for (int i = 0; i < places; i++) {
            free[i] = places - 1 - i;
        }
        freePlaces = places;
    }

    /** Takes over what each place held before; only while nothing is held. */
    void load(IntToLongFunction pieceOf) {
        freePlaces = 0;
        for (int place = pieceAt.length - 1; place >= 0; place--) {
            long piece = pieceOf.applyAsLong(place);
            if (piece >= 0) {
                put(place, piece);
            } else {
                give(place);
            }
        }
    }

    int places() {
        return pieceAt.length;
    }

    /** How many places hold a piece. */
    synchronized int held() {
        return held;
    }

    /** How many places can be taken. */
    synchronized int free() {
        return freePlaces;
    }

    /** Where a piece is; -1 if it is not there. */
    synchronized int find(long piece) {
        for (int place = chains[hash(piece)]; place < next.length; place = next[place]) {
            if (pieceAt[place] == piece) {
                return place;
            }
        }
        return -1;
    }

    /** The piece at a place; -1 for none. */
    synchronized long pieceAt(int place) {
        return pieceAt[place];
    }

    synchronized boolean isMapped(int place) {
        return mapped[place];
    }

    /** A place for a piece; -1 when all hold one. It is free again after {@link #give}. */
    synchronized int take() {
        return freePlaces == 0 ? -1 : free[--freePlaces];
    }

    synchronized void give(int place) {
        free[freePlaces++] = place;
    }

    /** The place that was taken holds a piece now, which is not mapped. */
    synchronized void put(int place, long piece) {
        pieceAt[place] = piece;
        int chain = hash(piece);
        next[place] = chains[chain];
        chains[chain] = place;
        held++;
    }

    synchronized void setMapped(int place, boolean is) {
        nrMapped += (is ? 1 : 0) - (mapped[place] ? 1 : 0);
        mapped[place] = is;
    }

    synchronized void setNoneMapped() {
        nrMapped = 0;
        Arrays.fill(mapped, false);
    }

    synchronized boolean anyMapped() {
        return nrMapped > 0;
    }

    /** The place holds nothing any more, as if it had just been taken. */
    synchronized void remove(int place) {
        int chain = hash(pieceAt[place]);
        if (chains[chain] == place) {
            chains[chain] = next[place];
        } else {
            int before = chains[chain];
            while (next[before] != place) {
                before = next[before];
            }
            next[before] = next[place];
        }
        pieceAt[place] = NONE;
        setMapped(place, false);
        held--;
    }

    /** The place that the hand of the clock points to, which then moves on. */
    synchronized int tick() {
        int place = hand;
        hand = (hand + 1) % pieceAt.length;
        return place;
    }

    /** The place that it will point to after so many moves. */
    synchronized int ahead(int moves) {
        return (hand + moves) % pieceAt.length;
    }

    private int hash(long piece) {
        return (int) (piece * 0x9e3779b97f4a7c15L >>> 32) & chains.length - 1;
    }
}
