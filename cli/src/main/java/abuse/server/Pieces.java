// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.libc.Memory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Gives each request its piece of a memory as a buffer of its own: a backend may do with that what it likes, and
 * reaches no other request's bytes. The buffers are kept, because most requests lie where earlier ones of their
 * length did. One thread at a time.
 */
final class Pieces {
    private static final int ALIGNMENT = 4096;

    private final Memory memory;
    private final int blockSize;
    private final ByteBuffer all;
    /** Has room for all places of one length, one after the other, and for all lengths at the start. */
    private final ByteBuffer[] kept;
    private final int[] starts;

    Pieces(Memory memory, int blockSize, int maxRequest) {
        this.memory = memory;
        this.blockSize = blockSize;
        all = memory.buffer();
        kept = new ByteBuffer[Math.max(all.capacity() / ALIGNMENT, maxRequest / blockSize)];
        starts = new int[kept.length];
    }

    Memory memory() {
        return memory;
    }

    /** A piece, like a new buffer: all of it remains, and its order is big endian. */
    ByteBuffer get(int start, int length) {
        int i = (start / ALIGNMENT + length / blockSize) % kept.length;
        ByteBuffer piece = kept[i];
        if (piece == null || starts[i] != start || piece.capacity() != length) {
            piece = all.slice(start, length);
            kept[i] = piece;
            starts[i] = start;
        }
        return piece.clear().order(ByteOrder.BIG_ENDIAN);
    }
}
