// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import abuse.libc.Memory;
import java.io.IOException;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.stream.LongStream;

/**
 * Where each cluster of the disk is. The tables of the file are kept in memory once they were needed, as one long array,
 * which any thread looks into without a lock. Changes go to the file first.
 */
final class ClusterMap implements AutoCloseable {
    /** So little memory is always there, and is not asked for. */
    private static final long SMALL = 16 << 20;
    private static final long L1_RESERVED = 0x7f00_0000_0000_01ffL;

    private final ImageFile file;
    private final Header header;
    private final int l2Bits;
    /** Entries of the level 1 table. */
    private final Memory tables;
    /** Entries of all level 2 tables as {@link Entry#load} has them. */
    private final Memory entries;
    /** Where the file ended at the start; what lay beyond is lost, even when it is longer. */
    private final long end;
    private final ByteBuffer one = ByteBuffer.allocateDirect(Long.BYTES);

    /** Where tables were at the start; sorted. */
    private long[] others = {};

    ClusterMap(ImageFile file, Header header) throws IOException {
        this.file = file;
        this.header = header;
        l2Bits = header.l2Bits();
        end = file.size();
        long length = Math.max(1, header.clusters() * Long.BYTES);
        if (length > SMALL && length > Memory.available()) {
            throw new IOException(file.path + ": its tables may take " + length + " bytes of memory, and there are " + Memory.available()
                    + "; an image with larger clusters takes less");
        }
        tables = file.table(header.l1Offset(), header.l1Size() * Long.BYTES);
        try {
            entries = map(length);
        } catch (IOException e) {
            tables.close();
            throw e;
        }
        ByteBuffer table = tables.buffer(0, header.l1Size() * Long.BYTES);
        for (int i = 0; i < table.capacity(); i += Long.BYTES) {
            tables.putLong(i, table.getLong(i));
        }
    }

    /** Keeps the clusters of the disk off the level 2 tables, and off the clusters of other tables, before any is looked for. */
    synchronized void avoid(long[] tableClusters) {
        LongStream level2 = LongStream.range(0, header.l1Size()).map(this::table).filter(place -> place != 0);
        others = LongStream.concat(level2, Arrays.stream(tableClusters)).sorted().toArray();
    }

    private Memory map(long length) throws IOException {
        try {
            return Memory.map(length);
        } catch (OutOfMemoryError e) {
            throw new IOException(file.path + ": no room for its tables: " + e.getMessage(), e);
        }
    }

    /** The place of a level 2 table; 0 if there is none. */
    long table(long index) {
        return Entry.host(tables.getLong(index * Long.BYTES));
    }

    /** The entry of a cluster; {@link Entry#UNKNOWN} if it must be loaded first. */
    long look(long cluster) {
        if (tableEntry(cluster) == 0) {
            return Entry.UNALLOCATED;
        }
        long entry = entries.getLong(cluster * Long.BYTES);
        // What it points to was there before it
        VarHandle.acquireFence();
        return entry;
    }

    /** The entry of a cluster, from the file if need be. */
    long entry(long cluster) throws IOException {
        long entry = look(cluster);
        if (entry == Entry.UNKNOWN) {
            load(cluster >>> l2Bits);
            entry = look(cluster);
        }
        if (entry == Entry.BAD) {
            throw new IOException(file.path + ": the tables make no sense for the data at " + (cluster << header.clusterBits())
                    + " of the disk; 'qemu-img check' tells more");
        }
        return entry;
    }

    /** Whether there is no table for a cluster. */
    boolean isBare(long cluster) {
        return tableEntry(cluster) == 0;
    }

    /** The first cluster of the next table. */
    long nextTable(long cluster) {
        return (cluster >>> l2Bits) + 1 << l2Bits;
    }

    /** Points a cluster to another place; its table is its own. */
    synchronized void set(long cluster, long entry) throws IOException {
        long table = Entry.host(tableEntry(cluster));
        write(table + (cluster & (1L << l2Bits) - 1) * Long.BYTES, entry);
        remember(cluster, entry | Entry.LOADED);
    }

