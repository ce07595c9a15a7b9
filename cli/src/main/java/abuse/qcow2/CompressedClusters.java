// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import abuse.libc.Memory;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Reads clusters that are compressed, and keeps the last one, because small reads of it follow each other. */
final class CompressedClusters implements AutoCloseable {
    private final ImageFile file;
    private final int clusterBits;
    private final Decompressor method;
    /** Null before the first read: most images have no such clusters. */
    private Memory last;
    private long lastEntry;

    CompressedClusters(ImageFile file, Header header) throws IOException {
        this.file = file;
        clusterBits = header.clusterBits();
        try {
            method = header.zstd() ? Zstd.load("libzstd.so.1") : new Zlib();
        } catch (IOException e) {
            throw new IOException(file.path + ": the image is compressed with zstd: " + e.getMessage(), e);
        }
    }

    /** Reads a part of a cluster. */
    synchronized void read(long entry, int from, ByteBuffer into, int length) throws IOException {
        if (last == null) {
            last = Memory.map(1 << clusterBits);
        }
        ByteBuffer bytes = last.buffer(0, 1 << clusterBits);
        if (entry != lastEntry) {
            lastEntry = 0;
            decompress(entry, bytes);
            lastEntry = entry;
        }
        into.put(into.position(), bytes, from, length).position(into.position() + length);
    }

    @Override
    public synchronized void close() {
        if (last != null) {
            last.close();
        }
    }

    private void decompress(long entry, ByteBuffer into) throws IOException {
        long start = Entry.compressedStart(entry, clusterBits);
        // The file may end within the last sector
        long end = Math.min(file.size(), Entry.compressedEnd(entry, clusterBits));
        int length = (int) Math.max(0, end - start);
        try (Memory data = file.table(start, length)) {
            if (!method.decompress(data.buffer(0, length), into)) {
                throw new IOException(file.path + ": the compressed data at " + start + " of the file is broken; 'qemu-img check' tells more");
            }
        }
    }
}
