// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import abuse.CCompiler;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LatencyTest {
    /** The header's own formula says which bucket a time belongs to. */
    @Test
    void a_bucket_ends_where_the_header_says() throws Exception {
        var formula = new ArrayList<String>();
        for (int i = 0; i < Abi.ABUSE_LATENCY_BUCKETS - 1; i++) {
            formula.add("bucket(" + Latency.end(i) + "L)");
            formula.add("bucket(" + (Latency.end(i) + 1) + "L)");
        }
        Map<String, Long> buckets = CCompiler.evaluate(List.of("#define log2(us) (63 - __builtin_clzl(us))",
                "static long bucket(long us) { return us < 4 ? us : 4 * (log2(us) - 1) + (us >> (log2(us) - 2)) % 4; }"),
                formula.stream().distinct().toList());
        for (int i = 0; i < Abi.ABUSE_LATENCY_BUCKETS - 1; i++) {
            assertEquals(i, buckets.get("bucket(" + Latency.end(i) + "L)"));
            assertEquals(i + 1, buckets.get("bucket(" + (Latency.end(i) + 1) + "L)"));
        }
    }

    @Test
    void percentiles_are_the_ends_of_buckets() {
        assertEquals(-1, Latency.NONE.percentile(50));
        var most = with(Latency.NONE, 2, 99);
        var all = with(most, 40, 1);
        assertEquals(2, all.percentile(50));
        assertEquals(2, all.percentile(99));
        assertEquals(Latency.end(40), all.percentile(99.9));
        assertEquals(100, all.count());
    }

    @Test
    void a_difference_is_what_came_since_or_all_after_a_reset() {
        var first = with(Latency.NONE, 2, 99);
        var second = with(first, 40, 1);
        assertEquals(with(Latency.NONE, 40, 1), second.since(first));
        assertEquals(first, first.since(second));
    }

    private static Latency with(Latency latency, int bucket, long more) {
        var counts = new ArrayList<>(latency.counts());
        counts.set(bucket, counts.get(bucket) + more);
        return new Latency(counts);
    }
}
