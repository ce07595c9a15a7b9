// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * The bytes of one disk. Offsets are bytes from its start; every range asked for lies within the
 * disk, and is a multiple of 512 bytes. Several threads call at once, for ranges that do not
 * overlap as long as the disk's users care what they read. Whatever is thrown, the one request
 * fails with an I/O error, and the server goes on.
 */
public interface Backend extends AutoCloseable {
    /**
     * Reads as many bytes as the buffer has remaining; less is an error, to be thrown.
     *
     * @param into direct memory, of this call only
     */
    void read(long offset, ByteBuffer into) throws IOException;

    /**
     * Writes all bytes that the buffer has remaining. They need not be durable before the next
     * {@link #flush} returns, unless {@link Geometry#writeThrough}.
     *
     * @param from direct memory, of this call only
     */
    void write(long offset, ByteBuffer from) throws IOException;

    /** Makes durable what every {@link #write} that has returned, wrote. */
    default void flush() throws IOException {}

    /** Takes note that a range is not needed any more; it may read as anything it did, or zeros. */
    default void discard(long offset, long length) throws IOException {}

    /** Makes a range read as zeros. */
    default void writeZeroes(long offset, long length) throws IOException {
        ByteBuffer zeros = ByteBuffer.allocateDirect((int) Math.min(length, 1 << 20));
        for (long done = 0; done < length; done += zeros.limit()) {
            zeros.clear().limit((int) Math.min(zeros.capacity(), length - done));
            write(offset + done, zeros);
        }
    }

    /** How many bytes it holds, or -1 when any disk fits. */
    default long size() {
        return -1;
    }

    @Override
    default void close() throws IOException {}
}
