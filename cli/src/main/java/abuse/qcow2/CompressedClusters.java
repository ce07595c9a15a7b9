// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/** Reads clusters that are compressed, and keeps the last one, because small reads of it follow each other. */
final class CompressedClusters {
    private final ImageFile file;
    private final int clusterBits;
    private final byte[] last;
    private long lastEntry;

    CompressedClusters(ImageFile file, int clusterBits) {
        this.file = file;
        this.clusterBits = clusterBits;
        last = new byte[1 << clusterBits];
    }

    /** Reads a part of a cluster. */
    synchronized void read(long entry, int from, ByteBuffer into, int length) throws IOException {
        if (entry != lastEntry) {
            lastEntry = 0;
            inflate(entry);
            lastEntry = entry;
        }
        into.put(last, from, length);
    }

    private void inflate(long entry) throws IOException {
        long start = Entry.compressedStart(entry, clusterBits);
        // The file may end within the last sector
        long end = Math.min(file.size(), Entry.compressedEnd(entry, clusterBits));
        if (end > start) {
            // Without the header and the sum of zlib, and maybe with less than the whole window
            var inflater = new Inflater(true);
            try {
                inflater.setInput(file.table(start, (int) (end - start)));
                int n = 0;
                for (int more = 1; more > 0 && n < last.length; n += more) {
                    more = inflater.inflate(last, n, last.length - n);
                }
                if (n == last.length) {
                    return;
                }
            } catch (DataFormatException e) {
                // No cluster either
            } finally {
                inflater.end();
            }
        }
        throw new IOException(file.path + ": the compressed data at " + start + " of the file is broken; 'qemu-img check' tells more");
    }
}
