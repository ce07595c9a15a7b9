// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Failure;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What filters act on, and how often. */
@Timeout(60)
class SelectionTest {
    private final TestStore store = new TestStore();

    private static TestRequest write() {
        return new TestRequest(Kind.WRITE, 0, 1);
    }

    @Test
    void time_begins_when_the_disk_is_opened() throws Exception {
        Filter error = TestStore.filter("error", Map.of("until", Moment.ofTime(2_000_000_000)));
        // As long as it takes until the device is set up
        Thread.sleep(2100);
        try (var disk = store.behind(error)) {
            assertEquals(Failure.IO, write().submitTo(disk).await());
        }
    }

    @Test
    void numbers_and_times_that_meet_are_possible() throws Exception {
        try (var disk = store.behind(TestStore.filter("error", Map.of("from", Moment.ofCount(2), "until", Moment.ofCount(2), "nth", 2L, "every", 2L)),
                TestStore.filter("error", Map.of("from", Moment.ofCount(9), "until", Moment.ofTime(1))))) {
            assertNull(write().submitTo(disk).await());
            assertEquals(Failure.IO, write().submitTo(disk).await());
            assertNull(write().submitTo(disk).await());
        }
    }

    /** How many bits of a block differ from what the disk has. */
    private int flipped(Map<String, Object> settings) throws Exception {
        try (var disk = store.behind(TestStore.filter("corrupt", settings))) {
            var read = new TestRequest(Kind.READ, 0, 1);
            assertNull(read.submitTo(disk).await());
            int bits = 0;
            for (int i = 0; i < TestStore.BLOCK; i++) {
                bits += Integer.bitCount(read.data().get(i) & 0xff);
            }
            return bits;
        }
    }

    @Test
    void no_bit_is_flipped_twice() throws Exception {
        for (long bits : new long[] {1, 2, 1000, TestStore.BLOCK * 8L, Long.MAX_VALUE}) {
            assertEquals(Math.min(bits, TestStore.BLOCK * 8), flipped(Map.of("op", Set.of("read"), "bits", bits)));
        }
    }

    @Test
    void each_stuck_bit_has_one_value() throws Exception {
        var all = Map.<String, Object>of("kind", "stuck", "bits", TestStore.BLOCK * 8L);
        int ones = flipped(all);
        java.util.Arrays.fill(store.bytes, (byte) -1);
        assertEquals(ones, flipped(all));
    }

    @Test
    void a_request_that_cannot_be_carried_out_again_fails_as_it_did() throws Exception {
        var told = new LinkedBlockingQueue<String>();
        try (var disk = store.behind(TestStore.filter("retry", Map.of()))) {
            disk.tellProblemsTo(told::add);
            store.failing.add(Kind.WRITE);
            var write = new TestRequest(Kind.WRITE, 0, 1) {
                @Override
                public long deadline() {
                    // As if the thread that waits could not be started
                    throw new OutOfMemoryError("no thread");
                }
            };
            assertEquals(Failure.IO, write.submitTo(disk).await());
            assertEquals("java.lang.OutOfMemoryError: no thread", told.remove());
        }
    }
}
