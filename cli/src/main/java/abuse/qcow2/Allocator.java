// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Hands out clusters of the file that read as zeros, and are counted as used once; both is durable. So it makes many of
 * them ready at once. Those that are left over are given back at the end; if the server is killed before, they are lost.
 */
final class Allocator implements AutoCloseable {
    /** The most bytes that are made ready at once. */
    static final long LARGEST_CHUNK = 64 << 20;
    private static final long FIRST_CHUNK = 1 << 20;
    private static final int LEAST = 8;
    private static final long MOST_BLOCKS = Header.MAX_REFCOUNT_TABLE / Long.BYTES;
    /** So many runs of released clusters take half a megabyte of the heap. */
    private static final int MANY = 16 << 10;
    /** How many clusters are counted once less while those wait who need clusters. */
    private static final long PIECE = 64;

    private final ImageFile file;
    private final Header header;
    private final Refcounts refcounts;
    private final int bits;
    /** Ready, the next ones first. */
    private final Deque<Run> ready = new ArrayDeque<>();
    /** How much is made ready the next time, in bytes. */
    private long chunk;
    private final long largest;
    /** Where the search for free clusters within the file goes on. */
    private long cursor;
    /** Where the file ended at the start. */
    private final long firstEnd;
    /** Behind all clusters that were used then. */
    private final long used;
    /** To be counted once less when it is durable that nothing points there. */
    private List<Run> released = new ArrayList<>();

    /** Clusters of the file that follow each other. */
    record Run(long start, long count) {}

    /**
     * Changes nothing yet.
     *
     * @param largest the most bytes that are made ready at once
     * @throws IOException when the file must not be written as it is
     */
    Allocator(ImageFile file, Header header, ClusterMap map, long largest) throws IOException {
        this.file = file;
        this.header = header;
        this.largest = largest;
        chunk = Math.min(FIRST_CHUNK, largest);
        bits = header.clusterBits();
        firstEnd = clusters();
        refcounts = new Refcounts(file, header);
        try {
            map.avoid(TableCheck.check(file, header, map, refcounts));
            used = refcounts.end();
            // A killed qemu may leave some there
            if (used - firstEnd << bits > LARGEST_CHUNK) {
                throw new IOException(file.path + ": the image ends long before the last cluster that is in use; " + Hints.repair(file.path));
            }
        } catch (Throwable e) {
            refcounts.close();
            throw e;
        }
        // The header is never free, whatever its number is
        cursor = 1;
    }

    /** Takes at least one cluster, and at most so many that follow each other. */
    synchronized Run take(long most) throws IOException {
        if (ready.isEmpty() || ready.peek().count < most && ready.size() == 1) {
            try {
                refill(most);
            } catch (IOException e) {
                if (ready.isEmpty()) {
                    throw e;
                }
            }
        }
        Run run = ready.remove();
        if (run.count <= most) {
            return run;
        }
        ready.addFirst(new Run(run.start + most, run.count - most));
        return new Run(run.start, most);
    }

    /** Takes one cluster, and returns its place. */
    long takeOne() throws IOException {
        return take(1).start << bits;
    }

    /** Takes back clusters that were not touched. */
    synchronized void giveBack(long start, long count) {
        if (count > 0) {
            Run next = ready.peek();
            if (next != null && start + count == next.start) {
                ready.remove();
                ready.addFirst(new Run(start, count + next.count));
            } else {
                ready.addFirst(new Run(start, count));
            }
        }
    }

    /** How often a place is pointed to. */
    synchronized long references(long place) throws IOException {
        return refcounts.get(place >>> bits);
    }

    /** Nothing more points from one place to each of the clusters that have some of the bytes. */
    synchronized void release(long place, long length) {
        long first = place >>> bits;
        long count = (place + length - 1 >>> bits) - first + 1;
        int last = released.size() - 1;
        if (last >= 0 && released.get(last).start + released.get(last).count == first) {
            released.set(last, new Run(released.get(last).start, released.get(last).count + count));
        } else {
            released.add(new Run(first, count));
        }
    }

    /** Counts what was released without being asked for a flush, once that is much. The caller holds no lock. */
    void settle() throws IOException {
        boolean many;
        synchronized (this) {
            many = released.size() >= MANY;
        }
        if (many) {
            flush();
        }
    }

    /** Makes durable all that was written before. */
    void flush() throws IOException {
        List<Run> durable;
        synchronized (this) {
            durable = released;
            released = new ArrayList<>();
        }
        file.sync();
        try {
            lower(durable);
        } catch (Throwable e) {
            // The data is durable all the same; some clusters are lost
        }
    }

    @Override
    public synchronized void close() {
        refcounts.close();
    }

    /** Gives back what is left over, at the end. */
    synchronized void giveBackAll() throws IOException {
        flush();
        long end = clusters();
        for (Run run : ready) {
            uncount(run.start, run.count);
        }
        // Or a power cut could leave the counts of what is cut off
        file.sync();
        // What was there before is not ours to cut
        while (end > firstEnd && refcounts.get(end - 1) == 0) {
            end--;
        }
        if (end < clusters()) {
            shorten(end << bits);
        }
        file.sync();
    }

    private void lower(List<Run> durable) throws IOException {
        for (Run run : durable) {
            long end = run.start + run.count;
            for (long at = run.start; at < end; at += PIECE) {
                lower(at, Math.min(at + PIECE, end));
            }
        }
    }

