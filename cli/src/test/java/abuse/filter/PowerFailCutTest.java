// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Failure;
import java.io.IOException;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is under way when the filter powerfail cuts the power. */
@Timeout(300)
class PowerFailCutTest {
    private final TestStore store = new TestStore();

    private FilteredBackend disk(Map<String, Object> settings) throws Exception {
        return store.behind(TestStore.filter("powerfail", settings));
    }

    private static void cut(FilteredBackend disk) throws IOException {
        disk.cut(disk.filters().get(0));
    }

    /** Cuts the power in a thread of its own, which waits. */
    private static FutureTask<Void> cutLater(FilteredBackend disk) {
        var task = new FutureTask<Void>(() -> {
            cut(disk);
            return null;
        });
        var thread = new Thread(task);
        thread.start();
        while (thread.getState() != Thread.State.TIMED_WAITING) {
            Thread.onSpinWait();
        }
        return task;
    }

    @Test
    void a_read_that_began_before_a_durable_write_does_not_miss_it_after_the_cut() throws Exception {
        try (var disk = disk(Map.of("off", 0L))) {
            store.hanging.add(Kind.READ);
            var read = new TestRequest(Kind.READ, 0, 1).submitTo(disk);
            store.awaitKept(1);
            TestStore.write(disk, 0, 7);
            disk.flush();
            cut(disk);
            store.hanging.clear();
            // The storage has read it long ago, when it was zeros
            store.kept.remove(0).complete();
            assertNull(read.await());
            assertEquals(7, read.data().get(0));
        }
    }

    @Test
    void a_read_that_ends_when_the_power_is_off_fails() throws Exception {
        try (var disk = disk(Map.of())) {
            store.hanging.add(Kind.READ);
            var read = new TestRequest(Kind.READ, 0, 1).submitTo(disk);
            store.awaitKept(1);
            cut(disk);
            store.release();
            assertEquals(Failure.IO, read.await());
        }
    }

    @ParameterizedTest
    @EnumSource
    void the_request_that_cuts_fails_and_is_the_only_one(Kind kind) throws Exception {
        try (var disk = disk(Map.of("op", Set.of(Journal.word(kind)), "off", 0L))) {
            if (kind != Kind.WRITE) {
                TestStore.write(disk, 3, 3);
            }
            long blocks = kind == Kind.FLUSH ? 0 : 1;
            assertEquals(Failure.IO, new TestRequest(kind, 0, blocks).submitTo(disk).await());
            for (int i = 0; i < 3; i++) {
                assertNull(new TestRequest(kind, 0, blocks).submitTo(disk).await());
            }
        }
        assertEquals(1, store.log().lines().count(), store.log());
    }

    @Test
    void a_flush_that_waits_at_a_cut_does_not_promise_what_is_lost() throws Exception {
        try (var disk = disk(Map.of("off", 0L))) {
            store.hanging.add(Kind.WRITE);
            var slow = new TestRequest(Kind.WRITE, 100, 1);
            slow.fua = true;
            slow.submitTo(disk);
            store.awaitKept(1);
            TestStore.write(disk, 0, 1);
            var flush = TestRequest.flush().submitTo(disk);
            var cut = cutLater(disk);
            store.release();
            cut.get();
            assertNull(slow.await());
            assertEquals(Failure.IO, flush.await());
            assertEquals(0, TestStore.read(disk, 0));
            assertNull(TestRequest.flush().submitTo(disk).await());
        }
    }

    @Test
    void a_cut_that_the_end_of_the_server_comes_before_says_so() throws Exception {
        var disk = disk(Map.of("fate", "kept"));
        TestStore.write(disk, 0, 1);
        store.hanging.add(Kind.WRITE);
        var cut = cutLater(disk);
        var end = new FutureTask<Void>(() -> {
            disk.close();
            return null;
        });
        new Thread(end).start();
        var failure = assertThrows(ExecutionException.class, cut::get).getCause();
        assertEquals("the server ends, and the power is cut all the same", failure.getMessage());
        store.release();
        end.get();
    }

    @Test
    void a_cut_that_storage_fails_for_says_what_was_lost() throws Exception {
        try (var disk = disk(Map.of("fate", "kept", "off", 0L))) {
            TestStore.write(disk, 0, 1);
            TestStore.write(disk, 2, 1);
            store.failing.add(Kind.WRITE);
            cut(disk);
            store.failing.clear();
            TestStore.write(disk, 0, 1);
            store.failing.add(Kind.FLUSH);
            cut(disk);
            store.failing.clear();
            TestStore.write(disk, 4, 1);
            cut(disk);
        }
        assertEquals("powerfail: lost=2 kept=0 torn=0\npowerfail: lost=0 kept=1 torn=0\npowerfail: lost=0 kept=1 torn=0\n", store.log());
    }
}
