// SPDX-License-Identifier: Apache-2.0
package abuse.cache;

import abuse.backend.Backend;
import java.io.IOException;
import java.util.function.Consumer;

/**
 * A thread that asks a backend whether it is fenced, because the kernel asks nobody before it reads what is mapped. The
 * backend may make it wait, so nobody waits for its end.
 */
final class FenceWatch implements AutoCloseable {
    private static final long PERIOD_MS = 1000;

    private final Backend backend;
    private final Consumer<Throwable> onFence;
    private boolean closed;

    /** Begins to watch; the action is run once, and never after {@link #close}, which waits for it. */
    FenceWatch(Backend backend, Consumer<Throwable> onFence) {
        this.backend = backend;
        this.onFence = onFence;
        var thread = new Thread(this::run, "cache watch");
        thread.setDaemon(true);
        thread.start();
    }

    private void run() {
        while (pause()) {
            boolean fenced = false;
            try {
                fenced = backend.isFenced();
            } catch (IOException | RuntimeException | Error e) {
                // It cannot tell, and is asked again
            }
            if (fenced) {
                tell();
                return;
            }
        }
    }

    private synchronized void tell() {
        if (!closed) {
            onFence.accept(new IOException("the backend belongs to somebody else now, who may change it"));
        }
    }

    private synchronized boolean pause() {
        try {
            if (!closed) {
                wait(PERIOD_MS);
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
