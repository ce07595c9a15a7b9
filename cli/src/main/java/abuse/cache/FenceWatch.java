// SPDX-License-Identifier: Apache-2.0
package abuse.cache;

import abuse.backend.Backend;
import java.io.IOException;
import java.util.function.Consumer;

/**
 * Asks a backend again and again whether it is fenced, because the kernel asks nobody before it reads what is mapped. One that
 * does not answer for long may be fenced as well. It may make the thread that asks wait, so another one looks at the time, and
 * nobody waits for the end of either.
 */
final class FenceWatch implements AutoCloseable {
    private static final long PERIOD_MS = 1000;
    /** Ceph lets another client break the lock of one that it has not heard of for 30 seconds; we promise 20. */
    private static final int MOST_PERIODS = 18;

    private final Backend backend;
    private final Consumer<Throwable> onFence;
    private final long period;
    private final int most;
    /** When the last question was asked that was answered; what has changed since nobody knows. */
    private long known = System.nanoTime();
    private boolean closed;

    /** Begins to watch; the action is run once, and never after {@link #close}, which waits for it. */
    FenceWatch(Backend backend, Consumer<Throwable> onFence) {
        this(backend, onFence, PERIOD_MS, MOST_PERIODS);
    }

    /** The same, with the milliseconds between two questions, and how many of these periods may pass without an answer. */
    FenceWatch(Backend backend, Consumer<Throwable> onFence, long period, int most) {
        this.backend = backend;
        this.onFence = onFence;
        this.period = period;
        this.most = most;
        try {
            start(this::ask, "cache question");
            start(this::watch, "cache watch");
        } catch (Throwable e) {
            close();
            throw e;
        }
    }

    private static void start(Runnable work, String name) {
        var thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
    }

    private void ask() {
        while (pause()) {
            long asked = System.nanoTime();
            try {
                answer(backend.isFenced(), asked);
            } catch (IOException | RuntimeException | Error e) {
                // It cannot tell, and is asked again
            }
        }
    }

    private synchronized void answer(boolean is, long asked) {
        known = asked;
        if (is) {
            tell("the backend belongs to somebody else now, who may change it");
        }
    }

    /**
     * By the clock, as a process that was stopped has asked nobody, and the kernel has read what is mapped all the same. Who can
     * tell at once is asked once more before.
     */
    private synchronized void watch() {
        boolean late = false;
        while (pause()) {
            boolean was = late;
            late = System.nanoTime() - known >= most * period * 1_000_000;
            if (was && late) {
                tell("the backend has not said for " + most * period / 1000 + " seconds whether it belongs to somebody else now");
            }
        }
    }

    private synchronized void tell(String why) {
        if (!closed) {
            closed = true;
            onFence.accept(new IOException(why));
        }
    }

    private synchronized boolean pause() {
        try {
            if (!closed) {
                wait(period);
            }
        } catch (InterruptedException e) {
            // Nobody has a reason to
        }
        return !closed;
    }

    @Override
    public synchronized void close() {
        closed = true;
        notifyAll();
    }
}
