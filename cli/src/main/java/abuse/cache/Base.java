// SPDX-License-Identifier: Apache-2.0
package abuse.cache;

import abuse.backend.AddressedBackend;
import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Backend;
import abuse.backend.OneRequest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The backend behind the cache: whoever asks it for something waits for the end, whether it answers later or not. */
final class Base {
    final Backend backend;
    /** The same, if it answers later; else null. */
    final AsyncBackend async;
    /** Whether it leaves the positions of buffers as they are. */
    private final boolean inMemory;
    private final Set<OneRequest> underWay = ConcurrentHashMap.newKeySet();

    Base(Backend backend) {
        this.backend = backend;
        async = backend instanceof AsyncBackend b ? b : null;
        inMemory = async == null && backend instanceof AddressedBackend addressed && !addressed.isStored();
    }

    /** How many threads are of use to it at once, up to a number. */
    int threads(int most) {
        return Math.max(1, Math.min(most, async != null ? async.mostUnderWay() : backend.threads()));
    }

    /** Reads as many bytes as the buffer has remaining, until a request's deadline. */
    void read(long offset, ByteBuffer into, long deadline) throws IOException {
        if (async != null) {
            carryOut(new OneRequest(Kind.READ, offset, into.remaining(), into, deadline));
        } else {
            backend.read(offset, into);
            checkMoved(into);
        }
    }

    /** Carries out a request, and makes durable what must be. */
    void carryOut(AsyncRequest request) throws IOException {
        if (async != null) {
            carryOut(new OneRequest(request));
            return;
        }
        ByteBuffer data = request.data();
        switch (request.kind()) {
            case READ -> read(request.offset(), data, request.deadline());
            case WRITE -> {
                backend.write(request.offset(), data);
                checkMoved(data);
            }
            case FLUSH -> backend.flush();
            case DISCARD -> backend.discard(request.offset(), request.length());
            case WRITE_ZEROES -> backend.writeZeroes(request.offset(), request.length());
        }
        if (request.fua()) {
            backend.flush();
        }
    }

    /** Whether somebody waits for it. */
    boolean isBusy() {
        return !underWay.isEmpty();
    }

    /** Tells it of those whose deadline has passed. */
    void expire(long now) {
        for (OneRequest request : underWay) {
            if (request.deadline() != Long.MAX_VALUE && now - request.deadline() >= 0) {
                async.expired(request);
            }
        }
    }

    private void carryOut(OneRequest request) throws IOException {
        underWay.add(request);
        try {
            request.carryOut(async, Long.MAX_VALUE);
        } finally {
            underWay.remove(request);
        }
    }

    private void checkMoved(ByteBuffer data) throws IOException {
        if (!inMemory && data.hasRemaining()) {
            throw new IOException("the backend left out " + data.remaining() + " bytes of a request");
        }
    }
}
