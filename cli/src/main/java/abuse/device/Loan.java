// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.nio.ByteBuffer;

/**
 * Memory that bytes of a disk shall be from now on, whatever they were before. All numbers of bytes are multiples of
 * the disk's block size.
 *
 * @param offset the first byte, of the disk
 * @param length bytes, more than 0
 * @param fd of a file in memory, open for reads and writes; it may be closed afterwards
 * @param fileOffset the first byte, of that file
 * @param writable for writes, too, and not only for reads
 * @param zeroes for discards and writes of zeroes, too, both of which leave zeros; only if it is writable
 */
public record Loan(long offset, long length, int fd, long fileOffset, boolean writable, boolean zeroes) {
    /** For all that is asked of a disk. */
    public Loan(long offset, long length, int fd, long fileOffset) {
        this(offset, length, fd, fileOffset, true, true);
    }

    /** Writes the argument of the call, of {@link Mapping#SIZE_OF} bytes, which lies at an address. */
    void encode(ByteBuffer raw, long address) {
        Mapping.encode(raw, address, Abi.ABUSE_MAP_REPLACE, offset, length);
        raw.putLong(Abi.Extents.SIZE_OF + Abi.Extent.TARGET_OFFSET, fileOffset);
        raw.putLong(Abi.Extents.SIZE_OF + Abi.Extent.TARGET, fd);
        raw.putInt(Abi.Extents.SIZE_OF + Abi.Extent.FLAGS, Abi.ABUSE_EXTENT_MEMORY | Mapping.flags(writable, zeroes, zeroes));
    }
}
