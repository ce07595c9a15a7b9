// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Writes an image that has nothing of its own yet. Its clusters are: the header, both tables of reference counts, the level 1 table. */
final class NewImage {
    private static final int CLUSTER_BITS = 16;
    private static final int CLUSTER = 1 << CLUSTER_BITS;
    private static final int L1_AT = 3 * CLUSTER;
    /** Bytes of the disk for one entry of the level 1 table. */
    private static final long PER_ENTRY = (long) CLUSTER * CLUSTER / Long.BYTES;
    private static final int REFCOUNT_ORDER = 4;

    private NewImage() {}

    /**
     * Fills an empty file, and makes it durable.
     *
     * @param size bytes of the disk, whole sectors
     * @param backing the absolute path of the backing file
     * @param format of that, raw or qcow2
     */
    static void write(ImageFile file, long size, String backing, String format) throws IOException {
        long entries = (size + PER_ENTRY - 1) / PER_ENTRY;
        if (entries > Header.MAX_L1 / Long.BYTES) {
            throw new IOException(file.path + ": an image cannot have a disk of " + size + " bytes");
        }
        int tables = L1_AT / CLUSTER + (int) ((entries * Long.BYTES + CLUSTER - 1) / CLUSTER);
        byte[] name = backing.getBytes(UTF_8);
        if (name.length > Header.MAX_NAME) {
            throw new IOException(file.path + ": the path of its backing file would have " + name.length + " bytes; an image has room for "
                    + Header.MAX_NAME);
        }
        ByteBuffer bytes = ByteBuffer.allocateDirect(L1_AT);
        bytes.position(Header.SIZE_3);
        bytes.putInt(Header.BACKING_FORMAT).putInt(format.length()).put(format.getBytes(UTF_8));
        bytes.position((bytes.position() + 7 & -8) + Long.BYTES); // an extension of type 0 and no bytes is the last one
        int nameAt = bytes.position();
        bytes.put(name);
        bytes.putInt(0, Header.MAGIC).putInt(4, 3).putLong(8, nameAt).putInt(16, name.length).putInt(20, CLUSTER_BITS).putLong(24, size)
                .putInt(36, (int) entries).putLong(40, L1_AT).putLong(Header.REFCOUNT_TABLE_AT, CLUSTER).putInt(56, 1)
                .putInt(96, REFCOUNT_ORDER).putInt(100, Header.SIZE_3);
        bytes.putLong(CLUSTER, 2 * CLUSTER);
        for (int i = 0; i < tables; i++) {
            bytes.putShort(2 * CLUSTER + i * Short.BYTES, (short) 1);
        }
        file.resize((long) tables * CLUSTER);
        file.write(0, bytes.position(0), L1_AT);
        file.sync();
    }
}
