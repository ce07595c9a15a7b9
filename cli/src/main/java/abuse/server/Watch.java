// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.libc.Threads;
import java.util.List;

/**
 * A thread that fails requests of a backend at their deadline, tells of those that take long, and has them given up when the
 * device is gone.
 */
final class Watch implements AutoCloseable {
    /** A request that takes longer is told of. */
    static final long STUCK_NS = 10_000_000_000L;
    private static final long MIN_PERIOD_MS = 10;
    private static final long MAX_PERIOD_MS = 1000;
    /** How long requests may take to end that were given up. */
    private static final long LEAVE_MS = 1000;

    private final List<AsyncWorker> workers;
    private final AsyncBackend backend;
    private final String text;
    private final Problems problems;
    private final long period;
    private final Thread thread = new Thread(this::run, "deadlines");
    private boolean closed;
    private boolean abandoned;
    /** Whether it was told that a request takes long. */
    private boolean told;

    /**
     * Watches nothing yet.
     *
     * @param text what the backend is called
     * @param limit nanoseconds that a request may take; 0 for no limit
     */
    Watch(List<AsyncWorker> workers, AsyncBackend backend, String text, long limit, Problems problems) {
        this.workers = workers;
        this.backend = backend;
        this.text = text;
        this.problems = problems;
        period = limit == 0 ? MAX_PERIOD_MS : Math.max(MIN_PERIOD_MS, Math.min(MAX_PERIOD_MS, limit / 8_000_000));
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    /** Ends after the workers; what these have left behind, because they failed, is given up. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        Threads.join(thread);
        if (!awaitAll(0)) {
            abandon();
            awaitAll(LEAVE_MS);
        }
    }

    private boolean awaitAll(long milliseconds) {
        return workers.stream().allMatch(worker -> worker.awaitAll(milliseconds));
    }

    boolean isOwnThread() {
        return Thread.currentThread() == thread;
    }

    private synchronized boolean pause() {
        try {
            if (!closed) {
                wait(period);
            }
        } catch (InterruptedException e) {
            // Only a backend can interrupt this thread
        }
        return !closed;
    }

    private void run() {
        while (pause()) {
            try {
                look();
            } catch (Throwable e) {
                // Without memory, say; the next look may do better
                problems.report(e);
            }
        }
    }

    private void look() {
        boolean stuck = false;
        boolean gone = false;
        for (AsyncWorker worker : workers) {
            stuck |= worker.look(System.nanoTime(), this::expired, STUCK_NS);
            gone |= worker.isReset();
        }
        if (gone) {
            abandon();
        }
        if (stuck && !told) {
            problems.report(text + ": has not answered a request for 10 seconds; its users wait");
        }
        told = stuck;
    }

    private void abandon() {
        if (abandoned) {
            return;
        }
        abandoned = true;
        try {
            backend.abandon();
        } catch (Throwable e) {
            problems.report(e);
        }
    }

    private void expired(AsyncRequest request) {
        try {
            problems.report(text + ": did not answer a request before its deadline, so it failed");
            backend.expired(request);
        } catch (Throwable e) {
            problems.report(e);
        }
    }
}
