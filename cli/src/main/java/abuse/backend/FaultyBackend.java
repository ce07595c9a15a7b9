// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Another backend with faults, for tests of whoever uses the disk. This one fails in the third write:
 *
 * <pre>{@code
 * new FaultyBackend(new HeapBackend(64 << 20), access -> {
 *     if (access.kind() == AsyncRequest.Kind.WRITE && access.number() == 3) {
 *         throw new IOException("the third write");
 *     }
 * })
 * }</pre>
 */
public final class FaultyBackend implements Backend {
    /** Decides what becomes of a request. */
    @FunctionalInterface
    public interface Fault {
        /**
         * Is asked before each request is carried out, by several threads at once. If it throws, the request fails with an
         * I/O error, and changes nothing; if it waits, the request waits.
         */
        void check(Access access) throws IOException;
    }

    /**
     * A request.
     *
     * @param kind what is asked for
     * @param number how many of that kind there were, with this one
     * @param offset the first byte; 0 for a flush
     * @param length bytes; 0 for a flush
     */
    public record Access(AsyncRequest.Kind kind, long number, long offset, long length) {}

    private final Backend backend;
    private final Fault fault;
    private final AtomicLongArray numbers = new AtomicLongArray(AsyncRequest.Kind.values().length);

    /**
     * Carries out with another backend what does not fail.
     *
     * @param backend is closed with this one
     */
    public FaultyBackend(Backend backend, Fault fault) {
        this.backend = Objects.requireNonNull(backend);
        this.fault = Objects.requireNonNull(fault);
    }

    private void check(AsyncRequest.Kind kind, long offset, long length) throws IOException {
        fault.check(new Access(kind, numbers.incrementAndGet(kind.ordinal()), offset, length));
    }

    @Override
    public void read(long offset, ByteBuffer into) throws IOException {
        check(AsyncRequest.Kind.READ, offset, into.remaining());
        backend.read(offset, into);
    }

    @Override
    public void write(long offset, ByteBuffer from) throws IOException {
        check(AsyncRequest.Kind.WRITE, offset, from.remaining());
        backend.write(offset, from);
    }

    @Override
    public void flush() throws IOException {
        check(AsyncRequest.Kind.FLUSH, 0, 0);
        backend.flush();
    }

    @Override
    public void discard(long offset, long length) throws IOException {
        check(AsyncRequest.Kind.DISCARD, offset, length);
        backend.discard(offset, length);
    }

    @Override
    public void writeZeroes(long offset, long length) throws IOException {
        check(AsyncRequest.Kind.WRITE_ZEROES, offset, length);
        backend.writeZeroes(offset, length);
    }

    @Override
    public long size() {
        return backend.size();
    }

    @Override
    public void grow(long capacity) throws IOException {
        backend.grow(capacity);
    }

    @Override
    public String identity() {
        return backend.identity();
    }

    @Override
    public int threads() {
        return backend.threads();
    }

    @Override
    public void close() throws IOException {
        backend.close();
    }
}
