// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.LongStream;

/**
 * Makes sure before the first write that no table is counted as free, or it would be handed out and zeroed, and that no
 * block of reference counts lies on another table.
 */
final class TableCheck {
    private static final int MOST_SNAPSHOTS = 65536;
    private static final long MOST_CLUSTERS = 1 << 20;
    /** What all entries of the table of snapshots begin with. */
    private static final int SNAPSHOT = 40;
    private static final String BLOCK = "block of reference counts";
    private static final String LEVEL_2 = "level 2 table";

    private final ImageFile file;
    private final Header header;
    private final Refcounts refcounts;
    private final long[] blocks;
    private List<Table> tables = new ArrayList<>();

    private record Table(String name, long start, long length) {}

    private TableCheck(ImageFile file, Header header, Refcounts refcounts) {
        this.file = file;
        this.header = header;
        this.refcounts = refcounts;
        blocks = refcounts.places();
        Arrays.sort(blocks);
    }

    /**
     * Looks at all tables of an image.
     *
     * @return the clusters of those, but for level 2 tables
     * @throws IOException when it must not be written as it is
     */
    static long[] check(ImageFile file, Header header, ClusterMap map, Refcounts refcounts) throws IOException {
        var check = new TableCheck(file, header, refcounts);
        check.check(map);
        return LongStream.concat(Arrays.stream(check.blocks), check.tables.stream().flatMapToLong(check::clusters)).toArray();
    }

    private LongStream clusters(Table table) {
        return LongStream.iterate(table.start, at -> at < table.start + table.length, at -> at + header.clusterSize());
    }

    private void check(ClusterMap map) throws IOException {
        tables.add(new Table("header", 0, header.clusterSize()));
        tables.add(new Table("level 1 table", header.l1Offset(), (long) header.l1Size() * Long.BYTES));
        tables.add(new Table("table of reference counts", header.refcountTableOffset(), header.refcountTableSize()));
        if (header.snapshots() != 0) {
            addSnapshots();
        }
        tables = eachOnce();
        for (Table table : tables) {
            checkUsed(table.name, table.start, table.length);
        }
        for (int i = 0; i < blocks.length; i++) {
            checkUsed(BLOCK, blocks[i], header.clusterSize());
            if (i > 0 && blocks[i] == blocks[i - 1]) {
                throw overlap(BLOCK);
            }
        }
        for (Table table : tables) {
            checkNoBlock(table.name, table.start, table.length);
        }
        // In this order each block of counts is read once
        for (long place : LongStream.range(0, header.l1Size()).map(map::table).filter(place -> place != 0).sorted().distinct().toArray()) {
            checkUsed(LEVEL_2, place, header.clusterSize());
            checkNoBlock(LEVEL_2, place, header.clusterSize());
        }
    }

    /** The tables as whole clusters, without what an earlier one has, too: any number of snapshots may name one place. */
    private List<Table> eachOnce() throws IOException {
        tables.sort(Comparator.comparingLong(Table::start));
        var each = new ArrayList<Table>();
        long size = header.clusterSize();
        long behind = 0;
        long clusters = 0;
        for (Table table : tables) {
            long start = Math.max(behind, table.start & -size);
            long end = table.start + table.length + size - 1 & -size;
            if (table.length > 0 && start < end) {
                each.add(new Table(table.name, start, end - start));
                behind = end;
                clusters += end - start >>> header.clusterBits();
            }
        }
        if (clusters > MOST_CLUSTERS) {
            throw new IOException(file.path + ": the image has tables of more than " + MOST_CLUSTERS
                    + " clusters; add 'ro' to the setup, or 'qemu-img convert' makes one with larger clusters and without the snapshots");
        }
        return each;
    }

    private void addSnapshots() throws IOException {
        require(Integer.toUnsignedLong(header.snapshots()) <= MOST_SNAPSHOTS);
        long start = header.snapshotsOffset();
        require(start > 0 && start < file.size() && (start & header.clusterSize() - 1) == 0);
        long at = start;
        long end = start;
        ByteBuffer entry = ByteBuffer.allocateDirect(SNAPSHOT);
        for (int i = 0; i < header.snapshots(); i++) {
            file.read(at, entry.clear(), SNAPSHOT);
            long l1Length = Integer.toUnsignedLong(entry.getInt(8)) * Long.BYTES;
            require(l1Length <= Header.MAX_L1 && entry.getLong(0) >= 0 && entry.getLong(0) <= file.size());
            tables.add(new Table("level 1 table of a snapshot", entry.getLong(0), l1Length));
            long length = SNAPSHOT + Integer.toUnsignedLong(entry.getInt(36)) + Short.toUnsignedInt(entry.getShort(12))
                    + Short.toUnsignedInt(entry.getShort(14));
            // The last one is not filled up
            end = at + length;
            at = end + 7 & -8L;
        }
        require(end <= file.size());
        tables.add(new Table("table of snapshots", start, end - start));
    }

    private void require(boolean condition) throws IOException {
        if (!condition) {
            throw refusal("has a table of snapshots that makes no sense");
        }
    }

    private void checkUsed(String name, long start, long length) throws IOException {
        for (long at = start; at < start + length; at += header.clusterSize()) {
            if (refcounts.get(at >>> header.clusterBits()) == 0) {
                throw refusal("counts its " + name + " as free");
            }
        }
    }

    private void checkNoBlock(String name, long start, long length) throws IOException {
        int found = Arrays.binarySearch(blocks, start);
        int next = found >= 0 ? found : -found - 1;
        if (next < blocks.length && blocks[next] < start + length) {
            throw overlap(name);
        }
    }

    private IOException overlap(String name) {
        return refusal("has a block of reference counts on its " + name);
    }

    private IOException refusal(String what) {
        return new IOException(file.path + ": the image " + what + "; " + Hints.repair(file.path));
    }
}
