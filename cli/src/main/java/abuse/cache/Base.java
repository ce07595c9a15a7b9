// SPDX-License-Identifier: Apache-2.0
package abuse.cache;

import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Backend;
import abuse.backend.OneRequest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;

/** The backend behind the cache: whoever asks it for something waits for the end, whether it answers later or not. */
final class Base {
    /** How often a thread that waits looks at the deadline, and whether it shall leave. */
    private static final long LOOK_MS = 100;
    /** How long a backend that answers later may take to flush at the end, and how long if it did not answer others. */
    private static final long FLUSH_MS = 30_000;
    private static final long LEFT_FLUSH_MS = 1000;

    final Backend backend;
    /** The same, if it answers later; else null. */
    final AsyncBackend async;
    private final int maxRequest;
    private final AtomicInteger underWay = new AtomicInteger();
    /** Nanoseconds that a request may take; 0 for no limit. */
    private volatile long limit;
    private volatile boolean left;

    /** The calling thread shall end, and touch nothing that the backend may still use. */
    static final class LeftException extends IllegalStateException {
        private static final long serialVersionUID = 1;
    }

    /** A backend with the longest read or write that it is to be asked for, in bytes. */
    Base(Backend backend, int maxRequest) {
        this.backend = backend;
        this.maxRequest = maxRequest;
        async = backend instanceof AsyncBackend b ? b : null;
    }

    /** How many threads are of use to it at once, up to a number. */
    int threads(int most) {
        return Math.max(1, Math.min(most, async != null ? async.mostUnderWay() : backend.threads()));
    }

    void limitTo(long nanoseconds) {
        limit = nanoseconds;
        if (async != null) {
            async.limitTo(nanoseconds);
        }
    }

    /** Reads as many bytes as the buffer has remaining. */
    void read(long offset, ByteBuffer into) throws IOException {
        long end = deadline();
        for (int done = 0, length = into.remaining(); done < length; done += maxRequest) {
            int part = Math.min(maxRequest, length - done);
            carryOut(new OneRequest(Kind.READ, offset + done, part, into.slice(done, part), end));
        }
    }

    /** Carries out a request, and makes durable what must be. It has as long as if it came now. */
    void carryOut(AsyncRequest request) throws IOException {
        if (async == null) {
            OneRequest.carryOut(backend, request);
            return;
        }
        carryOut(new OneRequest(request, deadline()));
    }

    /** Makes all durable, at the end. */
    void flush() throws IOException {
        if (async == null) {
            backend.flush();
            return;
        }
        long most = left ? LEFT_FLUSH_MS : FLUSH_MS;
        if (!new OneRequest(Kind.FLUSH, 0, 0, null, Long.MAX_VALUE).carryOut(async, most)) {
            throw new IOException("the backend has not answered a flush within " + most / 1000 + " seconds");
        }
    }

    /** Whether somebody waits for it. */
    boolean isBusy() {
        return underWay.get() > 0;
    }

    boolean isLeft() {
        return left;
    }

    /** Has those leave who wait for a backend that answers later. */
    void leave() {
        left = true;
    }

    private long deadline() {
        return limit == 0 ? Long.MAX_VALUE : System.nanoTime() + limit;
    }

    private void carryOut(OneRequest request) throws IOException {
        if (async == null) {
            OneRequest.carryOut(backend, request);
            return;
        }
        underWay.incrementAndGet();
        try {
            boolean ended = request.carryOut(async, LOOK_MS);
            boolean told = false;
            while (!ended) {
                if (left) {
                    throw new LeftException();
                }
                if (!told && request.isLate(System.nanoTime())) {
                    told = true;
                    tellExpired(request);
                }
                ended = request.await(LOOK_MS);
            }
        } finally {
            underWay.decrementAndGet();
        }
    }

    private void tellExpired(OneRequest request) {
        try {
            async.expired(request);
        } catch (Throwable e) {
            // The backend may use the data until the end all the same
        }
    }
}
