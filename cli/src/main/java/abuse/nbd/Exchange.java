// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import abuse.backend.AsyncRequest;

/**
 * A request that a connection carries out, with one command after another: parts as long as the server takes, and a
 * flush at the end if the server has no FUA. The object is used again for later requests.
 */
final class Exchange {
    final int index;
    /** Null while it is free. */
    volatile AsyncRequest request;
    /** Distinguishes the commands of this object, so that a reply to an old one is not taken for that of a new one. */
    volatile int generation;
    /** The number of the connection that the present command was sent on; 0 for none. */
    volatile int sentOn;
    /** Bytes that are carried out. */
    long done;
    /** Bytes of the present command. */
    int part;
    /** Whether the present command is the flush at the end. */
    boolean flushing;
    /** Bytes that came for a read. */
    int received;
    int error;
    String message;

    /** For a flush: what it covers, as {@link Unflushed} counts. */
    long covers;
    long losses;

    Exchange(int index) {
        this.index = index;
    }

    void begin(AsyncRequest of) {
        sentOn = 0;
        restart();
        request = of;
    }

    /** Carries it out from the start. */
    void restart() {
        done = 0;
        part = 0;
        flushing = false;
        error = 0;
        message = null;
        received = 0;
    }

    long cookie() {
        return (long) generation << 32 | index;
    }
}
