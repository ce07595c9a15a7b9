// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Reads clusters that are compressed, and keeps the last one, because small reads of it follow each other. */
final class CompressedClusters {
    private final ImageFile file;
    private final int clusterBits;
    private final Decompressor method;
    private final ByteBuffer last;
    private long lastEntry;

    CompressedClusters(ImageFile file, Header header) throws IOException {
        this.file = file;
        clusterBits = header.clusterBits();
        try {
            method = header.zstd() ? Zstd.load("libzstd.so.1") : new Zlib();
        } catch (IOException e) {
            throw new IOException(file.path + ": the image is compressed with zstd: " + e.getMessage(), e);
        }
        last = ByteBuffer.allocateDirect(1 << clusterBits);
    }

    /** Reads a part of a cluster. */
    synchronized void read(long entry, int from, ByteBuffer into, int length) throws IOException {
        if (entry != lastEntry) {
            lastEntry = 0;
            decompress(entry);
            lastEntry = entry;
        }
        into.put(into.position(), last, from, length).position(into.position() + length);
    }

    private void decompress(long entry) throws IOException {
        long start = Entry.compressedStart(entry, clusterBits);
        // The file may end within the last sector
        long end = Math.min(file.size(), Entry.compressedEnd(entry, clusterBits));
        if (end <= start || !method.decompress(file.table(start, (int) (end - start)), last)) {
            throw new IOException(file.path + ": the compressed data at " + start + " of the file is broken; 'qemu-img check' tells more");
        }
    }
}
