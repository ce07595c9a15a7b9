// SPDX-License-Identifier: Apache-2.0
package abuse.cache;

import abuse.backend.AsyncRequest;

/**
 * Hands out requests so that no two are carried out at once that are about one piece, and those about one piece in the
 * order in which they came. So a piece that is being filled cannot miss a write, and is not taken out meanwhile.
 */
final class Jobs {
    private Job firstWaiting;
    private Job lastWaiting;
    /** Those that were handed out, in no order. */
    private Job underWay;
    private Job free;
    private boolean closed;

    /** Adds a request that is about these pieces, or about none if the last one is less than the first one. */
    synchronized void add(AsyncRequest request, long first, long last) {
        Job job = free == null ? new Job() : free;
        free = job.next;
        job.next = null;
        job.request = request;
        job.first = first;
        job.last = last;
        if (lastWaiting == null) {
            firstWaiting = job;
        } else {
            lastWaiting.next = job;
        }
        lastWaiting = job;
        notifyAll();
    }

    /** The next one that may be carried out, which is waited for; null at the end. */
    synchronized Job next() {
        while (!closed) {
            Job before = null;
            for (Job job = firstWaiting; job != null; job = job.next) {
                if (!conflicts(job, underWay, null) && !conflicts(job, firstWaiting, job)) {
                    if (before == null) {
                        firstWaiting = job.next;
                    } else {
                        before.next = job.next;
                    }
                    if (lastWaiting == job) {
                        lastWaiting = before;
                    }
                    begin(job);
                    return job;
                }
                before = job;
            }
            try {
                wait();
            } catch (InterruptedException e) {
                // Only a backend can interrupt these threads, and what was submitted must be answered all the same
            }
        }
        return null;
    }

    /** Begins to take out one piece, unless somebody works on it. */
    synchronized boolean begin(Job job, long piece) {
        job.first = piece;
        job.last = piece;
        if (conflicts(job, underWay, null)) {
            return false;
        }
        begin(job);
        return true;
    }

    private void begin(Job job) {
        job.next = underWay;
        underWay = job;
    }

    /** It is done. */
    synchronized void end(Job job) {
        if (underWay == job) {
            underWay = job.next;
        } else {
            Job before = underWay;
            while (before.next != job) {
                before = before.next;
            }
            before.next = job.next;
        }
        job.next = null;
        if (job.request != null) {
            job.request = null;
            job.next = free;
            free = job;
        }
        notifyAll();
    }

    /** Ends the waits. */
    synchronized void close() {
        closed = true;
        notifyAll();
    }

    /** Whether one of a list, up to one of them, is about the same pieces. */
    private static boolean conflicts(Job job, Job list, Job end) {
        for (Job other = list; other != end; other = other.next) {
            if (job.conflictsWith(other)) {
                return true;
            }
        }
        return false;
    }
}
