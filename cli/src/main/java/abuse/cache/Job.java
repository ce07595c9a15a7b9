// SPDX-License-Identifier: Apache-2.0
package abuse.cache;

import abuse.backend.AsyncRequest;

/** A request on its way through the cache, or a piece that is being taken out of it: nobody else works on these pieces meanwhile. */
final class Job {
    /** Null for a piece that is taken out. */
    AsyncRequest request;
    /** The pieces that it is about; none if the last one is less than the first one. */
    long first;
    long last;
    /** For lists. */
    Job next;

    boolean conflictsWith(Job other) {
        return first <= other.last && other.first <= last && first <= last && other.first <= other.last;
    }
}
