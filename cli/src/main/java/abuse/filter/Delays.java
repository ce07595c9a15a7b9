// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.libc.Threads;
import abuse.libc.Unix;
import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;

/** Requests that wait for their time, and a thread that lets them go on; there is none until a request waits. */
final class Delays implements AutoCloseable {
    /** A heap: the first one is the next one due. */
    private FilteredRequest[] waiting = new FilteredRequest[64];
    private int size;
    private Thread thread;
    private boolean closed;

    /** Lets a request wait for so many nanoseconds, or until its deadline. */
    void add(FilteredRequest request, long nanoseconds) {
        long now = System.nanoTime();
        long deadline = request.deadline();
        synchronized (this) {
            if (request.isAbandoned()) {
                return;
            }
            long due = now + (request.isLeftBehind() ? 0 : Math.max(0, nanoseconds));
            request.due = deadline == Long.MAX_VALUE || deadline - due >= 0 ? due : Math.max(deadline, now);
            if (thread == null) {
                var starting = new Thread(this::run, "filters");
                starting.setDaemon(true);
                starting.start();
                thread = starting;
            }
            if (size == waiting.length) {
                waiting = Arrays.copyOf(waiting, 2 * size);
            }
            waiting[size] = request;
            rise(size++);
            if (waiting[0] == request) {
                LockSupport.unpark(thread);
            }
        }
    }

    /** Lets no request wait any more for a filter that was taken away. */
    synchronized void hasten(Filter filter) {
        filter.setLeft();
        long now = System.nanoTime();
        for (int i = 0; i < size; i++) {
            if (waiting[i].isAt(filter)) {
                waiting[i].due = now;
            }
        }
        for (int i = size / 2; i >= 0; i--) {
            sink(i);
        }
        LockSupport.unpark(thread);
    }

    /** After the end of all requests, but for those that are abandoned. */
    @Override
    public void close() {
        Thread running;
        synchronized (this) {
            closed = true;
            running = thread;
        }
        LockSupport.unpark(running);
        Threads.join(running);
    }

    private void run() {
        // As a worker does
        Unix.becomeIoFlusher();
        while (true) {
            FilteredRequest request = null;
            long left = Long.MAX_VALUE;
            synchronized (this) {
                if (closed) {
                    return;
                }
                if (size > 0) {
                    left = waiting[0].due - System.nanoTime();
                    request = left <= 0 ? removeFirst() : null;
                }
            }
            if (request != null) {
                if (!request.isAbandoned()) {
                    request.isDue();
                }
            } else {
                LockSupport.parkNanos(this, left);
            }
        }
    }

    private FilteredRequest removeFirst() {
        FilteredRequest first = waiting[0];
        waiting[0] = waiting[--size];
        waiting[size] = null;
        sink(0);
        return first;
    }

    private boolean isBefore(int i, int j) {
        return waiting[i].due - waiting[j].due < 0;
    }

    private void rise(int i) {
        while (i > 0 && isBefore(i, (i - 1) / 2)) {
            swap(i, (i - 1) / 2);
            i = (i - 1) / 2;
        }
    }

    private void sink(int from) {
        for (int i = from, child = 2 * i + 1; child < size; child = 2 * i + 1) {
            if (child + 1 < size && isBefore(child + 1, child)) {
                child++;
            }
            if (!isBefore(child, i)) {
                return;
            }
            swap(i, child);
            i = child;
        }
    }

    private void swap(int i, int j) {
        FilteredRequest request = waiting[i];
        waiting[i] = waiting[j];
        waiting[j] = request;
    }
}
