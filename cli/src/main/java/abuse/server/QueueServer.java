// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.device.Batch;

/** Serves one hardware queue in a thread that waits for its requests. */
interface QueueServer extends AutoCloseable {
    /** Looks for requests before it sleeps, for as long as {@link Batch#lookFor} says. Before {@link #run}. */
    void lookFor(int nanoseconds);

    /**
     * Serves until drained, or until {@link #failure}.
     *
     * @param onAsked run once, when it has asked for requests: from then on the kernel knows that somebody serves
     */
    void run(Runnable onAsked);

    /** Why {@link #run} returned early, or null; valid after it has. */
    Throwable failure();

    /** Makes {@link #run} return when it has answered what it took. */
    void drain();

    /** Whether the calling thread is one that it has started, and waits for. */
    default boolean isOwnThread() {
        return false;
    }

    @Override
    void close();
}