    private synchronized void lower(long start, long end) throws IOException {
        for (long cluster = start; cluster < end; cluster++) {
            long now = isFixed(cluster << bits) ? 0 : refcounts.get(cluster);
            if (now == 1) {
                file.punch(cluster << bits, 1L << bits);
            }
            if (now > 0) {
                refcounts.set(cluster, 1, now - 1);
            }
            if (now == 1) {
                cursor = Math.min(cursor, cluster);
            }
        }
    }

    /** Whether a place is the header's, or of a table whose place the header gives: whatever is wrong, they are never given up. */
    private boolean isFixed(long place) {
        return place == 0 || ClusterMap.isIn(place, header.l1Offset(), (long) header.l1Size() * Long.BYTES)
                || ClusterMap.isIn(place, refcounts.tableOffset(), refcounts.room() * Long.BYTES);
    }

    private long clusters() {
        return file.size() + (1L << bits) - 1 >>> bits;
    }

    private void refill(long most) throws IOException {
        long count = Math.max(Math.max(most, LEAST), chunk >>> bits);
        chunk = Math.min(2 * chunk, largest);
        List<Run> free = free(count);
        if (free.isEmpty()) {
            extend(count);
            return;
        }
        try {
            for (Run run : free) {
                file.zero(run.start << bits, run.count << bits);
                refcounts.set(run.start, run.count, 1);
            }
            file.sync();
        } catch (Throwable e) {
            for (Run run : free) {
                uncount(run.start, run.count);
            }
            throw e;
        }
        ready.addAll(free);
    }

    /** Undoes that clusters were counted. */
    private void uncount(long start, long count) {
        try {
            refcounts.set(start, count, 0);
        } catch (IOException e) {
            // They are lost, or counted again anyway
        }
    }

    /** Clusters within the file that are free, about so many. */
    private List<Run> free(long count) throws IOException {
        var free = new ArrayList<Run>();
        long end = clusters();
        for (long found = 0; found < count && cursor < end;) {
            long start = refcounts.firstFree(cursor, end);
            cursor = start;
            while (cursor < end && cursor - start < count - found && refcounts.firstFree(cursor, cursor + 1) == cursor) {
                cursor++;
            }
            if (cursor > start) {
                free.add(new Run(start, cursor - start));
                found += cursor - start;
            }
        }
        return free;
    }

    /** Makes the file longer: by a longer table of reference counts if need be, then new blocks of them, then free clusters. */
    private void extend(long count) throws IOException {
        long end = Math.max(clusters(), used);
        if (end > clusters()) {
            // Or each power cut could add to what is counted behind the end of the file
            file.resize(end << bits);
            file.sync();
        }
        long before = file.size();
        long[] newBlocks = {};
        long table = 0;
        while (true) {
            long last = end + table + newBlocks.length + count - 1 >>> refcounts.blockBits();
            if (last >= MOST_BLOCKS) {
                throw new IOException(file.path + ": the image can grow no further");
            }
            long[] missing = missing(end >>> refcounts.blockBits(), last);
            long room = Math.min((last + 1) * 3 / 2, MOST_BLOCKS);
            long wanted = last < refcounts.room() ? 0 : Math.max(table, room * Long.BYTES + (1L << bits) - 1 >>> bits);
            if (missing.length == newBlocks.length && wanted == table) {
                break;
            }
            newBlocks = missing;
            table = wanted;
        }
        long firstBlock = end + table;
        long first = firstBlock + newBlocks.length;
        long newEnd = first + count;
        long[] longer = null;
        try {
            file.resize(newEnd << bits);
            refcounts.set(end, newEnd - end, 1);
            for (int i = 0; i < newBlocks.length; i++) {
                refcounts.prepare(newBlocks[i], firstBlock + i << bits, end, newEnd);
            }
            if (table > 0) {
                longer = refcounts.prepareTable((int) (table << bits - 3), end << bits, newBlocks, firstBlock << bits);
            }
            file.sync();
        } catch (Throwable e) {
            uncount(end, newEnd - end);
            shorten(before);
            throw e;
        }
        if (longer != null) {
            long old = refcounts.tableOffset();
            long oldLength = refcounts.room() * Long.BYTES;
            refcounts.adoptTable(longer, end << bits);
            file.sync();
            release(old, oldLength);
        } else if (newBlocks.length > 0) {
            refcounts.adopt(newBlocks, firstBlock << bits);
            file.sync();
        }
        addAtEnd(new Run(first, count));
    }

    /** Undoes extensions, or a full filesystem would make the file longer with each request that fails. */
    private void shorten(long length) {
        try {
            file.resize(length);
        } catch (IOException e) {
            // It stays longer
        }
    }

    /** Those blocks of some that are not there. */
    private long[] missing(long from, long to) {
        var missing = new ArrayList<Long>();
        for (long index = from; index <= to; index++) {
            if (!refcounts.has(index)) {
                missing.add(index);
            }
        }
        return missing.stream().mapToLong(Long::longValue).toArray();
    }

    private void addAtEnd(Run run) {
        Run last = ready.peekLast();
        if (last != null && last.start + last.count == run.start) {
            ready.removeLast();
            ready.add(new Run(last.start, last.count + run.count));
        } else {
            ready.add(run);
        }
    }
}
