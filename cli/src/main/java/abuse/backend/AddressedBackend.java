// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import abuse.libc.Memory;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A backend whose bytes lie in this process' memory, so that the kernel itself moves them: no copy
 * is made on the way. The kernel reads and writes the addresses after these methods returned.
 */
public interface AddressedBackend extends Backend {
    /** Where the bytes of a range are; they stay there until {@link #close}. */
    long readAddress(long offset, long length);

    /** Where the bytes of a range are to go, or 0 when nobody wants them. */
    long writeAddress(long offset, long length);

    /**
     * Whether the bytes are those of some storage: to reach them may take long, or fail, and then
     * {@link #read} and {@link #write} succeed or tell why; what is written may be volatile until
     * {@link #flush}. Else there is nothing to wait for, and nothing to flush.
     */
    default boolean isStored() {
        return false;
    }

    @Override
    default void read(long offset, ByteBuffer into) throws IOException {
        Memory.copy(readAddress(offset, into.remaining()), Memory.addressOf(into), into.remaining());
    }

    @Override
    default void write(long offset, ByteBuffer from) throws IOException {
        long to = writeAddress(offset, from.remaining());
        if (to != 0) {
            Memory.copy(Memory.addressOf(from), to, from.remaining());
        }
    }

    @Override
    void close();
}
