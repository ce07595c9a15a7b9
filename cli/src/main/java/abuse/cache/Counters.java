// SPDX-License-Identifier: Apache-2.0
package abuse.cache;

import java.util.concurrent.atomic.LongAdder;

/** What a cache has done, in pieces. */
final class Counters {
    /** Were asked for, and not there. */
    final LongAdder misses = new LongAdder();
    final LongAdder filled = new LongAdder();
    /** Made room for others. */
    final LongAdder evicted = new LongAdder();
    /** Were about to make room, and were asked for once more. */
    final LongAdder again = new LongAdder();
    /** Were discarded, set to zeros, or could not be written. */
    final LongAdder dropped = new LongAdder();

    @Override
    public String toString() {
        return misses + " missed, " + filled + " filled, " + evicted + " evicted, " + again + " mapped again, " + dropped + " dropped";
    }
}
