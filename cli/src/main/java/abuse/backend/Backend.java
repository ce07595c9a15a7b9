// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import abuse.libc.Memory;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * The bytes of one disk. Offsets are bytes from its start; every range asked for lies within the
 * disk, and consists of whole blocks. Several threads may call at once; their ranges overlap only if requests of the
 * disk's users overlap. Whatever a method throws, its request fails, with an I/O error or as a {@link BackendException} says,
 * and the server goes on.
 *
 * <p>A buffer is direct memory. Its position is 0, its limit and its capacity are the length of the
 * range, and its order is big endian, as in a new buffer. It must not be used after the call, because it is reused
 * for other requests.
 */
public interface Backend extends AutoCloseable {
    /**
     * Reads as many bytes as the buffer has remaining; fewer are an error.
     *
     * @throws RetryException when they are mapped by now, and the kernel shall read them
     */
    void read(long offset, ByteBuffer into) throws IOException;

    /**
     * Writes all bytes that the buffer has remaining. They need not be durable before the next
     * {@link #flush} returns, which is called after each write if the disk's users want that.
     *
     * @throws RetryException when their place is mapped for writes by now, and the kernel shall write them
     */
    void write(long offset, ByteBuffer from) throws IOException;

    /** Makes durable what all writes, discards and writes of zeroes did that have returned. */
    default void flush() throws IOException {}

    /** Takes note that a range is not needed any more; later reads return old data or zeros. */
    default void discard(long offset, long length) throws IOException {}

    /** Makes a range read as zeros. */
    default void writeZeroes(long offset, long length) throws IOException {
        try (Memory zeros = Memory.map(Math.min(length, 1 << 20))) {
            for (long done = 0; done < length; done += zeros.size()) {
                write(offset + done, zeros.buffer().slice(0, (int) Math.min(zeros.size(), length - done)));
            }
        }
    }

    /**
     * Is called once, before the first request, if the disk was set up so that it can be mapped, see
     * {@link Geometry#mappable}. The mapper may be used until the backend is closed.
     */
    default void start(Mapper mapper) throws IOException {}

    /** How many bytes it holds, or -1 when any disk fits. */
    default long size() {
        return -1;
    }

    /** The disk has become larger; throws if this many bytes cannot be held. */
    default void grow(long capacity) throws IOException {
        throw new IOException("the disk has become larger than this backend can hold");
    }

    /**
     * Distinguishes these bytes from all others. Several servers may share the requests of one disk if all give the
     * same identity: what one of them writes, the others must read at once. Begin it with the backend's name. With
     * null, the default, a second server is refused while this one is there.
     */
    default String identity() {
        return null;
    }

    /**
     * What tells these bytes from those that were here at another time: it is another one after anybody has changed them,
     * past this server, too. With null, the default, nobody can know, and a cache of them begins empty.
     */
    default String stamp() throws IOException {
        return null;
    }

    /**
     * Whether these bytes belong to somebody else now, who may change them, and has shut this server out; so what was read of
     * them before must not be used any more. It is asked once a second while there is a cache of them, also while it is being
     * closed, and once more after that, and may take its time; but without an answer for 20 seconds the cache is given up.
     *
     * @throws IOException when nobody knows
     */
    default boolean isFenced() throws IOException {
        return false;
    }

    /** How many threads of each hardware queue it is useful to have in {@link #read} and the like at once. */
    default int threads() {
        return 4;
    }

    @Override
    default void close() throws IOException {}
}
