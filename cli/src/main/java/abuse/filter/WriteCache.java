// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AddressedBackend;
import abuse.libc.Memory;
import java.util.Arrays;

/** Blocks of a disk in memory, which its backend need not have. One thread at a time; it allocates nothing. */
final class WriteCache implements AutoCloseable {
    private static final byte FREE = 0;
    /** The backend has something older. */
    private static final byte DIRTY = 1;
    /** The backend has it as well. */
    private static final byte CLEAN = 2;
    /** Is to be forgotten when no read is under way any more that may have missed it in the backend. */
    private static final byte RETIRED = 3;

    private final int blockSize;
    private final Memory memory;
    private final long[] blocks;
    private final byte[] states;
    /** When each block was written last. */
    private final long[] versions;
    /** Grows with each write, so that one is not taken for another. */
    private long clock;
    /** A stack of places. */
    private final int[] free;
    private int freePlaces;
    private int dirty;
    private int retired;
    /** Reads under way, in two generations: those of the older one may have missed in the backend what was written back. */
    private final int[] reads = new int[2];
    private int generation;
    /** How often all was forgotten. */
    private long clears;
    /** A hash table of places plus 1, with linear probing. */
    private final int[] table;

    WriteCache(int blockSize, int places) {
        this.blockSize = blockSize;
        blocks = new long[places];
        states = new byte[places];
        versions = new long[places];
        free = new int[places];
        table = new int[2 * Integer.highestOneBit(2 * places - 1)];
        // Last, as it stays if what comes later fails
        memory = Memory.map((long) blockSize * places);
        clear();
    }

    /** Forgets everything. */
    void clear() {
        Arrays.fill(states, FREE);
        Arrays.fill(table, 0);
        freePlaces = free.length;
        for (int i = 0; i < free.length; i++) {
            free[i] = free.length - 1 - i;
        }
        dirty = 0;
        retired = 0;
        clears++;
    }

    int freePlaces() {
        return freePlaces;
    }

    int dirty() {
        return dirty;
    }

    /** Where a block is; -1 if it is not here. */
    int find(long block) {
        for (int i = home(block); table[i] != 0; i = i + 1 & table.length - 1) {
            if (blocks[table[i] - 1] == block) {
                return table[i] - 1;
            }
        }
        return -1;
    }

    /** The version of the block that was written last. */
    long latest() {
        return clock;
    }

    /** Differs from that of every other write. */
    long version(int place) {
        return versions[place];
    }

    long address(int place) {
        return memory.address() + (long) place * blockSize;
    }

    /** Whether there is room for all of these blocks. */
    boolean hasRoom(long first, long count) {
        if (count <= freePlaces) {
            return true;
        }
        long missing = 0;
        for (long block = first; block < first + count; block++) {
            missing += find(block) < 0 ? 1 : 0;
        }
        return missing <= freePlaces;
    }

    /** Takes a block from an address; there is room. */
    void write(long block, long from) {
        int place = find(block);
        if (place < 0) {
            place = free[--freePlaces];
            blocks[place] = block;
            int i = home(block);
            while (table[i] != 0) {
                i = i + 1 & table.length - 1;
            }
            table[i] = place + 1;
        }
        retired -= states[place] == RETIRED ? 1 : 0;
        dirty += states[place] == DIRTY ? 0 : 1;
        states[place] = DIRTY;
        versions[place] = ++clock;
        Memory.copy(from, address(place), blockSize);
    }

    /** Takes the data of a write, if there is room. */
    boolean store(FilteredRequest request) {
        long block = request.offset() / blockSize;
        long count = request.length() / blockSize;
        if (!hasRoom(block, count)) {
            return false;
        }
        long from = request.address();
        for (long i = 0; i < count; i++) {
            write(block + i, from + i * blockSize);
        }
        return true;
    }

    /** Gives a read the blocks that are here. */
    void putInto(FilteredRequest request) {
        long block = request.offset() / blockSize;
        long end = request.offset() + request.length();
        for (; block * blockSize < end; block++) {
            int place = find(block);
            if (place >= 0) {
                Memory.copy(address(place), request.address() + block * blockSize - request.offset(), blockSize);
            }
        }
    }

