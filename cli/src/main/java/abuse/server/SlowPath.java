// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.backend.AddressedBackend;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.Request;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.function.Consumer;

/**
 * The requests of a disk that wait for its storage, and are carried out by {@link StorageThreads}. These share the open
 * control node of whoever took the requests, which owns them.
 */
final class SlowPath implements AutoCloseable {
    final Device device;
    final AddressedBackend backend;
    /** Whether every change of the disk must be durable before it is answered. */
    final boolean writeThrough;
    /** The longest read or write. */
    final int maxRequest;
    final Problems problems;
    private final StorageThreads threads;
    private final int maxThreads;
    private final Consumer<Throwable> onFailure;

    private final Queue<Request> waiting = new ArrayDeque<>();
    /** Threads that work for this path, or were called to. */
    private int active;

    /**
     * Calls no thread yet.
     *
     * @param writeThrough whether every change of the disk must be durable before it is answered
     * @param maxThreads the most threads at once
     * @param onFailure called when requests can be neither carried out nor failed; they stay owned
     */
    SlowPath(StorageThreads threads, Device device, AddressedBackend backend, boolean writeThrough, int maxRequest,
            Problems problems, int maxThreads, Consumer<Throwable> onFailure) {
        this.threads = threads;
        this.device = device;
        this.backend = backend;
        this.writeThrough = writeThrough;
        this.maxRequest = maxRequest;
        this.problems = problems;
        this.maxThreads = maxThreads;
        this.onFailure = onFailure;
    }

    /** Takes over a request whose range the backend has; false if there is no memory for that. */
    synchronized boolean add(Request request) {
        try {
            if (active < maxThreads) {
                threads.call(this);
                active++;
            }
            waiting.add(request);
            return true;
        } catch (OutOfMemoryError e) {
            problems.report(e);
            return false;
        }
    }

    /** Returns when all that was added is answered. An interrupt does not cut the wait short, and is not lost. */
    @Override
    public synchronized void close() {
        boolean interrupted = false;
        while (active > 0) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Carries out some of the requests, in the calling thread; whether it should come back for more. */
    boolean work(Carrier carrier) {
        int n = take(carrier.requests);
        try {
            carrier.answer(this, n);
        } catch (DeviceLostException e) {
            if (e.reason.reason() != DeviceException.Reason.NOT_SET_UP) {
                onFailure.accept(e.reason);
            }
        } catch (Throwable e) {
            onFailure.accept(e);
        }
        return hasMore();
    }

    private synchronized int take(Request[] requests) {
        // A group saves calls and flushes, but leaves work for the other threads
        int share = Math.min(requests.length, Math.max(1, waiting.size() / maxThreads));
        int n = 0;
        while (n < share && !waiting.isEmpty()) {
            requests[n++] = waiting.remove();
        }
        return n;
    }

    private synchronized boolean hasMore() {
        if (waiting.isEmpty()) {
            active--;
            notifyAll();
            return false;
        }
        return true;
    }
}
