// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import static java.nio.charset.StandardCharsets.UTF_8;

import abuse.libc.Memory;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * The header of an image, which is checked: what it points to lies in the file.
 *
 * @param version 2 or 3
 * @param clusterBits the logarithm of the size of a cluster
 * @param size of the disk in bytes
 * @param l1Size entries
 * @param refcountTableSize bytes
 * @param refcountOrder the logarithm of the bits of a reference count
 * @param snapshots how many there are
 * @param backingFile null without one
 * @param backingFormat null if it is not given
 */
record Header(int version, int clusterBits, long size, long l1Offset, int l1Size, long refcountTableOffset,
        int refcountTableSize, int refcountOrder, int snapshots, long snapshotsOffset, boolean dirty, boolean corrupt,
        boolean autoclear, boolean zstd, String backingFile, String backingFormat) {
    static final int MAGIC = 0x514649fb;
    /** Where the place of the table of reference counts is. */
    static final int REFCOUNT_TABLE_AT = 48;
    static final int AUTOCLEAR_AT = 88;

    private static final int SIZE_2 = 72;
    static final int SIZE_3 = 104;
    private static final int COMPRESSION_AT = 104;
    static final int MAX_L1 = 32 << 20;
    /** What qemu reads, too. */
    static final int MAX_REFCOUNT_TABLE = 8 << 20;
    static final int MAX_NAME = 1023;
    static final int BACKING_FORMAT = 0xe2792aca;

    private static final int DIRTY = 0;
    private static final int CORRUPT = 1;
    private static final int EXTERNAL_DATA = 2;
    private static final int COMPRESSION = 3;
    private static final int EXTENDED_L2 = 4;

    private static final int ZLIB = 0;
    private static final int ZSTD = 1;

    long clusterSize() {
        return 1L << clusterBits;
    }

    /** How many entries a table of the second level has, as a logarithm. */
    int l2Bits() {
        return clusterBits - 3;
    }

    /** Clusters of the disk. */
    long clusters() {
        return (size + clusterSize() - 1) >>> clusterBits;
    }

    /** Whether a file begins as an image does. */
    static boolean isThere(ImageFile file) throws IOException {
        if (file.size() < Integer.BYTES) {
            return false;
        }
        try (Memory start = file.table(0, Integer.BYTES)) {
            return start.buffer(0, Integer.BYTES).getInt(0) == MAGIC;
        }
    }

    /** Whether it is marked as one that must not be written before it is repaired. */
    boolean isBroken() {
        return corrupt || dirty;
    }

    /**
     * Looks whether an image can be written.
     *
     * @throws IOException when it must not be written as it is
     */
    void checkWritable(ImageFile file) throws IOException {
        if (isBroken()) {
            throw new IOException(file.path + ": the image is marked as " + (corrupt ? "corrupt" : "not closed")
                    + ", and can only be read; add 'ro' to the setup, or " + Hints.repair(file.path));
        }
        if (!file.isRegular()) {
            throw new IOException(file.path + ": is not a file, so the image in it can only be read; add 'ro' to the setup");
        }
    }

    /** Prepares an image for its first change. */
    void prepare(ImageFile file) throws IOException {
        if (autoclear) {
            // What we do not know, such as bitmaps, is no longer true from now on
            file.write(AUTOCLEAR_AT, ByteBuffer.allocateDirect(Long.BYTES), Long.BYTES);
            file.sync();
        }
        long whole = file.size() + clusterSize() - 1 & -clusterSize();
        if (whole != file.size()) {
            file.resize(whole);
        }
    }

    static Header read(ImageFile file, Hints hints) throws IOException {
        if (!isThere(file)) {
            throw new IOException(file.path + ": is not a qcow2 image; " + hints.ifRaw());
        }
        return new Reader(file, hints).read();
    }

    /** Reads the first cluster of a file. */
    private static final class Reader {
        private final ImageFile file;
        private final Hints hints;
        private ByteBuffer bytes;
        private int clusterBits;
        private String backingFormat;

        Reader(ImageFile file, Hints hints) {
            this.file = file;
            this.hints = hints;
        }

        Header read() throws IOException {
            require(file.size() >= SIZE_2, "ends within its header");
            int version;
            try (Memory start = file.table(0, SIZE_2)) {
                bytes = start.buffer(0, SIZE_2);
                version = bytes.getInt(4);
                clusterBits = bytes.getInt(20);
            }
            require(version == 2 || version == 3, "has version " + Integer.toUnsignedString(version) + ", which is not known");
            require(clusterBits >= 9 && clusterBits <= 21, "has clusters of 2^" + Integer.toUnsignedString(clusterBits)
                    + " bytes; 2^9 to 2^21 are known");
            int known = (int) Math.min(file.size(), 1L << clusterBits);
            try (Memory cluster = file.table(0, known)) {
                bytes = cluster.buffer(0, known);
                return read(version);
            }
        }

        private Header read(int version) throws IOException {
            if (bytes.getInt(32) != 0) {
                throw new IOException(file.path + ": the image is encrypted; 'qemu-img convert' decrypts it");
            }
            long features = 0;
            int length = SIZE_2;
            int order = 4;
            boolean autoclear = false;
            if (version == 3) {
                require(bytes.limit() >= SIZE_3, "ends within its header");
                features = bytes.getLong(72);
                autoclear = bytes.getLong(AUTOCLEAR_AT) != 0;
                order = bytes.getInt(96);
                length = bytes.getInt(100);
                require(length >= SIZE_3 && length % 8 == 0 && length <= bytes.limit(), "has a header of "
                        + Integer.toUnsignedString(length) + " bytes");
                checkFeatures(features, length);
            }
            require(order >= 0 && order <= 6, "has reference counts of 2^" + Integer.toUnsignedString(order) + " bits");
            long size = bytes.getLong(24);
            require(size >= 0 && size % 512 == 0 && size >>> clusterBits < 1L << 47, "has a disk of " + Long.toUnsignedString(size) + " bytes");
            String backing = backingFile(length);
            return checked(new Header(version, clusterBits, size, bytes.getLong(40), bytes.getInt(36), bytes.getLong(REFCOUNT_TABLE_AT),
                    tableSize(bytes.getInt(56)), order, bytes.getInt(60), bytes.getLong(64), has(features, DIRTY), has(features, CORRUPT),
                    autoclear, has(features, COMPRESSION), backing, backingFormat));
        }

        private int tableSize(int clusters) throws IOException {
            long length = Integer.toUnsignedLong(clusters) << clusterBits;
            require(length > 0 && length <= MAX_REFCOUNT_TABLE, "has a table of reference counts of " + length + " bytes");
            return (int) length;
        }

        private Header checked(Header header) throws IOException {
            long perEntry = clusterBits + header.l2Bits();
            long wanted = (header.size + (1L << perEntry) - 1) >>> perEntry;
            require(header.l1Size >= wanted && header.l1Size <= MAX_L1 / Long.BYTES, "has a level 1 table of "
                    + Integer.toUnsignedString(header.l1Size) + " entries, and needs " + wanted);
            checkTable("level 1 table", header.l1Offset, (long) header.l1Size * Long.BYTES);
            checkTable("table of reference counts", header.refcountTableOffset, header.refcountTableSize);
            return header;
        }

        private void checkTable(String name, long offset, long length) throws IOException {
            require(length == 0 || offset > 0 && (offset & (1L << clusterBits) - 1) == 0 && offset <= file.size() - length,
                    "has its " + name + " at " + Long.toUnsignedString(offset) + ", where none can be");
        }

        private void checkFeatures(long features, int headerLength) throws IOException {
            if (has(features, EXTERNAL_DATA)) {
                throw cannot("has its data in another file");
            }
            if (has(features, EXTENDED_L2)) {
                throw cannot("has extended L2 entries");
            }
            int method = headerLength > COMPRESSION_AT ? bytes.get(COMPRESSION_AT) & 0xff : ZLIB;
            if (method != (has(features, COMPRESSION) ? ZSTD : ZLIB)) {
                throw new IOException(file.path + ": the image is compressed by method " + method + ", which "
                        + (method > ZSTD ? "is not known" : "its features contradict"));
            }
            long unknown = features >>> EXTENDED_L2 + 1;
            if (unknown != 0) {
                throw new IOException(file.path + ": the image has the incompatible feature "
                        + (Long.numberOfTrailingZeros(unknown) + EXTENDED_L2 + 1) + ", which this backend cannot read");
            }
        }

        /** The name of the backing file; its format is in the extensions that follow the header. */
        private String backingFile(int headerLength) throws IOException {
            long offset = bytes.getLong(8);
            int length = bytes.getInt(16);
            if (offset == 0) {
                return null;
            }
            require(length > 0 && length <= MAX_NAME && offset >= headerLength && offset <= bytes.limit() - length,
                    "has the name of its backing file at " + Long.toUnsignedString(offset) + ", where none can be");
            for (long at = headerLength; at + 8 <= offset && bytes.getInt((int) at) != 0;) {
                long dataLength = Integer.toUnsignedLong(bytes.getInt((int) at + 4));
                require(at + 8 + dataLength <= offset, "has an extension of its header that does not end");
                if (bytes.getInt((int) at) == BACKING_FORMAT) {
                    backingFormat = text((int) at + 8, (int) dataLength);
                }
                at += 8 + (dataLength + 7 & -8L);
            }
            return text((int) offset, length);
        }

        private String text(int at, int length) {
            var text = new byte[length];
            bytes.get(at, text);
            return new String(text, UTF_8);
        }

        private void require(boolean condition, String what) throws IOException {
            if (!condition) {
                throw new IOException(file.path + ": the image " + what + "; 'qemu-img check' tells more");
            }
        }

        private IOException cannot(String what) {
            return new IOException(file.path + ": the image " + what + ", which this backend cannot read; " + hints.ifUnknown());
        }

        private static boolean has(long features, int bit) {
            return (features >>> bit & 1) != 0;
        }
    }
}
