// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;

/** The bytes of a disk as an image has them, with those of its backing files below. */
final class Qcow2Layer implements Layer {
    final ImageFile file;
    final Header header;
    final ClusterMap map;
    /** Null if there are only zeros below. */
    final Layer below;
    private final CompressedClusters compressed;

    /** Takes over both files. */
    Qcow2Layer(ImageFile file, Header header, Layer below) throws IOException {
        this.file = file;
        this.header = header;
        this.below = below;
        compressed = new CompressedClusters(file, header);
        // The last one, because it must be closed
        map = new ClusterMap(file, header);
    }

    @Override
    public long address(long offset, long length) {
        if (offset + length > header.size()) {
            return offset >= header.size() ? ZEROS : SCATTERED;
        }
        int bits = header.clusterBits();
        long first = offset >>> bits;
        long last = offset + length - 1 >>> bits;
        long entry = map.look(first);
        if (Entry.isData(entry)) {
            long host = Entry.host(entry);
            for (long cluster = first + 1; cluster <= last; cluster++) {
                long next = map.look(cluster);
                if (!Entry.isData(next) || Entry.host(next) != host + (cluster - first << bits)) {
                    return SCATTERED;
                }
            }
            return file.address(host + (offset & header.clusterSize() - 1), length);
        }
        boolean zero = isZero(entry);
        if (!zero && !Entry.isUnallocated(entry)) {
            return SCATTERED;
        }
        for (long cluster = first + 1; cluster <= last; cluster++) {
            long next = map.look(cluster);
            if (isZero(next) != zero || !zero && !Entry.isUnallocated(next)) {
                return SCATTERED;
            }
        }
        return zero ? ZEROS : below.address(offset, length);
    }

    /** Where a write may go as it is, if that can be told without a wait. */
    long writeAddress(long offset, long length) {
        int bits = header.clusterBits();
        long first = offset >>> bits;
        long last = offset + length - 1 >>> bits;
        long entry = map.look(first);
        if (!Entry.isOwnData(entry)) {
            return SCATTERED;
        }
        long host = Entry.host(entry);
        for (long cluster = first + 1; cluster <= last; cluster++) {
            long next = map.look(cluster);
            if (!Entry.isOwnData(next) || Entry.host(next) != host + (cluster - first << bits)) {
                return SCATTERED;
            }
        }
        return file.address(host + (offset & header.clusterSize() - 1), length);
    }

    @Override
    public void read(long offset, ByteBuffer into) throws IOException {
        while (into.hasRemaining()) {
            if (offset >= header.size()) {
                Layer.zeros(into, into.remaining());
                return;
            }
            int within = (int) (offset & header.clusterSize() - 1);
            long most = Math.min(header.clusterSize() - within, header.size() - offset);
            int n = (int) Math.min(into.remaining(), most);
            readPart(offset >>> header.clusterBits(), within, into, n);
            offset += n;
        }
    }

    @Override
    public void close() {
        try (file; map; below; compressed) {
            // All, whatever happens
        }
    }

    /** Whether the clusters of an entry are zeros here, or have nothing below but zeros. */
    private boolean isZero(long entry) {
        return Entry.isZero(entry) || below == null && Entry.isUnallocated(entry);
    }

    private void readPart(long cluster, int within, ByteBuffer into, int length) throws IOException {
        int start = into.position();
        long entry = map.entry(cluster);
        while (true) {
            IOException failure = null;
            try {
                readEntry(entry, cluster, within, into, length);
            } catch (IOException e) {
                failure = e;
            }
            // Its old place is given up when a cluster gets a new one
            long now = map.entry(cluster);
            if (now == entry) {
                if (failure != null) {
                    throw failure;
                }
                return;
            }
            entry = now;
            into.position(start);
        }
    }

    private void readEntry(long entry, long cluster, int within, ByteBuffer into, int length) throws IOException {
        if (Entry.isCompressed(entry)) {
            compressed.read(entry, within, into, length);
        } else if (Entry.isData(entry)) {
            // The file may end within its last cluster
            int there = file.readSome(Entry.host(entry) + within, into, length);
            if (there < length && Entry.host(entry) + header.clusterSize() <= file.size()) {
                file.checkWhole();
                throw new IOException(file.path + ": the image was cut short");
            }
            Layer.zeros(into, length - there);
        } else if (isZero(entry)) {
            Layer.zeros(into, length);
        } else {
            ByteBuffer part = into.slice(into.position(), length);
            below.read((cluster << header.clusterBits()) + within, part);
            into.position(into.position() + length);
        }
    }
}
