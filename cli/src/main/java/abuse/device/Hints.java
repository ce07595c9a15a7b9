// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.nio.ByteBuffer;

/**
 * What the users of a disk should know of its storage; they get by without it. In a setup, 0 leaves each to the
 * kernel.
 *
 * @param ioMin bytes, the least to read or write at once: a multiple of the physical block size, up to
 *     {@value #MAX_IO}
 * @param ioOpt bytes, what to read or write at once: a multiple of the physical block size, up to {@value #MAX_IO}; 0
 *     if it does not matter
 * @param discardGranularity bytes that the storage frees at once, a multiple of the physical block size; 0 if discard
 *     is not offered
 * @param maxDiscard bytes of the longest discard, a multiple of the granularity, up to {@value #MAX_RANGE}; 0 if
 *     discard is not offered
 * @param maxWriteZeroes bytes of the longest write zeroes, a multiple of the block size, up to {@value #MAX_RANGE}; 0
 *     if that is not offered
 */
public record Hints(int ioMin, int ioOpt, long discardGranularity, long maxDiscard, long maxWriteZeroes) {
    public static final int MAX_IO = Abi.ABUSE_MAX_IO_SIZE;
    public static final long MAX_RANGE = Integer.toUnsignedLong(Abi.ABUSE_MAX_RANGE);

    /** Leaves all to the kernel. */
    public static final Hints NONE = new Hints(0, 0, 0, 0, 0);

    void encode(ByteBuffer to) {
        to.putInt(Abi.Config.IO_MIN, ioMin);
        to.putInt(Abi.Config.IO_OPT, ioOpt);
        to.putInt(Abi.Config.DISCARD_GRANULARITY, (int) discardGranularity);
        to.putInt(Abi.Config.MAX_DISCARD, (int) maxDiscard);
        to.putInt(Abi.Config.MAX_WRITE_ZEROES, (int) maxWriteZeroes);
    }

    static Hints decode(ByteBuffer status) {
        return new Hints(status.getInt(Abi.Status.IO_MIN), status.getInt(Abi.Status.IO_OPT),
                Integer.toUnsignedLong(status.getInt(Abi.Status.DISCARD_GRANULARITY)),
                Integer.toUnsignedLong(status.getInt(Abi.Status.MAX_DISCARD)),
                Integer.toUnsignedLong(status.getInt(Abi.Status.MAX_WRITE_ZEROES)));
    }
}
