// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.libc.Unix;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Where bytes of a disk shall be from now on. All numbers are multiples of the disk's block size.
 *
 * @param offset the first byte, of the disk
 * @param length bytes, more than 0
 * @param target path of a block device
 * @param targetOffset the first byte, of that device
 * @param writable for writes, too, and not only for reads
 * @param discards for discards, too; only if it is writable
 * @param zeroes for writes of zeroes, too; only if it is writable
 * @param replace also where something is mapped already
 */
public record Mapping(long offset, long length, String target, long targetOffset, boolean writable, boolean discards,
        boolean zeroes, boolean replace) {
    static final int SIZE_OF = Abi.Extents.SIZE_OF + Abi.Extent.SIZE_OF;

    /** For reads, or for reads and writes. */
    public Mapping(long offset, long length, String target, long targetOffset, boolean writable, boolean replace) {
        this(offset, length, target, targetOffset, writable, false, false, replace);
    }

    /** Opens the target; the caller closes it. */
    int open() throws IOException {
        int fd = Unix.open(target, (writable ? Unix.O_RDWR : Unix.O_RDONLY) | Unix.O_CLOEXEC);
        if (fd < 0) {
            throw new IOException(target + ": " + Unix.strerror(Unix.errno()));
        }
        return fd;
    }

    /** Writes the argument of the call, of SIZE_OF bytes, which lies at an address. */
    void encode(ByteBuffer raw, long address, int fd) {
        encode(raw, address, replace ? Abi.ABUSE_MAP_REPLACE : 0, offset, length);
        raw.putLong(Abi.Extents.SIZE_OF + Abi.Extent.TARGET_OFFSET, targetOffset);
        raw.putLong(Abi.Extents.SIZE_OF + Abi.Extent.TARGET, fd);
        raw.putInt(Abi.Extents.SIZE_OF + Abi.Extent.FLAGS, flags(writable, discards, zeroes));
    }

    static int flags(boolean writable, boolean discards, boolean zeroes) {
        return (writable ? Abi.ABUSE_EXTENT_WRITE : 0) | (discards ? Abi.ABUSE_EXTENT_DISCARD : 0)
                | (zeroes ? Abi.ABUSE_EXTENT_WRITE_ZEROES : 0);
    }

    /** The same for bytes whose place is told by others, or that are not to be mapped any more. */
    static void encode(ByteBuffer raw, long address, int flags, long offset, long length) {
        encode(raw, address, flags, 1);
        encode(raw, 0, offset, length);
    }

    /** Writes the head of such an argument, which is followed by so many extents. */
    static void encode(ByteBuffer raw, long address, int flags, int extents) {
        raw.putInt(Abi.Extents.SIZE, Abi.Extents.SIZE_OF);
        raw.putInt(Abi.Extents.FLAGS, flags);
        raw.putLong(Abi.Extents.EXTENTS, address + Abi.Extents.SIZE_OF);
        raw.putInt(Abi.Extents.ELEMENT_SIZE, Abi.Extent.SIZE_OF);
        raw.putInt(Abi.Extents.NR, extents);
    }

    /** Writes what extent i covers. */
    static void encode(ByteBuffer raw, int i, long offset, long length) {
        int at = Abi.Extents.SIZE_OF + i * Abi.Extent.SIZE_OF;
        raw.putLong(at + Abi.Extent.OFFSET, offset);
        raw.putLong(at + Abi.Extent.LENGTH, length);
    }

    /** What is wrong with the target of a disk that may be mapped if the kernel refuses with this number; null if it is something else. */
    IOException refusal(int errno) {
        if (errno == Unix.EOPNOTSUPP && (discards || zeroes)) {
            return new UnableException(target + ": cannot do " + (!zeroes ? "discards" : !discards ? "writes of zeroes, or cannot"
                    + " make them durable, as a disk without a write cache needs" : "both discards and writes of zeroes"));
        }
        String words = switch (errno) {
            case Unix.ENOTBLK -> "is not a block device";
            case Unix.EACCES -> "is read-only";
            case Unix.EBUSY -> "is in use: it is mounted, part of another device, or held by another disk";
            case Unix.ELOOP -> "is a disk that may be mapped itself";
            case Unix.EMEDIUMTYPE -> "has larger blocks than the disk, or has zones";
            case Unix.ENOSPC -> "ends before byte " + Long.toUnsignedString(targetOffset + length);
            default -> null;
        };
        return words == null ? null : new IOException(target + ": " + words);
    }
}
