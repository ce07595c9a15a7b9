// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/**
 * Keeps a disk in the Java heap, for tests: it can be looked at, and after a {@link #close} it can be used again with all
 * its bytes, as a disk that was pulled out. It takes memory as it is written.
 */
public final class HeapBackend implements Backend {
    private static final int CHUNK = 64 << 10;

    private final long size;
    private final ConcurrentMap<Long, byte[]> chunks = new ConcurrentHashMap<>();

    /** Has so many bytes, which are all 0. */
    public HeapBackend(long size) {
        if (size <= 0) {
            throw new IllegalArgumentException("size " + size + " must be more than 0");
        }
        this.size = size;
    }

    /** Copies bytes out. */
    public byte[] bytes(long offset, int length) {
        byte[] bytes = new byte[length];
        read(offset, ByteBuffer.wrap(bytes));
        return bytes;
    }

    @Override
    public void read(long offset, ByteBuffer into) {
        for (long at = offset; into.hasRemaining();) {
            int start = (int) (at % CHUNK);
            int length = Math.min(CHUNK - start, into.remaining());
            byte[] chunk = chunks.get(at / CHUNK);
            if (chunk != null) {
                into.put(chunk, start, length);
            } else {
                into.put(new byte[length]);
            }
            at += length;
        }
    }

    @Override
    public void write(long offset, ByteBuffer from) {
        for (long at = offset; from.hasRemaining();) {
            int start = (int) (at % CHUNK);
            int length = Math.min(CHUNK - start, from.remaining());
            from.get(chunks.computeIfAbsent(at / CHUNK, number -> new byte[CHUNK]), start, length);
            at += length;
        }
    }

    @Override
    public void discard(long offset, long length) {
        writeZeroes(offset, length);
    }

    @Override
    public void writeZeroes(long offset, long length) {
        for (long at = offset; at < offset + length;) {
            int start = (int) (at % CHUNK);
            int part = (int) Math.min(CHUNK - start, offset + length - at);
            if (part == CHUNK) {
                chunks.remove(at / CHUNK);
            } else {
                byte[] chunk = chunks.get(at / CHUNK);
                if (chunk != null) {
                    Arrays.fill(chunk, start, start + part, (byte) 0);
                }
            }
            at += part;
        }
    }

    @Override
    public long size() {
        return size;
    }

    /** It makes no thread wait. */
    @Override
    public int threads() {
        return 1;
    }
}
