// SPDX-License-Identifier: Apache-2.0
package abuse.cache;

import abuse.libc.Memory;
import java.util.function.IntToLongFunction;

/**
 * Which piece of the disk each place of the cache holds. Whoever changes what it says of a piece is alone with that piece,
 * see {@link Jobs}; the numbers themselves may be asked for by anybody. The tables are not in the Java heap, which may be
 * smaller; a place in them counts from 1, so that 0 is none, and an empty cache takes no memory.
 */
final class Pieces implements AutoCloseable {
    private static final int NONE = -1;
    /** How many places are looked at for one that follows that of the piece before. */
    private static final int NEAR = 4096;

    /** For each place the number of its piece, from 1, and a bit below that which tells whether it is mapped. */
    private final Memory pieceAt;
    /** The first place for each hash. */
    private final Memory chains;
    /** For each place the next one with that hash. */
    private final Memory next;
    /** A bit for each place that is not free, and those behind the last place. */
    private final Memory taken;
    private final int places;
    private final int hashes;
    private int free;
    /** Where free places are likely, far from where a piece should be. */
    private int elsewhere;
    private int held;
    private int nrMapped;
    private int hand;

    /**
     * All places are free.
     *
     * @throws OutOfMemoryError when there is no room for the tables
     */
    Pieces(int places) {
        this.places = places;
        free = places;
        hashes = Integer.highestOneBit(places) * 2;
        pieceAt = Memory.map((long) places * Long.BYTES);
        next = Memory.map((long) places * Integer.BYTES);
        chains = Memory.map((long) hashes * Integer.BYTES);
        taken = Memory.map(((long) places + Long.SIZE - 1) / Long.SIZE * Long.BYTES);
        if (places % Long.SIZE != 0) {
            setTaken(places / Long.SIZE, -1L << places);
        }
    }

    /** Takes over what each place held before; only while nothing is held. */
    void load(IntToLongFunction pieceOf) {
        for (int place = 0; place < places; place++) {
            long piece = pieceOf.applyAsLong(place);
            if (piece >= 0) {
                take(place);
                put(place, piece);
            }
        }
    }

    int places() {
        return places;
    }

    /** How many places hold a piece. */
    synchronized int held() {
        return held;
    }

    /** Where a piece is; -1 if it is not there. */
    synchronized int find(long piece) {
        int place = first(hash(piece));
        while (place >= 0 && pieceAt(place) != piece) {
            place = after(place);
        }
        return place;
    }

    /** The piece at a place; -1 for none. */
    synchronized long pieceAt(int place) {
        return (entry(place) >> 1) - 1;
    }

    synchronized boolean isMapped(int place) {
        return (entry(place) & 1) != 0;
    }

    /** How many places can be taken. */
    synchronized int free() {
        return free;
    }

    /**
     * A place for a piece; -1 when all hold one. It is free again after {@link #give}. Pieces that follow each other on the
     * disk do so in the cache while that has room, because the kernel keeps and reads them as one extent then.
     */
    synchronized int takeFor(long piece) {
        if (free == 0) {
            return NONE;
        }
        int place = firstFree((int) (piece % places), NEAR);
        if (place == NONE) {
            place = firstFree(elsewhere, places);
            elsewhere = place;
        }
        take(place);
        return place;
    }

    /** The first free place from one on, among about so many, with the first one after the last; -1 for none. */
    private int firstFree(int from, int most) {
        int word = from / Long.SIZE;
        long frees = ~taken(word) & -1L << from;
        for (int n = most / Long.SIZE + 1; frees == 0 && n > 0; n--) {
            word = (word + 1) % (int) (taken.size() / Long.BYTES);
            frees = ~taken(word);
        }
        return frees == 0 ? NONE : word * Long.SIZE + Long.numberOfTrailingZeros(frees);
    }

    private void take(int place) {
        setTaken(place / Long.SIZE, taken(place / Long.SIZE) | 1L << place);
        free--;
    }

    synchronized void give(int place) {
        setTaken(place / Long.SIZE, taken(place / Long.SIZE) & ~(1L << place));
        elsewhere = place;
        free++;
    }

    /** The place that was taken holds a piece now, which is not mapped. */
    synchronized void put(int place, long piece) {
        setEntry(place, piece + 1 << 1);
        int chain = hash(piece);
        setAfter(place, first(chain));
        setFirst(chain, place);
        held++;
    }

    synchronized void setMapped(int place, boolean is) {
        nrMapped += (is ? 1 : 0) - (isMapped(place) ? 1 : 0);
        setEntry(place, entry(place) & ~1 | (is ? 1 : 0));
    }

    synchronized void setNoneMapped() {
        for (int place = 0; nrMapped > 0; place++) {
            setMapped(place, false);
        }
    }

    synchronized boolean anyMapped() {
        return nrMapped > 0;
    }

    /** The place holds nothing any more, as if it had just been taken. */
    synchronized void remove(int place) {
        int chain = hash(pieceAt(place));
        if (first(chain) == place) {
            setFirst(chain, after(place));
        } else {
            int before = first(chain);
            while (after(before) != place) {
                before = after(before);
            }
            setAfter(before, after(place));
        }
        setMapped(place, false);
        setEntry(place, 0);
        held--;
    }

    /** The place that the hand of the clock points to, which then moves on. */
    synchronized int tick() {
        int place = hand;
        hand = (hand + 1) % places;
        return place;
    }

    /** The place that it will point to after so many moves. */
    synchronized int ahead(int moves) {
        return (int) (((long) hand + moves) % places);
    }

    private int hash(long piece) {
        return (int) (piece * 0x9e3779b97f4a7c15L >>> 32) & hashes - 1;
    }

    private long entry(int place) {
        return pieceAt.getLong((long) place * Long.BYTES);
    }

    private void setEntry(int place, long entry) {
        pieceAt.putLong((long) place * Long.BYTES, entry);
    }

    private long taken(int word) {
        return taken.getLong((long) word * Long.BYTES);
    }

    private void setTaken(int word, long bits) {
        taken.putLong((long) word * Long.BYTES, bits);
    }

    private int first(int chain) {
        return chains.getInt((long) chain * Integer.BYTES) - 1;
    }

    private void setFirst(int chain, int place) {
        chains.putInt((long) chain * Integer.BYTES, place + 1);
    }

    private int after(int place) {
        return next.getInt((long) place * Integer.BYTES) - 1;
    }

    private void setAfter(int place, int other) {
        next.putInt((long) place * Integer.BYTES, other + 1);
    }

    /** Nobody may ask for anything any more but {@link #held}. */
    @Override
    public void close() {
        pieceAt.close();
        next.close();
        chains.close();
        taken.close();
    }
}
