// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import abuse.libc.Memory;
import java.nio.ByteBuffer;

/**
 * A backend whose bytes lie in this process' memory, so that the kernel itself moves them: no copy
 * is made on the way. The kernel reads and writes the addresses after these methods returned, so
 * it serves for stores that have nothing to flush.
 */
public interface AddressedBackend extends Backend {
    /** Where the bytes of a range are; they stay there until {@link #close}. */
    long readAddress(long offset, long length);

    /** Where the bytes of a range are to go, or 0 when nobody wants them. */
    long writeAddress(long offset, long length);

    @Override
    default void read(long offset, ByteBuffer into) {
        Memory.copy(readAddress(offset, into.remaining()), Memory.addressOf(into), into.remaining());
    }

    @Override
    default void write(long offset, ByteBuffer from) {
        long to = writeAddress(offset, from.remaining());
        if (to != 0) {
            Memory.copy(Memory.addressOf(from), to, from.remaining());
        }
    }

    @Override
    void close();
}
