// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Failure;
import java.util.ArrayList;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Requests with a deadline before filters that let them wait for each other. */
@Timeout(60)
class LateRequestsTest {
    private static final long SECOND = 1_000_000_000;

    private final TestStore store = new TestStore();

    private static TestRequest read(FilteredBackend disk, long block, long deadline) {
        var read = new TestRequest(Kind.READ, block, 1);
        read.deadline = deadline;
        return read.submitTo(disk);
    }

    /** More of them than can be in time, and then one that has time enough. */
    private void keepNoneBack(Filter filter) throws Exception {
        try (var disk = store.behind(filter)) {
            var late = new ArrayList<TestRequest>();
            assertNull(read(disk, 0, Long.MAX_VALUE).await());
            long deadline = System.nanoTime() + SECOND / 4;
            for (int i = 0; i < 200; i++) {
                late.add(read(disk, i % 2 == 0 ? 255 : 128, deadline));
            }
            for (var one : late) {
                assertEquals(Failure.TIMEOUT, one.await());
            }
            assertNull(read(disk, 255, System.nanoTime() + 20 * SECOND).await());
        }
    }

    @Test
    void what_is_too_late_takes_nothing_of_the_rate() throws Exception {
        keepNoneBack(TestStore.filter("rate", Map.of("bytes", (long) TestStore.BLOCK)));
    }

    @Test
    void the_arm_does_not_move_for_what_is_too_late() throws Exception {
        keepNoneBack(TestStore.filter("delay", Map.of("shape", "seek", "time", SECOND, "turn", 0L)));
    }
}
