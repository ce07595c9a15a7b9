// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import abuse.libc.Memory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Writes to an image. A cluster that gets a place of its own is filled first, and only then pointed to; one thread at a
 * time does that for each of them.
 */
final class Changes implements AutoCloseable {
    private static final int LOCKS = 64;

    private final Qcow2Layer image;
    private final Allocator allocator;
    private final ImageFile file;
    private final ClusterMap map;
    private final int bits;
    private final int clusterSize;
    private final Object[] locks = new Object[LOCKS];
    /** Memory for a cluster each, which nobody uses at the moment. */
    private final Deque<Memory> scratch = new ArrayDeque<>();
    private volatile boolean begun;

    /**
     * Changes nothing yet.
     *
     * @param ready the most bytes of new clusters that are made ready at once
     * @throws IOException when it must not be written as it is
     */
    Changes(Qcow2Layer image, long ready) throws IOException {
        image.header.checkWritable(image.file);
        this.image = image;
        file = image.file;
        map = image.map;
        bits = image.header.clusterBits();
        clusterSize = 1 << bits;
        // Whoever wrote it before may have given up clusters that durable tables still point to, and we will use them
        try {
            file.sync();
        } catch (IOException e) {
            // The first flush tells, and nothing new is used before
        }
        allocator = new Allocator(file, image.header, map, ready);
        for (int i = 0; i < LOCKS; i++) {
            locks[i] = new Object();
        }
    }

    /** Whether the image is ready for changes without this class. */
    boolean isBegun() {
        return begun;
    }

    /** Not before all that could refuse the image had its turn. */
    private void begin() throws IOException {
        if (!begun) {
            synchronized (this) {
                if (!begun) {
                    image.header.prepare(file);
                    begun = true;
                }
            }
        }
    }

    /** Makes all of it durable. */
    void flush() throws IOException {
        allocator.flush();
    }

    /** Fails if something that was written may not be durable. */
    @Override
    public void close() throws IOException {
        try (allocator) {
            if (begun && !file.isTemporary()) {
                allocator.giveBackAll();
            }
        } finally {
            scratch.forEach(Memory::close);
        }
    }

    void write(long offset, ByteBuffer from) throws IOException {
        begin();
        while (from.hasRemaining()) {
            long cluster = offset >>> bits;
            long entry = map.entry(cluster);
            if (Entry.isOwnData(entry)) {
                offset += writeInPlace(entry, offset, from);
            } else {
                try {
                    offset += writeElsewhere(offset, from);
                } catch (IOException e) {
                    throw settled(e);
                }
                allocator.settle();
            }
        }
    }

    /** Makes a range read as zeros. */
    void zero(long offset, long length) throws IOException {
        change(offset, length, true);
    }

    /** Gives back the space of a range, where that takes none elsewhere. */
    void discard(long offset, long length) throws IOException {
        change(offset, length, false);
    }

    /** Writes as far as the clusters lie in one piece. */
    private int writeInPlace(long entry, long offset, ByteBuffer from) throws IOException {
        int within = within(offset);
        long host = Entry.host(entry);
        long n = clusterSize - within;
        for (long cluster = (offset >>> bits) + 1; n < from.remaining(); cluster++, n += clusterSize) {
            long next = map.entry(cluster);
            if (!Entry.isOwnData(next) || Entry.host(next) != host + within + n) {
                break;
            }
        }
        int length = (int) Math.min(n, from.remaining());
        file.write(host + within, from, length);
        return length;
    }

    /** Settles after a request that has failed, as that gives up clusters, too; it fails for the same reason. */
    private IOException settled(IOException reason) {
        try {
            allocator.settle();
        } catch (IOException e) {
            reason.addSuppressed(e);
        }
        return reason;
    }

    /** Writes some clusters that need a place, which then lie in one piece if possible. */
    private int writeElsewhere(long offset, ByteBuffer from) throws IOException {
        long first = offset >>> bits;
        long last = offset + from.remaining() - 1 >>> bits;
        long end = first + 1;
        while (end <= last && !Entry.isOwnData(map.entry(end))) {
            end++;
        }
        Allocator.Run run = allocator.take(end - first);
        long used = 0;
        int written = 0;
        try {
            for (long cluster = first; cluster < first + run.count(); cluster++) {
                int within = within(offset + written);
                int n = Math.min(clusterSize - within, from.remaining());
                // If this fails, its place is given up
                used++;
                if (!writeCluster(cluster, within, from, n, run.start() + used - 1 << bits)) {
                    used--;
                }
                written += n;
            }
        } finally {
            allocator.giveBack(run.start() + used, run.count() - used);
        }
        return written;
    }

    /** Writes a part of a cluster; whether it has the new place then. */
    private boolean writeCluster(long cluster, int within, ByteBuffer from, int length, long place) throws IOException {
        synchronized (lock(cluster)) {
            long entry;
            try {
                entry = map.entry(cluster);
                if (writeOwn(cluster, entry, within, from, length)) {
                    return false;
                }
                if (readsAsZeros(cluster, entry)) {
                    file.write(place + within, from, length);
                } else {
                    copy(cluster, within, from, length, place);
                }
                map.own(cluster, allocator);
                map.set(cluster, place | Entry.OWN);
            } catch (Throwable e) {
                // It may have something in it
                allocator.release(place, 1);
                throw e;
            }
            release(entry);
            return true;
        }
    }

