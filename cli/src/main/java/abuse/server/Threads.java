// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import java.util.List;

/** Waiting for threads that use what is to be closed next. */
public final class Threads {
    private Threads() {}

    /**
     * Returns when all threads have ended. An interrupt does not cut the wait short; the caller is interrupted again at its end.
     *
     * @param onInterrupt called at each interrupt
     */
    public static void join(List<Thread> threads, Runnable onInterrupt) {
        boolean interrupted = false;
        for (Thread thread : threads) {
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                    onInterrupt.run();
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
