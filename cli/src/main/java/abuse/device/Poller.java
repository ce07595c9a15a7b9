// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.io.IOException;

/**
 * Several threads wait for requests of many open control nodes. One that has some, or whose device was reset, is told
 * to one of the threads, and then to nobody until it is watched again. Waiting allocates nothing.
 */
public interface Poller extends AutoCloseable {
    /** What {@link #next} returns after {@link #end}. */
    int END = -1;

    /**
     * Has {@link #next} return the name of one more open node at once, with or without requests: a number, 0 and up. It is
     * watched from the first {@link #rearm} on, until it is closed.
     */
    void add(int name) throws IOException;

    /** Watches it, for the first time or again, in the thread that was told of it. */
    void rearm(int thread, Device device, int name) throws IOException;

    /**
     * Waits until there is something to do.
     *
     * @param thread the number of the calling thread, 0 and up
     * @return the name of an open node, or {@link #END}
     */
    int next(int thread) throws IOException;

    /** Makes {@link #next} return {@link #END} in all threads. */
    void end();

    /** After the last use by any thread. */
    @Override
    void close();
}