    /** Writes a part of a cluster if that has a place for itself; false if not. */
    private boolean writeOwn(long cluster, long entry, int within, ByteBuffer from, int length) throws IOException {
        if (!isOwn(cluster, entry)) {
            return false;
        }
        if (!Entry.isOwnData(entry)) {
            map.own(cluster, allocator);
            if (Entry.isZero(entry)) {
                file.zero(Entry.host(entry), clusterSize);
                file.sync();
            }
            map.set(cluster, Entry.host(entry) | Entry.OWN);
        }
        file.write(Entry.host(entry) + within, from, length);
        return true;
    }

    /** Fills a new place with what a cluster holds now, and with what is written there. */
    private void copy(long cluster, int within, ByteBuffer from, int length, long place) throws IOException {
        Memory memory = borrow();
        try {
            ByteBuffer old = memory.buffer(0, clusterSize);
            image.read(cluster << bits, old);
            if (isZeros(old.clear())) {
                file.write(place + within, from, length);
                return;
            }
            int start = from.position();
            old.put(within, from, start, length);
            file.write(place, old, clusterSize);
            from.position(start + length);
            // Or the power could go when the new place is durable, but not what it holds
            file.sync();
        } finally {
            synchronized (scratch) {
                scratch.push(memory);
            }
        }
    }

    private void change(long offset, long length, boolean mustBeZeros) throws IOException {
        begin();
        for (long end = offset + length; offset < end;) {
            long cluster = offset >>> bits;
            long next = Math.min(end, cluster + 1 << bits);
            if (image.below == null && map.isBare(cluster)) {
                next = Math.min(end, map.nextTable(cluster) << bits);
            } else {
                try {
                    synchronized (lock(cluster)) {
                        changeCluster(cluster, within(offset), (int) (next - offset), mustBeZeros);
                    }
                } catch (IOException e) {
                    throw settled(e);
                }
                allocator.settle();
            }
            offset = next;
        }
    }

    private void changeCluster(long cluster, int within, int length, boolean mustBeZeros) throws IOException {
        long entry = map.entry(cluster);
        if (Entry.isZero(entry)) {
            return;
        }
        if (isOwn(cluster, entry)) {
            if (mustBeZeros) {
                file.zero(Entry.host(entry) + within, length);
            } else {
                file.punch(Entry.host(entry) + within, length);
            }
            return;
        }
        if (Entry.isUnallocated(entry) && (!mustBeZeros || readsAsZeros(cluster, entry))) {
            return;
        }
        long last = Math.min(image.header.size() - (cluster << bits), clusterSize);
        if (within == 0 && length == last) {
            changeWhole(cluster, entry, mustBeZeros);
        } else if (mustBeZeros) {
            try (Memory zeros = Memory.map(length)) {
                writeSmall(cluster, within, zeros.buffer(), length);
            }
        }
    }

    /** Makes a cluster zeros that has no place of its own. */
    private void changeWhole(long cluster, long entry, boolean mustBeZeros) throws IOException {
        if (image.header.version() >= 3) {
            map.own(cluster, allocator);
            map.set(cluster, Entry.ZERO);
        } else if (image.below == null) {
            map.own(cluster, allocator);
            map.set(cluster, 0);
        } else if (mustBeZeros) {
            // The only way that version 2 has to hide what is below
            long place = allocator.takeOne();
            try {
                map.own(cluster, allocator);
                map.set(cluster, place | Entry.OWN);
            } catch (Throwable e) {
                allocator.release(place, 1);
                throw e;
            }
        } else {
            return;
        }
        release(entry);
    }

    private void writeSmall(long cluster, int within, ByteBuffer from, int length) throws IOException {
        Allocator.Run run = allocator.take(1);
        if (!writeCluster(cluster, within, from, length, run.start() << bits)) {
            allocator.giveBack(run.start(), 1);
        }
    }

    /** Whether a cluster has a place for itself, even if its entry does not say so. */
    private boolean isOwn(long cluster, long entry) throws IOException {
        if (Entry.isCompressed(entry) || Entry.host(entry) == 0) {
            return false;
        }
        if ((entry & Entry.OWN) == 0) {
            if (allocator.references(Entry.host(entry)) != 1) {
                return false;
            }
            // Then no snapshot has its table either, even if the entry of that does not say so
            map.own(cluster, allocator);
        }
        return true;
    }

    private boolean readsAsZeros(long cluster, long entry) {
        return Entry.isZero(entry) || Entry.isUnallocated(entry)
                && (image.below == null || image.below.address(cluster << bits, clusterSize) == Layer.ZEROS);
    }

    /** Gives up the old place of a cluster. */
    private void release(long entry) {
        if (Entry.isCompressed(entry)) {
            long start = Entry.compressedStart(entry, bits);
            allocator.release(start, Entry.compressedEnd(entry, bits) - start);
        } else if (Entry.host(entry) != 0) {
            allocator.release(Entry.host(entry), 1);
        }
    }

    private static boolean isZeros(ByteBuffer bytes) {
        for (int i = 0; i < bytes.limit(); i += Long.BYTES) {
            if (bytes.getLong(i) != 0) {
                return false;
            }
        }
        return true;
    }

    private Memory borrow() {
        synchronized (scratch) {
            if (!scratch.isEmpty()) {
                return scratch.pop();
            }
        }
        return Memory.map(clusterSize);
    }

    private int within(long offset) {
        return (int) (offset & clusterSize - 1);
    }

    private Object lock(long cluster) {
        return locks[(int) (cluster & LOCKS - 1)];
    }
}
