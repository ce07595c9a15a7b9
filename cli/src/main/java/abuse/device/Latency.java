// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * How long answered requests took.
 *
 * @param counts how many there are in each bucket; every power of two microseconds has four of them
 */
public record Latency(List<Long> counts) {
    /** Nothing was answered. */
    public static final Latency NONE = new Latency(Collections.nCopies(Abi.ABUSE_LATENCY_BUCKETS, 0L));

    static Latency decode(ByteBuffer status) {
        var counts = new ArrayList<Long>();
        for (int i = 0; i < Abi.ABUSE_LATENCY_BUCKETS; i++) {
            counts.add(status.getLong(Abi.Status.LATENCY + i * Long.BYTES));
        }
        return new Latency(counts);
    }

    /** What was counted since an earlier reading; everything if the counters were reset in between. */
    public Latency since(Latency earlier) {
        var difference = new ArrayList<Long>();
        for (int i = 0; i < counts.size(); i++) {
            difference.add(counts.get(i) - earlier.counts.get(i));
            if (difference.get(i) < 0) {
                return this;
            }
        }
        return new Latency(difference);
    }

    /** The number of requests. */
    public long count() {
        long count = 0;
        for (long some : counts) {
            count += some;
        }
        return count;
    }

    /**
     * The microseconds within which a share of the requests was answered, as exact as the buckets are.
     *
     * @param percent of all, above 0 and up to 100
     * @return -1 when there are none
     */
    public long percentile(double percent) {
        long wanted = (long) Math.ceil(count() * percent / 100);
        for (int i = 0; i < counts.size() && wanted > 0; i++) {
            wanted -= counts.get(i);
            if (wanted <= 0) {
                return end(i);
            }
        }
        return -1;
    }

    /** How many took less than that. */
    public record Bound(long microseconds, long count) {}

    /** What took less than each power of two microseconds, from 4 to some 17 seconds. */
    public List<Bound> bounds() {
        var bounds = new ArrayList<Bound>();
        long count = 0;
        // The last bucket has all that took longer, too
        for (int i = 0; i < counts.size() - 4; i++) {
            count += counts.get(i);
            if (i % 4 == 3) {
                bounds.add(new Bound(end(i) + 1, count));
            }
        }
        return bounds;
    }

    /** The last microsecond that belongs to a bucket. */
    static long end(int bucket) {
        int log = bucket / 4 + 1;
        return bucket < 4 ? bucket : (4L + bucket % 4 + 1 << log - 2) - 1;
    }
}
