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
    private int generation;
    /** The number of the connection that the present command was sent on; 0 for none. Written after what describes it. */
    volatile int sentOn;
    /** Whether the data of the present command is just being sent from its place. */
    volatile boolean sending;
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

    /** Its next command is sent now. */
    void sent(int bytes, int connection) {
        part = bytes;
        received = 0;
        generation++;
        sentOn = connection;
    }

    /** Of the present command. */
    long cookie() {
        return (long) generation << 32 | index;
    }

    /** Whether it changes the export. */
    boolean isChange() {
        AsyncRequest.Kind kind = request.kind();
        return kind != AsyncRequest.Kind.READ && kind != AsyncRequest.Kind.FLUSH;
    }
}
