// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

/**
 * Knows whether writes that were answered may be lost with a server, and has a flush fail for that once. Those writes are
 * counted, so that a flush covers those before it and no others.
 */
final class Unflushed {
    private long answered;
    private long flushed;
    private long losses;
    /** Those of the last loss, which a flush tells. */
    private long answeredAtLoss;
    /** Whether no flush has failed for the last loss yet. */
    private boolean untold;

    /** A write was answered that a flush would make durable. */
    synchronized void answered() {
        answered++;
    }

    /** What a flush that is asked for now covers. */
    synchronized void begin(Exchange flush) {
        flush.covers = answered;
        flush.losses = losses;
    }

    /** A flush was carried out; false if what it covers may be lost all the same. */
    synchronized boolean end(Exchange flush) {
        boolean lost = untold || flush.losses != losses;
        if (lost) {
            untold = false;
            flushed = Math.max(flushed, Math.max(answeredAtLoss, flush.covers));
            return false;
        }
        flushed = Math.max(flushed, flush.covers);
        return true;
    }

    /**
     * A connection was lost, and perhaps the server.
     *
     * @param others whether others may have written, too
     * @return whether writes may be lost with it, which was not so before
     */
    synchronized boolean lose(boolean others) {
        if (answered <= flushed && !others) {
            return false;
        }
        boolean first = !untold;
        losses++;
        answeredAtLoss = answered;
        untold = true;
        return first;
    }

    /** Whether the next flush would fail. */
    synchronized boolean isUntold() {
        return untold;
    }
}