    /** The backend has a block now, unless it was written again since its version was this. */
    void written(long block, long version) {
        int place = find(block);
        if (place >= 0 && states[place] == DIRTY && versions[place] == version) {
            states[place] = CLEAN;
            dirty--;
        }
    }

    /** Brings the dirty blocks of a range that are in some places to a disk in memory, which has them then. */
    void writeInto(AddressedBackend disk, long first, long end, int place, int endPlace) {
        for (int i = place; i < endPlace; i++) {
            if (isDirty(i, first, end)) {
                long to = disk.writeAddress(blocks[i] * blockSize, blockSize);
                if (to != 0) {
                    Memory.copy(address(i), to, blockSize);
                }
                states[i] = CLEAN;
                dirty--;
            }
        }
    }

    private boolean isDirty(int place, long first, long end) {
        return states[place] == DIRTY && blocks[place] >= first && blocks[place] < end;
    }

    /** The backend has zeros in a range now; blocks with a later version were written since. */
    void zero(long first, long end, long version) {
        for (int i = 0; i < states.length; i++) {
            if (states[i] != FREE && blocks[i] >= first && blocks[i] < end && versions[i] <= version) {
                memory.zero((long) i * blockSize, blockSize);
                dirty -= states[i] == DIRTY ? 1 : 0;
                states[i] = states[i] == DIRTY ? CLEAN : states[i];
            }
        }
    }

    /** A read goes to the backend; its end is told with the number that this returns. */
    long beginRead() {
        reads[generation]++;
        return clears << 1 | generation;
    }

    /** Whether all was forgotten since a read began, which may have missed in the backend what was written back before. */
    boolean wasCleared(long begun) {
        return begun >> 1 != clears;
    }

    /** Whether there is more room after the end of a read. */
    boolean endRead(long begun) {
        int of = (int) (begun & 1);
        if (--reads[of] > 0 || of == generation || retired == 0) {
            return false;
        }
        dropRetired();
        return true;
    }

    /** Forgets what the backend has, at once or when the reads have ended that may have missed it there. */
    void retire() {
        if (retired > 0 || reads[1 - generation] > 0) {
            return;
        }
        for (int i = 0; i < states.length; i++) {
            if (states[i] == CLEAN) {
                states[i] = RETIRED;
                retired++;
            }
        }
        int older = generation;
        generation = 1 - generation;
        if (reads[older] == 0) {
            dropRetired();
        }
    }

    private void dropRetired() {
        for (int i = 0; i < states.length && retired > 0; i++) {
            if (states[i] == RETIRED) {
                remove(i);
            }
        }
    }

    /** Puts the numbers of the dirty blocks of a range into an array, sorted, and returns how many there are. */
    int dirtyBlocks(long first, long end, long[] into) {
        int n = 0;
        for (int i = 0; i < states.length; i++) {
            if (isDirty(i, first, end)) {
                into[n++] = blocks[i];
            }
        }
        Arrays.sort(into, 0, n);
        return n;
    }

    @Override
    public void close() {
        memory.close();
    }

    private void remove(int place) {
        retired -= states[place] == RETIRED ? 1 : 0;
        dirty -= states[place] == DIRTY ? 1 : 0;
        states[place] = FREE;
        free[freePlaces++] = place;
        int mask = table.length - 1;
        int hole = home(blocks[place]);
        while (table[hole] != place + 1) {
            hole = hole + 1 & mask;
        }
        table[hole] = 0;
        // What comes behind the hole moves into it, unless it would then stand before its home
        for (int i = hole + 1 & mask; table[i] != 0; i = i + 1 & mask) {
            int home = home(blocks[table[i] - 1]);
            if ((i - home & mask) >= (i - hole & mask)) {
                table[hole] = table[i];
                table[i] = 0;
                hole = i;
            }
        }
    }

    private int home(long block) {
        return (int) (block * 0x9E3779B97F4A7C15L >>> 33) & table.length - 1;
    }
}
