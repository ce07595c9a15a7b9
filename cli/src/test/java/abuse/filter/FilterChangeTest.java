// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Failure;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Changes of the filters of a disk in use, when its storage hangs or its users do not pause. */
@Timeout(300)
class FilterChangeTest {
    private final TestStore store = new TestStore();

    private static FutureTask<Void> changeLater(FilteredBackend disk, Filter... filters) {
        var task = new FutureTask<Void>(() -> {
            disk.change(List.of(filters));
            return null;
        });
        var thread = new Thread(task, "change");
        thread.setDaemon(true);
        thread.start();
        return task;
    }

    /** Waits until a change waits in a method. */
    private static void awaitChangeIn(Class<?> type, String method) throws InterruptedException {
        while (Thread.getAllStackTraces().entrySet().stream().noneMatch(one -> one.getKey().getName().equals("change")
                && one.getKey().getState() == Thread.State.TIMED_WAITING && List.of(one.getValue()).stream()
                        .anyMatch(frame -> frame.getClassName().equals(type.getName()) && frame.getMethodName().equals(method)))) {
            Thread.sleep(1);
        }
    }

    @Test
    void what_is_written_after_a_change_that_was_given_up_is_written_back_by_the_next_one() throws Exception {
        try (var disk = store.behind(TestStore.filter("powerfail", Map.of()))) {
            TestStore.write(disk, 0, 1);
            store.hanging.add(Kind.FLUSH);
            assertThrows(IOException.class, () -> disk.change(List.of()));
            TestStore.write(disk, 1, 2);
            var change = changeLater(disk);
            awaitChangeIn(Entrance.class, "hold");
            store.release();
            change.get();
            assertEquals(1, store.bytes[0]);
            assertEquals(2, store.bytes[TestStore.BLOCK]);
            TestStore.write(disk, 1, 3);
        }
        assertEquals(3, store.bytes[TestStore.BLOCK]);
    }

    @Test
    void storage_that_throws_is_told_and_changes_nothing() throws Exception {
        try (var disk = store.behind(TestStore.filter("powerfail", Map.of()))) {
            TestStore.write(disk, 0, 1);
            store.failing.add(Kind.WRITE);
            assertThrows(IOException.class, () -> disk.change(List.of()));
            assertEquals(1, disk.filters().size());
            store.failing.clear();
            disk.change(List.of());
            assertEquals(1, store.bytes[0]);
        }
    }

    /** Each user sends its next request when it has the answer to the last one, and the filters change all the same. */
    @Test
    void a_change_ends_under_steady_load() throws Exception {
        var disk = store.behind(TestStore.filter("powerfail", Map.of()));
        var done = new AtomicBoolean();
        var users = new Thread[8];
        for (int i = 0; i < users.length; i++) {
            int block = i;
            users[i] = new Thread(() -> {
                try {
                    while (!done.get()) {
                        assertNull(new TestRequest(Kind.WRITE, block, 1).submitTo(disk).await());
                    }
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            });
            users[i].start();
        }
        for (int i = 0; i < 50; i++) {
            disk.change(List.of(TestStore.filter("powerfail", Map.of("cache", 1L))));
        }
        done.set(true);
        for (Thread user : users) {
            user.join();
        }
        disk.close();
    }

    @Test
    void a_request_that_was_held_for_too_long_fails() throws Exception {
        try (var disk = store.behind()) {
            store.hanging.add(Kind.WRITE);
            var write = new TestRequest(Kind.WRITE, 0, 1).submitTo(disk);
            var change = changeLater(disk, TestStore.filter("powerfail", Map.of()));
            awaitChangeIn(Entrance.class, "await");
            var late = new TestRequest(Kind.READ, 0, 1);
            late.deadline = System.nanoTime();
            late.submitTo(disk);
            var early = new TestRequest(Kind.READ, 0, 1).submitTo(disk);
            assertFalse(late.hasEnded() || early.hasEnded());
            store.release();
            change.get();
            assertNull(write.await());
            assertEquals(Failure.TIMEOUT, late.await());
            assertNull(early.await());
        }
    }

    @Test
    void a_filter_that_keeps_something_is_not_added_where_others_serve() throws Exception {
        try (var disk = store.behind()) {
            disk.shared();
            var failure = assertThrows(IOException.class, () -> disk.change(List.of(TestStore.filter("check", Map.of()))));
            assertTrue(failure.getMessage().startsWith("another server may serve the disk"), failure.getMessage());
            disk.change(List.of(TestStore.filter("stats", Map.of())));
        }
    }

    @Test
    void an_end_waits_for_storage_that_is_slow() throws Exception {
        var disk = store.behind(TestStore.filter("powerfail", Map.of()));
        TestStore.write(disk, 0, 1);
        store.hanging.add(Kind.WRITE);
        var end = new FutureTask<Void>(() -> {
            disk.close();
            return null;
        });
        new Thread(end).start();
        store.awaitKept(1);
        // Longer than anybody would take for a hang of a disk
        Thread.sleep(7000);
        store.release();
        end.get();
        assertEquals(1, store.bytes[0]);
    }
}
