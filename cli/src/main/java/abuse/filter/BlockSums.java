// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What is known of the content of each block, by its checksum. Blocks of which nothing is known, and whole chunks of zeros,
 * take no memory of their own, so that a discard or zeroes may be as long as the disk. One thread at a time.
 *
 * <p>A change has a begin and an end. What is seen between them, or in a read that began before its end, says nothing
 * of what is there after it; and if changes overlap, nobody knows which of them came last.
 *
 * <p>Once there is no memory for a chunk, none is made any more, because changes are under way from then on that are not
 * known.
 */
final class BlockSums implements AutoCloseable {
    private static final int CHUNK = 1024;
    private static final int BYTES_OF_BLOCK = 15;
    /** Half of the heap for those of all disks, as all else needs memory, too. */
    private static final long MOST_CHUNKS = Runtime.getRuntime().maxMemory() / 2 / (CHUNK * BYTES_OF_BLOCK);
    private static final AtomicLong ALL_CHUNKS = new AtomicLong();
    private static final int LEAF = 4096;
    /** Stands for a chunk whose blocks are all known to be zeros, and are not being changed. */
    private static final Chunk ZEROS = new Chunk(0);

    /** What is known of neighbouring blocks. */
    private static final class Chunk {
        final int[] sums;
        /** When something was last begun or ended that changes the block. */
        final long[] changes;
        /** What is under way that changes it. */
        final short[] changing;
        final boolean[] known;

        Chunk(int blocks) {
            sums = new int[blocks];
            changes = new long[blocks];
            changing = new short[blocks];
            known = new boolean[blocks];
        }
    }

    /** A change without data that is under way. */
    private static final class Sweep {
        long first;
        long end;
        long begun;
        /** Whether another one was under way at the same time that has blocks in common with it. */
        boolean disturbed;
    }

    private final int zeros;
    private Chunk[][] leaves = {};
    private Sweep[] sweeps = {};
    private int underWay;
    /** When such a change last began or ended. */
    private long swept;
    /** Grows with each change. */
    private long clock;
    private long chunks;
    private boolean full;

    /** @param zeros the checksum of a block of zeros */
    BlockSums(int zeros) {
        this.zeros = zeros;
    }

    /** The time, for a read that begins now. */
    long now() {
        return clock;
    }

    /** Whether there is no memory for what more blocks have. */
    boolean isFull() {
        return full;
    }

    /** A change of some blocks begins, of which {@link #put} then tells each one; its time. */
    long begin(long first, long end) {
        for (long block = first; block < end; block += CHUNK - at(block)) {
            chunk(block);
        }
        return ++clock;
    }

    /** A block will have this checksum. */
    void put(long block, long begun, int sum) {
        Chunk chunk = find(block);
        if (chunk == null) {
            return;
        }
        int at = at(block);
        chunk.known[at] = false;
        chunk.changing[at]++;
        chunk.changes[at] = begun;
        chunk.sums[at] = sum;
    }

    /** The change of some blocks has ended. */
    void end(long first, long end, long begun, boolean well) {
        clock++;
        for (long block = first; block < end; block++) {
            Chunk chunk = find(block);
            if (chunk != null) {
                end(chunk, at(block), begun, well);
            }
        }
    }

    /** A change without data begins; its time. */
    long beginSweep(long first, long end) {
        // What needs memory comes before the first change
        spread(first);
        spread(end);
        swept = ++clock;
        if (underWay == sweeps.length) {
            sweeps = Arrays.copyOf(sweeps, Math.max(4, 2 * underWay));
        }
        Sweep mine = sweeps[underWay] == null ? new Sweep() : sweeps[underWay];
        mine.first = first;
        mine.end = end;
        mine.begun = clock;
        mine.disturbed = false;
        for (int i = 0; i < underWay; i++) {
            if (sweeps[i].first < end && sweeps[i].end > first) {
                sweeps[i].disturbed = true;
                mine.disturbed = true;
            }
        }
        for (long from = first; from < end;) {
            long to = Math.min(end, from - at(from) + CHUNK);
            Chunk chunk = find(from);
            if (chunk == ZEROS && to - from == CHUNK) {
                set(from, null);
            } else if (chunk != null) {
                for (long block = from; block < to; block++) {
                    begin(chunk, at(block), clock);
                }
            }
            from = next(from, to, end);
        }
        sweeps[underWay++] = mine;
        return clock;
    }

    /**
     * It has ended.
     *
     * @param zeroed whether all of it is zeros now
     */
    void endSweep(long first, long end, long begun, boolean zeroed) {
        swept = ++clock;
        boolean disturbed = remove(begun);
        for (long from = first; from < end;) {
            long to = Math.min(end, from - at(from) + CHUNK);
            Chunk chunk = find(from);
            if (chunk != null) {
                for (long block = from; block < to; block++) {
                    end(chunk, at(block), begun, zeroed);
                }
                if (to - from == CHUNK) {
                    shrink(from, chunk);
                }
            } else if (zeroed && !disturbed) {
                try {
                    learn(from, to);
                } catch (OutOfMemoryError e) {
                    // Then nothing is known of these, as before, and what comes behind them ends all the same
                }
            }
            from = zeroed && !disturbed ? to : next(from, to, end);
        }
    }