    /** Makes sure that the table of a cluster is there, and no snapshot's too. */
    synchronized void own(long cluster, Allocator allocator) throws IOException {
        long index = cluster >>> l2Bits;
        long old = tableEntry(cluster);
        if ((old & Entry.OWN) != 0) {
            return;
        }
        if (old == 0) {
            // Before the table, for those who look
            for (long each = firstOf(index); each < endOf(index); each++) {
                remember(each, Entry.UNALLOCATED);
            }
            long place = allocator.takeOne();
            try {
                setTable(index, place | Entry.OWN);
            } catch (Throwable e) {
                allocator.release(place, 1);
                throw e;
            }
            return;
        }
        long host = Entry.host(old);
        if (allocator.references(host) > 1) {
            long copy = allocator.takeOne();
            try {
                try (Memory table = file.table(host, (int) header.clusterSize())) {
                    file.write(copy, table.buffer(0, (int) table.size()), (int) table.size());
                }
                file.sync();
                setTable(index, copy | Entry.OWN);
            } catch (Throwable e) {
                allocator.release(copy, 1);
                throw e;
            }
            allocator.release(host, 1);
        } else {
            setTable(index, old | Entry.OWN);
        }
    }

    @Override
    public void close() {
        try (tables; entries) {
            // Both, whatever happens
        }
    }

    private synchronized void load(long index) throws IOException {
        long first = firstOf(index);
        // Another thread may have loaded it, and moved it behind what was the end at the start
        if (entries.getLong(first * Long.BYTES) != Entry.UNKNOWN) {
            return;
        }
        long entry = tables.getLong(index * Long.BYTES);
        long host = Entry.host(entry);
        if ((entry & L1_RESERVED) != 0 || !isCluster(host)) {
            throw new IOException(file.path + ": the level 1 table makes no sense for the data at " + (first << header.clusterBits())
                    + " of the disk; 'qemu-img check' tells more");
        }
        try (Memory memory = file.table(host, (int) header.clusterSize())) {
            ByteBuffer table = memory.buffer(0, (int) header.clusterSize());
            // The first one last, because it tells whether all are there
            for (long cluster = endOf(index) - 1; cluster >= first; cluster--) {
                long loaded = Entry.load(table.getLong((int) (cluster - first) * Long.BYTES), header);
                remember(cluster, isPossible(loaded) ? loaded : Entry.BAD);
            }
        }
    }

    /** Whether all that an entry points to can be the disk's, or a change of it would give up what belongs to the image. */
    private boolean isPossible(long entry) {
        if (!Entry.isCompressed(entry)) {
            return Entry.host(entry) == 0 || isFree(Entry.host(entry));
        }
        // Its last sectors need not be there
        long end = Math.min(this.end, Entry.compressedEnd(entry, header.clusterBits()));
        long at = Entry.compressedStart(entry, header.clusterBits()) & -header.clusterSize();
        if (at >= end) {
            return false;
        }
        while (at < end && isFree(at)) {
            at += header.clusterSize();
        }
        return at >= end;
    }

    private boolean isFree(long host) {
        return isCluster(host) && Arrays.binarySearch(others, host) < 0;
    }

    /** Whether a place can be that of a cluster: in the file, and not that of a table whose place the header gives. */
    private boolean isCluster(long host) {
        return (host & header.clusterSize() - 1) == 0 && host >= header.clusterSize() && host < end
                && !isIn(host, header.l1Offset(), (long) header.l1Size() * Long.BYTES)
                && !isIn(host, header.refcountTableOffset(), header.refcountTableSize());
    }

    static boolean isIn(long position, long start, long length) {
        return position >= start && position < start + length;
    }

    private long tableEntry(long cluster) {
        return tables.getLong((cluster >>> l2Bits) * Long.BYTES);
    }

    private void setTable(long index, long entry) throws IOException {
        write(header.l1Offset() + index * Long.BYTES, entry);
        VarHandle.releaseFence();
        tables.putLong(index * Long.BYTES, entry);
    }

    private void remember(long cluster, long entry) {
        VarHandle.releaseFence();
        entries.putLong(cluster * Long.BYTES, entry);
    }

    private void write(long position, long entry) throws IOException {
        file.write(position, one.clear().putLong(0, entry), Long.BYTES);
    }

    private long firstOf(long table) {
        return table << l2Bits;
    }

    private long endOf(long table) {
        return Math.min(header.clusters(), firstOf(table) + (1L << l2Bits));
    }
}
