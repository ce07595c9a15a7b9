// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.libc.Memory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The pieces of a memory that requests have, each as a buffer of its own: a backend may do with that
 * what it likes, and reaches no other request's bytes. They are kept, as most requests lie where
 * earlier ones of their length did. One thread at a time.
 */
final class Pieces {
    /** So many of one length, one behind the other, are kept; and at the start, so many lengths. */
    private static final int KEPT = 2048;
    private static final int ALIGNMENT = 4096;
    private static final int SECTOR = 512;

    private final ByteBuffer all;
    private final ByteBuffer[] kept = new ByteBuffer[KEPT];
    private final int[] starts = new int[KEPT];

    Pieces(Memory memory) {
        all = memory.buffer();
    }

    /** A piece, like a new buffer: all of it remains, and its order is big endian. */
    ByteBuffer get(int start, int length) {
        int i = (start / ALIGNMENT + length / SECTOR) % KEPT;
        ByteBuffer piece = kept[i];
        if (piece == null || starts[i] != start || piece.capacity() != length) {
            piece = all.slice(start, length);
            kept[i] = piece;
            starts[i] = start;
        }
        return piece.clear().order(ByteOrder.BIG_ENDIAN);
    }
}
