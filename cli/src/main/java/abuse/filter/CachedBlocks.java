// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.libc.Memory;
import java.util.Arrays;

/**
 * Blocks of a disk that are as they are behind a filter. Each block has one place, which it shares with all that have the
 * same remainder; what changes one of them holds up all of them.
 *
 * <p>A change has a begin and an end. What is read between them, or in a read that began before its end, says nothing of what
 * is there after it; and if changes overlap, nobody knows which of them came last.
 */
final class CachedBlocks implements AutoCloseable {
    private static final long NONE = -1;

    private final int blockSize;
    private final Memory memory;
    /** Which block is at each place. */
    private final long[] held;
    /** When something last began or ended that changes a block of that place. */
    private final long[] changed;
    /** How much is under way that changes one. */
    private final int[] changing;
    /** Grows with each begin and end. */
    private long clock;
    private boolean closed;

    /** Holds nothing yet. A request with data must not have more blocks than there are places. */
    CachedBlocks(int blockSize, int places) {
        this.blockSize = blockSize;
        held = new long[places];
        changed = new long[places];
        changing = new int[places];
        Arrays.fill(held, NONE);
        // Last, as it stays if what comes later fails
        memory = Memory.map((long) blockSize * places);
    }

    /** The time, for a read that begins now. */
    synchronized long now() {
        return clock;
    }

    /** Copies blocks to an address if all are held. */
    synchronized boolean read(long first, long count, long to) {
        for (long block = first; block < first + count; block++) {
            if (closed || held[place(block)] != block) {
                return false;
            }
        }
        for (long i = 0; i < count; i++) {
            Memory.copy(address(place(first + i)), to + i * blockSize, blockSize);
        }
        return true;
    }

    /** A read has ended that began at a time; its data is at an address. */
    synchronized void keep(long first, long count, long begun, long from) {
        for (long i = 0; i < count; i++) {
            int place = place(first + i);
            if (changing[place] == 0 && changed[place] <= begun) {
                put(first + i, from + i * blockSize);
            }
        }
    }

    /** A change begins, of any number of blocks; its time. */
    synchronized long begin(long first, long count) {
        clock++;
        for (long i = 0; i < Math.min(count, held.length); i++) {
            int place = place(first + i);
            held[place] = NONE;
            changing[place]++;
            changed[place] = clock;
        }
        return clock;
    }

    /**
     * It has ended.
     *
     * @param begun when it began; another number if it is not known what is there now
     * @param from where its data is
     */
    synchronized void end(long first, long count, long begun, long from) {
        clock++;
        for (long i = 0; i < Math.min(count, held.length); i++) {
            int place = place(first + i);
            changing[place]--;
            if (changing[place] == 0 && changed[place] == begun) {
                put(first + i, from + i * blockSize);
            }
            changed[place] = clock;
        }
    }

    private void put(long block, long from) {
        if (!closed) {
            int place = place(block);
            Memory.copy(from, address(place), blockSize);
            held[place] = block;
        }
    }

    private int place(long block) {
        return (int) (block % held.length);
    }

    private long address(int place) {
        return memory.address() + (long) place * blockSize;
    }

    /** What is abandoned may end later. */
    @Override
    public synchronized void close() {
        closed = true;
        memory.close();
    }
}
