// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import abuse.libc.Memory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * How often each cluster of the file is pointed to: a table of blocks of numbers of 1 to 64 bits. One thread at a time.
 */
final class Refcounts implements AutoCloseable {
    private static final long OFFSET = -512;

    private final ImageFile file;
    private final int clusterBits;
    private final int order;
    /** Where each block is; 0 if all its numbers are. */
    private long[] blocks;
    private long tableOffset;
    /** The block that was looked at last. */
    private final ByteBuffer block;
    private final Memory memory;
    private long current = -1;

    Refcounts(ImageFile file, Header header) throws IOException {
        this.file = file;
        clusterBits = header.clusterBits();
        order = header.refcountOrder();
        tableOffset = header.refcountTableOffset();
        blocks = new long[header.refcountTableSize() / Long.BYTES];
        try (Memory table = file.table(tableOffset, header.refcountTableSize())) {
            table.buffer(0, header.refcountTableSize()).asLongBuffer().get(blocks);
        }
        for (long one : blocks) {
            if ((one & OFFSET) != one || (one & header.clusterSize() - 1) != 0 || one < 0 || one > file.size() - 1) {
                throw new IOException(file.path + ": the table of reference counts makes no sense; 'qemu-img check' tells more");
            }
        }
        memory = Memory.map(header.clusterSize());
        block = memory.buffer(0, 1 << clusterBits);
    }

    /** How many clusters a block is for, as a logarithm. */
    int blockBits() {
        return clusterBits + 3 - order;
    }

    /** How many blocks the table has room for. */
    long room() {
        return blocks.length;
    }

    /** Whether there is a block, by its index. */
    boolean has(long index) {
        return index < blocks.length && blocks[(int) index] != 0;
    }

    /** Where the blocks are. */
    long[] places() {
        return Arrays.stream(blocks).filter(one -> one != 0).toArray();
    }

    /** Behind the last cluster that is used, which may lie beyond the end of the file. */
    long end() throws IOException {
        for (long index = blocks.length - 1; index >= 0; index--) {
            if (has(index)) {
                load(index);
                for (long i = mask(); i >= 0; i--) {
                    if (number(i) != 0) {
                        return (index << blockBits()) + i + 1;
                    }
                }
            }
        }
        return 0;
    }

    long get(long cluster) throws IOException {
        long index = cluster >>> blockBits();
        if (!has(index)) {
            return 0;
        }
        load(index);
        return number(cluster & mask());
    }

    /** The first cluster from one on that is free and has a block for its number, before an end; the end if there is none. */
    long firstFree(long from, long end) throws IOException {
        for (long cluster = from; cluster < end;) {
            if (!has(cluster >>> blockBits())) {
                cluster = (cluster >>> blockBits()) + 1 << blockBits();
            } else if (get(cluster) == 0) {
                return cluster;
            } else {
                cluster++;
            }
        }
        return end;
    }

    /** Sets those of some clusters where there are blocks. */
    void set(long start, long count, long value) throws IOException {
        for (long at = start; at < start + count;) {
            long index = at >>> blockBits();
            long n = Math.min(start + count, index + 1 << blockBits()) - at;
            if (has(index)) {
                load(index);
                // Until it is in the file
                current = -1;
                fill(at & mask(), n, value);
                int from = (int) ((at & mask()) << order >>> 3);
                int to = (int) (((at + n - 1 & mask()) << order >>> 3) + Math.max(1, 1 << order - 3 & 15));
                file.write(blocks[(int) index] + from, block.position(from), to - from);
                current = index;
            }
            at += n;
        }
    }

    /** Writes a block to a place that no table points to yet; its numbers are 1 for some clusters, and 0 for the others. */
    void prepare(long index, long place, long start, long end) throws IOException {
        current = -1;
        for (int i = 0; i < block.capacity(); i += Long.BYTES) {
            block.putLong(i, 0);
        }
        long first = Math.max(start, index << blockBits());
        long last = Math.min(end, index + 1 << blockBits());
        fill(first & mask(), last - first, 1);
        file.write(place, block.clear(), block.capacity());
    }

    /** Points the table to blocks that follow each other. No later entry is durable before those of blocks that count the new blocks. */
    void adopt(long[] indexes, long place) throws IOException {
        var entry = ByteBuffer.allocateDirect(Long.BYTES);
        for (int i = 0; i < indexes.length; i++) {
            long block = place + ((long) i << clusterBits);
            file.write(tableOffset + indexes[i] * Long.BYTES, entry.clear().putLong(0, block), Long.BYTES);
            blocks[(int) indexes[i]] = block;
            if (indexes[i] << blockBits() < (place >>> clusterBits) + indexes.length) {
                file.sync();
            }
        }
    }

    /** Writes a longer table, with more blocks, to a place that the header does not point to yet, and returns it. */
    long[] prepareTable(int entries, long place, long[] indexes, long firstBlock) throws IOException {
        long[] table = Arrays.copyOf(blocks, entries);
        for (int i = 0; i < indexes.length; i++) {
            table[(int) indexes[i]] = firstBlock + ((long) i << clusterBits);
        }
        int length = entries * Long.BYTES;
        try (Memory bytes = Memory.map(length)) {
            bytes.buffer(0, length).asLongBuffer().put(table);
            file.write(place, bytes.buffer(0, length), length);
        }
        return table;
    }

    /** Points the header to the longer table. */
    void adoptTable(long[] table, long place) throws IOException {
        ByteBuffer fields = ByteBuffer.allocateDirect(12).putLong(0, place).putInt(8, (int) ((long) table.length * Long.BYTES >>> clusterBits));
        file.write(Header.REFCOUNT_TABLE_AT, fields, fields.capacity());
        tableOffset = place;
        blocks = table;
    }

    long tableOffset() {
        return tableOffset;
    }

    @Override
    public void close() {
        memory.close();
    }

    private long mask() {
        return (1L << blockBits()) - 1;
    }

    private void load(long index) throws IOException {
        if (index != current) {
            current = -1;
            file.read(blocks[(int) index], block.clear(), block.capacity());
            current = index;
        }
    }

    private long number(long i) {
        int at = (int) (i << order >>> 3);
        return switch (order) {
            case 3 -> block.get(at) & 0xff;
            case 4 -> block.getShort(at) & 0xffff;
            case 5 -> block.getInt(at) & 0xffff_ffffL;
            case 6 -> block.getLong(at);
            default -> block.get(at) >>> shift(i) & (1 << (1 << order)) - 1;
        };
    }

    private void fill(long from, long count, long value) {
        for (long i = from; i < from + count; i++) {
            int at = (int) (i << order >>> 3);
            switch (order) {
                case 3 -> block.put(at, (byte) value);
                case 4 -> block.putShort(at, (short) value);
                case 5 -> block.putInt(at, (int) value);
                case 6 -> block.putLong(at, value);
                default -> {
                    int mask = (1 << (1 << order)) - 1 << shift(i);
                    block.put(at, (byte) (block.get(at) & ~mask | (int) value << shift(i)));
                }
            }
        }
    }

    /** Several numbers in a byte begin with its lowest bits. */
    private int shift(long i) {
        return (int) (i << order & 7);
    }
}