    /** Whether a read that began at a time has found what is known; what is not known yet is so from now on. */
    boolean agrees(long block, long begun, int sum) {
        Chunk chunk = find(block);
        int at = at(block);
        if (chunk == null || chunk == ZEROS) {
            if (underWay > 0 || swept > begun) {
                return true;
            }
            if (chunk == ZEROS) {
                return sum == zeros;
            }
            chunk = chunk(block);
        }
        if (chunk == null) {
            return true;
        }
        if (chunk.changing[at] > 0 || chunk.changes[at] > begun) {
            return true;
        }
        if (chunk.known[at]) {
            return chunk.sums[at] == sum;
        }
        chunk.known[at] = true;
        chunk.sums[at] = sum;
        return true;
    }

    /** Gives a chunk of zeros memory of its own, if a range begins or ends within it. */
    private void spread(long edge) {
        if (at(edge) != 0 && find(edge) == ZEROS) {
            chunk(edge);
        }
    }

    /** Blocks of a chunk of which nothing is known are zeros. */
    private void learn(long from, long to) {
        if (full) {
            return;
        }
        if (to - from == CHUNK) {
            set(from, ZEROS);
            return;
        }
        Chunk chunk = chunk(from);
        for (long block = from; chunk != null && block < to; block++) {
            chunk.known[at(block)] = true;
            chunk.sums[at(block)] = zeros;
            chunk.changes[at(block)] = clock;
        }
    }

    private void begin(Chunk chunk, int at, long begun) {
        chunk.known[at] = false;
        chunk.changing[at]++;
        chunk.changes[at] = begun;
        chunk.sums[at] = zeros;
    }

    private void end(Chunk chunk, int at, long begun, boolean well) {
        chunk.changing[at]--;
        // If another change began meanwhile, it is not known which of them came last
        chunk.known[at] = well && chunk.changing[at] == 0 && chunk.changes[at] == begun;
        chunk.changes[at] = clock;
    }

    /** Forgets a change under way, and returns whether it was disturbed. */
    private boolean remove(long begun) {
        int i = 0;
        while (sweeps[i].begun != begun) {
            i++;
        }
        Sweep gone = sweeps[i];
        sweeps[i] = sweeps[--underWay];
        sweeps[underWay] = gone;
        return gone.disturbed;
    }

    /** Gives back the memory of a chunk of which nothing is known, or which is all zeros. */
    private void shrink(long block, Chunk chunk) {
        boolean allKnown = true;
        boolean noneKnown = true;
        for (int i = 0; i < CHUNK; i++) {
            if (chunk.changing[i] > 0) {
                return;
            }
            boolean isZero = chunk.known[i] && chunk.sums[i] == zeros;
            allKnown &= isZero;
            noneKnown &= !chunk.known[i];
        }
        if (allKnown || noneKnown) {
            set(block, allKnown ? ZEROS : null);
            giveBack(1);
        }
    }

    /** The chunk of a block with memory of its own; null if there is none for it. */
    private Chunk chunk(long block) {
        Chunk chunk = find(block);
        if (chunk != null && chunk != ZEROS) {
            return chunk;
        }
        Chunk fresh = make(block);
        if (fresh == null) {
            if (chunk == ZEROS) {
                set(block, null);
            }
            return null;
        }
        if (chunk == ZEROS) {
            Arrays.fill(fresh.known, true);
            Arrays.fill(fresh.sums, zeros);
        }
        Arrays.fill(fresh.changes, swept);
        long start = block - at(block);
        for (int i = 0; i < underWay; i++) {
            Sweep sweep = sweeps[i];
            for (long one = Math.max(start, sweep.first); one < Math.min(start + CHUNK, sweep.end); one++) {
                fresh.changing[at(one)]++;
                fresh.known[at(one)] = false;
                // Only the last one that began may find what it has left behind
                fresh.changes[at(one)] = sweep.disturbed ? swept : sweep.begun;
                fresh.sums[at(one)] = zeros;
            }
        }
        return fresh;
    }

    private Chunk make(long block) {
        if (!full && ALL_CHUNKS.incrementAndGet() > MOST_CHUNKS) {
            ALL_CHUNKS.decrementAndGet();
            full = true;
        }
        if (full) {
            return null;
        }
        chunks++;
        try {
            var fresh = new Chunk(CHUNK);
            set(block, fresh);
            return fresh;
        } catch (OutOfMemoryError e) {
            giveBack(1);
            full = true;
            return null;
        }
    }

    private void giveBack(long number) {
        chunks -= number;
        ALL_CHUNKS.addAndGet(-number);
    }

    /** Counts what it has no more; it may still be used for a while. */
    @Override
    public void close() {
        giveBack(chunks);
    }

    private Chunk find(long block) {
        int leaf = leaf(block);
        return leaf < leaves.length && leaves[leaf] != null ? leaves[leaf][(int) (block / CHUNK % LEAF)] : null;
    }

    private void set(long block, Chunk chunk) {
        int leaf = leaf(block);
        if (leaf >= leaves.length) {
            leaves = Arrays.copyOf(leaves, Math.max(leaf + 1, 2 * leaves.length));
        }
        if (leaves[leaf] == null) {
            leaves[leaf] = new Chunk[LEAF];
        }
        leaves[leaf][(int) (block / CHUNK % LEAF)] = chunk;
    }

    /** Where to go on after a chunk: leaves that have none are passed over. */
    private long next(long from, long to, long end) {
        int leaf = leaf(from);
        boolean empty = leaf >= leaves.length || leaves[leaf] == null;
        return empty ? Math.min(end, (leaf + 1L) * LEAF * CHUNK) : to;
    }

    private static int leaf(long block) {
        return (int) (block / CHUNK / LEAF);
    }

    private static int at(long block) {
        return (int) (block % CHUNK);
    }
}
