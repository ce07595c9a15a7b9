// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.libc.Threads;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;

/**
 * Threads that wait for storage, so that those that take requests need not. They start when there is work for them,
 * and take turns between the paths that have some.
 */
final class StorageThreads implements AutoCloseable {
    private final String name;
    private final int most;

    /** A path is here once for each thread that it wants. */
    private final Queue<SlowPath> wanted = new ArrayDeque<>();
    private final List<Thread> threads = new ArrayList<>();
    private int idle;
    private boolean closed;

    /**
     * Starts no thread yet.
     *
     * @param most the most threads at once
     */
    StorageThreads(String name, int most) {
        this.name = name;
        this.most = most;
    }

    /** Has one of the threads work for a path. */
    synchronized void call(SlowPath path) {
        if (wanted.size() >= idle && threads.size() < most) {
            start();
        }
        wanted.add(path);
        notify();
    }

    synchronized boolean isOwnThread() {
        return threads.contains(Thread.currentThread());
    }

    /** Ends the threads; the paths are closed already. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        threads.forEach(Threads::join);
    }

    private void start() {
        Carrier carrier = null;
        try {
            carrier = new Carrier();
            Carrier mine = carrier;
            var thread = new Thread(() -> run(mine), name + " " + threads.size());
            thread.setDaemon(true);
            threads.add(thread);
            try {
                thread.start();
            } catch (Throwable e) {
                threads.remove(thread);
                throw e;
            }
        } catch (OutOfMemoryError e) {
            if (carrier != null) {
                carrier.close();
            }
            // The threads that run already will get to the path
            if (threads.isEmpty()) {
                throw e;
            }
        }
    }

    private void run(Carrier carrier) {
        try (carrier) {
            for (SlowPath path = next(null); path != null; path = next(path.work(carrier) ? path : null)) {
                // All is done in the head
            }
        }
    }

    /**
     * The path to work for; null at the end.
     *
     * @param again the path that has had its turn, and has more to do; or null
     */
    private synchronized SlowPath next(SlowPath again) {
        if (again != null) {
            SlowPath other = wanted.poll();
            if (other == null) {
                return again;
            }
            wanted.add(again);
            return other;
        }
        idle++;
        while (wanted.isEmpty() && !closed) {
            try {
                wait();
            } catch (InterruptedException e) {
                // Only a backend can interrupt these threads, and what was added must be answered all the same
            }
        }
        idle--;
        return wanted.poll();
    }
}
