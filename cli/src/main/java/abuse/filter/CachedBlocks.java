// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.libc.Memory;

/**
 * Blocks of a disk that are as they are behind a filter. Each block has one place, which it shares with all that have the
 * same remainder; what changes one of them holds up all of them.
 *
 * <p>A change has a begin and an end. What is read between them, or in a read that began before its end, says nothing of what
 * is there after it; and if changes overlap, nobody knows which of them came last.
 */
final class CachedBlocks implements AutoCloseable {
    // What is known of a place, outside of the heap, which is small
    /** The number of the block that is there, plus 1; 0 for none. */
    private static final int HELD = 0;
    /** When something last began or ended that changes a block of that place. */
    private static final int CHANGED = 8;
    /** How much is under way that changes one. */
    private static final int CHANGING = 16;
    private static final int RECORD = 24;

    private final int blockSize;
    private final int places;
    private final Memory known;
    private final Memory memory;
    /** Grows with each begin and end. */
    private long clock;
    private boolean closed;

    /** Holds nothing yet. A request with data must not have more blocks than there are places. */
    CachedBlocks(int blockSize, int places) {
        this.blockSize = blockSize;
        this.places = places;
        known = Memory.map((long) RECORD * places);
        try {
            memory = Memory.map((long) blockSize * places);
        } catch (RuntimeException | Error e) {
            known.close();
            throw e;
        }
    }

    /** The time, for a read that begins now. */
    synchronized long now() {
        return clock;
    }

    /** Copies blocks to an address if all are held. */
    synchronized boolean read(long first, long count, long to) {
        for (long block = first; block < first + count; block++) {
            if (closed || known.getLong(record(block) + HELD) != block + 1) {
                return false;
            }
        }
        for (long i = 0; i < count; i++) {
            Memory.copy(address(first + i), to + i * blockSize, blockSize);
        }
        return true;
    }

    /** A read has ended that began at a time; its data is at an address. */
    synchronized void keep(long first, long count, long begun, long from) {
        for (long i = 0; i < count && !closed; i++) {
            long at = record(first + i);
            if (known.getInt(at + CHANGING) == 0 && known.getLong(at + CHANGED) <= begun) {
                put(first + i, from + i * blockSize);
            }
        }
    }

    /** A change begins, of any number of blocks; its time. */
    synchronized long begin(long first, long count) {
        clock++;
        for (long i = 0; i < Math.min(count, places) && !closed; i++) {
            long at = record(first + i);
            known.putLong(at + HELD, 0);
            known.putInt(at + CHANGING, known.getInt(at + CHANGING) + 1);
            known.putLong(at + CHANGED, clock);
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
        for (long i = 0; i < Math.min(count, places) && !closed; i++) {
            long at = record(first + i);
            int left = known.getInt(at + CHANGING) - 1;
            known.putInt(at + CHANGING, left);
            if (left == 0 && known.getLong(at + CHANGED) == begun) {
                put(first + i, from + i * blockSize);
            }
            known.putLong(at + CHANGED, clock);
        }
    }

    private void put(long block, long from) {
        Memory.copy(from, address(block), blockSize);
        known.putLong(record(block) + HELD, block + 1);
    }

    private long record(long block) {
        return block % places * RECORD;
    }

    private long address(long block) {
        return memory.address() + block % places * blockSize;
    }

    /** What is abandoned may end later. */
    @Override
    public synchronized void close() {
        closed = true;
        known.close();
        memory.close();
    }
}
