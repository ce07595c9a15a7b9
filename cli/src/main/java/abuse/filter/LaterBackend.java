// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AddressedBackend;
import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.Backend;
import abuse.backend.Failure;
import abuse.backend.OneRequest;
import abuse.libc.Threads;
import abuse.libc.Unix;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Has requests carried out by a backend that makes its callers wait, in as many threads as are useful to it. What lies in
 * memory nobody waits for, so there the caller does it.
 */
final class LaterBackend implements AsyncBackend {
    private static final Runnable NOTHING = () -> {};

    private final Backend backend;
    /** The same, if nobody waits for it; else null. */
    private final AddressedBackend memory;

    private final RequestQueue waiting = new RequestQueue();
    private final List<Thread> threads = new ArrayList<>();
    private int idle;
    private boolean closed;

    private LaterBackend(Backend backend, AddressedBackend memory) {
        this.backend = backend;
        this.memory = memory;
    }

    static LaterBackend of(Backend backend) {
        return new LaterBackend(backend, memoryOf(backend));
    }

    /** A backend whose bytes are in memory, where nobody waits for them; null if it is another one. */
    static AddressedBackend memoryOf(Backend backend) {
        return backend instanceof AddressedBackend addressed && !addressed.isStored() ? addressed : null;
    }

    @Override
    public boolean wantsData() {
        return memory == null;
    }

    @Override
    public void submit(AsyncRequest request) throws IOException {
        if (memory != null) {
            switch (request.kind()) {
                case READ -> request.completeSoonAt(memory.readAddress(request.offset(), request.length()), NOTHING);
                case WRITE -> request.completeSoonAt(memory.writeAddress(request.offset(), request.length()), NOTHING);
                default -> {
                    OneRequest.carryOut(memory, request);
                    request.completeSoon();
                }
            }
            return;
        }
        var filtered = (FilteredRequest) request;
        synchronized (this) {
            // A thread that was notified is idle until it has taken its request
            if (waiting.size() >= idle && threads.size() < Math.max(1, backend.threads())) {
                start();
            }
            waiting.add(filtered);
            notify();
        }
    }

    /** Fails what is late and that no thread has begun, so that only what hangs keeps its place. */
    @Override
    public void expired(AsyncRequest request) {
        var late = new RequestQueue();
        synchronized (this) {
            for (int left = waiting.size(); left > 0; left--) {
                FilteredRequest one = waiting.poll();
                (one.isTooLate() ? late : waiting).add(one);
            }
        }
        for (FilteredRequest one = late.poll(); one != null; one = late.poll()) {
            one.fail(Failure.TIMEOUT, null);
        }
    }

    /** After the end of all requests. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        threads.forEach(Threads::join);
    }

    private void start() {
        var thread = new Thread(this::run, "filtered " + threads.size());
        thread.setDaemon(true);
        try {
            thread.start();
            threads.add(thread);
        } catch (OutOfMemoryError e) {
            // The threads that run already will get to the request
            if (threads.isEmpty()) {
                throw e;
            }
        }
    }

    private void run() {
        // As a worker does
        Unix.becomeIoFlusher();
        for (FilteredRequest request = next(); request != null; request = next()) {
            if (request.isTooLate()) {
                request.fail(Failure.TIMEOUT, null);
                continue;
            }
            try {
                OneRequest.carryOut(backend, request);
            } catch (Throwable e) {
                request.fail(Failure.of(e), FilteredBackend.words(e));
                continue;
            }
            request.complete();
        }
    }

    private synchronized FilteredRequest next() {
        idle++;
        while (waiting.isEmpty() && !closed) {
            try {
                wait();
            } catch (InterruptedException e) {
                // Only a backend can interrupt these threads, and what was submitted must be answered all the same
            }
        }
        idle--;
        return waiting.poll();
    }
}
