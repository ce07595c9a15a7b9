// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import abuse.libc.Memory;
import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;

/**
 * A backend whose bytes lie in this process's memory, so that the kernel moves them itself, without a copy in
 * between. The kernel reads and writes the addresses after these methods have returned.
 */
public interface AddressedBackend extends Backend {
    /**
     * In place of an address, by a backend that {@link #isStored}: the bytes do not lie in one piece, or to find them may
     * take long. {@link #read} or {@link #write} carries out the request.
     */
    long SCATTERED = -1;

    /** The address of the bytes of a range; they stay there until {@link #close}. */
    long readAddress(long offset, long length);

    /** The address where the bytes of a range belong, or 0 to drop them. */
    long writeAddress(long offset, long length);

    /**
     * Whether there is storage behind the addresses. Then reaching the bytes may take long, or fail; {@link #read}
     * and {@link #write} succeed in that case or say why; and what is written may be volatile until {@link #flush}.
     * Without storage there is nothing to wait for, and nothing to flush.
     */
    default boolean isStored() {
        return false;
    }

    @Override
    default void read(long offset, ByteBuffer into) throws IOException {
        Memory.copy(readAddress(offset, into.remaining()), Memory.addressOf(into), into.remaining());
        // An address keeps no buffer from being freed
        Reference.reachabilityFence(into);
        into.position(into.limit());
    }

    @Override
    default void write(long offset, ByteBuffer from) throws IOException {
        long to = writeAddress(offset, from.remaining());
        if (to != 0) {
            Memory.copy(Memory.addressOf(from), to, from.remaining());
            Reference.reachabilityFence(from);
        }
        from.position(from.limit());
    }

    @Override
    void close() throws IOException;
}
