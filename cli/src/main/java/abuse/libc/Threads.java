// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import java.util.List;

/** Waiting for threads that use what is to be closed next. An interrupt does not cut the wait short; the caller is interrupted again at its end. */
public final class Threads {
    private Threads() {}

    /** Returns when a thread has ended, or when there is none. */
    public static void join(Thread thread) {
        join(thread, 0);
    }

    /**
     * Returns when a thread has ended, and whether it has; null has.
     *
     * @param milliseconds the longest wait, unless there are interrupts; 0 for no limit
     */
    public static boolean join(Thread thread, long milliseconds) {
        if (thread == null) {
            return true;
        }
        boolean interrupted = false;
        while (true) {
            try {
                thread.join(milliseconds);
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return !thread.isAlive();
    }

    /**
     * Returns when all threads have ended.
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
