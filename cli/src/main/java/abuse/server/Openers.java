// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import java.util.ArrayDeque;
import java.util.Deque;

/** Threads that open backends, so that a disk whose storage hangs keeps few others waiting. */
final class Openers implements AutoCloseable {
    /** So many backends may hang when they are opened before the others wait for them. */
    private static final int MOST = 16;

    private final MultiServer server;
    /** Those that failed are behind all others, as they may hang. */
    private final Deque<Member> wanted = new ArrayDeque<>();
    private int threads;

    /** Starts no thread yet. */
    Openers(MultiServer server) {
        this.server = server;
    }

    /** Has a thread open a disk. */
    synchronized void call(Member member) {
        if (member.isRetry()) {
            wanted.addLast(member);
        } else {
            wanted.addFirst(member);
        }
        if (threads < MOST) {
            var thread = new Thread(this::run, "opener");
            thread.setDaemon(true);
            try {
                thread.start();
                threads++;
            } catch (OutOfMemoryError e) {
                // The threads that run already will get to it
                if (threads == 0) {
                    wanted.remove(member);
                    member.forget();
                    throw e;
                }
            }
        }
    }

    /** Lets no open begin any more, and does not wait for those that hang. */
    @Override
    public synchronized void close() {
        wanted.forEach(Member::forget);
        wanted.clear();
    }

    private void run() {
        for (Member member = next(); member != null; member = next()) {
            member.open(server);
        }
    }

    /** The next one to open; null when there is none, and the thread ends. */
    private synchronized Member next() {
        Member member = wanted.poll();
        if (member == null) {
            threads--;
        }
        return member;
    }
}
