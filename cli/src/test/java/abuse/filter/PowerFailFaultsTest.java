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
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The filter powerfail before storage that fails or hangs. */
@Timeout(300)
class PowerFailFaultsTest {
    private final TestStore store = new TestStore();

    private FilteredBackend disk(Map<String, Object> settings) throws Exception {
        return store.behind(TestStore.filter("powerfail", settings));
    }

    @ParameterizedTest
    @EnumSource(names = {"WRITE_ZEROES", "DISCARD"})
    void what_is_not_zeroed_keeps_what_was_written(Kind kind) throws Exception {
        try (var disk = disk(Map.of())) {
            TestStore.write(disk, 3, 7);
            store.failing.add(kind);
            assertEquals(Failure.IO, new TestRequest(kind, 0, 8).submitTo(disk).await());
            assertEquals(7, TestStore.read(disk, 3));
            disk.flush();
            assertEquals(7, store.bytes[3 * TestStore.BLOCK]);
            store.failing.clear();
            TestStore.write(disk, 3, 8);
            assertNull(new TestRequest(kind, 0, 8).submitTo(disk).await());
            assertEquals(0, TestStore.read(disk, 3));
        }
        assertEquals(0, store.bytes[3 * TestStore.BLOCK]);
    }

    @Test
    void what_is_written_while_zeroes_are_under_way_stays() throws Exception {
        try (var disk = disk(Map.of())) {
            TestStore.write(disk, 3, 7);
            store.hanging.add(Kind.WRITE_ZEROES);
            var zeroes = new TestRequest(Kind.WRITE_ZEROES, 0, 8).submitTo(disk);
            store.awaitKept(1);
            TestStore.write(disk, 4, 9);
            var flush = TestRequest.flush().submitTo(disk);
            store.release();
            assertNull(zeroes.await());
            assertNull(flush.await());
            assertEquals(0, TestStore.read(disk, 3));
            assertEquals(9, TestStore.read(disk, 4));
        }
        assertEquals(0, store.bytes[3 * TestStore.BLOCK]);
        assertEquals(9, store.bytes[4 * TestStore.BLOCK]);
    }

    private static void pass(long deadline) throws InterruptedException {
        while (System.nanoTime() - deadline < 0) {
            Thread.sleep(1);
        }
    }

    /** A write that is durable before its end, at whose write-back the storage hangs. */
    private TestRequest hang(FilteredBackend disk) throws Exception {
        store.hanging.add(Kind.WRITE);
        var write = new TestRequest(Kind.WRITE, 100, 1);
        write.fua = true;
        write.submitTo(disk);
        store.awaitKept(1);
        return write;
    }

    @ParameterizedTest
    @EnumSource(names = {"WRITE_ZEROES", "DISCARD"})
    void what_is_late_takes_nothing_away(Kind kind) throws Exception {
        try (var disk = disk(Map.of())) {
            var slow = hang(disk);
            var late = new TestRequest(kind, 0, 8);
            late.deadline = System.nanoTime() + 1_000_000;
            late.submitTo(disk);
            pass(late.deadline);
            TestStore.write(disk, 3, 7);
            store.release();
            assertNull(slow.await());
            assertEquals(Failure.TIMEOUT, late.await());
            assertEquals(7, TestStore.read(disk, 3));
        }
        assertEquals(7, store.bytes[3 * TestStore.BLOCK]);
    }

    @ParameterizedTest
    @EnumSource(names = {"WRITE_ZEROES", "DISCARD"})
    void what_is_written_while_zeroes_wait_stays(Kind kind) throws Exception {
        try (var disk = disk(Map.of())) {
            TestStore.write(disk, 2, 6);
            var slow = hang(disk);
            var waiting = new TestRequest(kind, 0, 8).submitTo(disk);
            TestStore.write(disk, 3, 7);
            store.release();
            assertNull(slow.await());
            assertNull(waiting.await());
            assertEquals(0, TestStore.read(disk, 2));
            assertEquals(7, TestStore.read(disk, 3));
        }
        assertEquals(7, store.bytes[3 * TestStore.BLOCK]);
    }

    @Test
    void a_write_that_is_late_when_there_is_room_is_not_stored() throws Exception {
        try (var disk = disk(Map.of("cache", 1L))) {
            for (int block = 0; block < 64; block++) {
                TestStore.write(disk, block, 1);
            }
            store.hanging.add(Kind.WRITE);
            var late = new TestRequest(Kind.WRITE, 63, 2);
            late.submitTo(disk);
            store.awaitKept(1);
            // Once it was begun
            late.deadline = System.nanoTime();
            TestStore.write(disk, 63, 2);
            store.release();
            assertEquals(Failure.TIMEOUT, late.await());
            assertEquals(2, TestStore.read(disk, 63));
        }
    }

    @Test
    void a_full_cache_writes_back_what_a_cut_cannot_take_any_more() throws Exception {
        // 256 KiB, twice the longest request
        try (var disk = disk(Map.of("cache", 1L, "op", Set.of("flush"), "nth", 1L, "off", 0L))) {
            for (int block = 0; block < 65; block++) {
                TestStore.write(disk, block, 1);
            }
            assertEquals(Failure.IO, TestRequest.flush().submitTo(disk).await());
            assertEquals(1, TestStore.read(disk, 0));
            assertEquals(0, TestStore.read(disk, 64));
            assertTrue(store.log().contains("lost=1 kept=0 torn=0"), store.log());
        }
    }

    @Test
    void a_block_that_cannot_be_written_back_keeps_no_other_from_it() throws Exception {
        var disk = store.behind(TestStore.filter("powerfail", Map.of("cache", 1L)),
                TestStore.filter("error", Map.of("op", Set.of("write"), "range", new Span(0, TestStore.BLOCK))));
        TestStore.write(disk, 0, 1);
        TestStore.write(disk, 2, 1);
        assertEquals(Failure.IO, TestRequest.flush().submitTo(disk).await());
        assertEquals(1, store.bytes[2 * TestStore.BLOCK]);
        // More than the cache holds
        for (int block = 4; block < 200; block += 2) {
            TestStore.write(disk, block, 1);
        }
        String lost = assertThrows(IOException.class, disk::close).getMessage();
        assertTrue(lost.startsWith("powerfail: 1 blocks were not written back"), lost);
        for (int block = 2; block < 200; block += 2) {
            assertEquals(1, store.bytes[block * TestStore.BLOCK], "block " + block);
        }
    }

    @Test
    void the_deadline_of_the_request_that_cuts_is_not_that_of_what_is_kept() throws Exception {
        var powerfail = TestStore.filter("powerfail", Map.of("fate", "kept", "op", Set.of("flush"), "nth", 1L, "off", 0L));
        try (var disk = store.behind(powerfail, TestStore.filter("delay", Map.of("time", 20_000_000L)))) {
            for (int block = 0; block < 20; block++) {
                TestStore.write(disk, block, 1);
            }
            var flush = TestRequest.flush();
            flush.deadline = System.nanoTime() + 100_000_000;
            flush.submitTo(disk).await();
            assertTrue(store.log().contains("lost=0 kept=20 torn=0"), store.log());
        }
    }

    @Test
    void storage_that_hangs_is_told_when_the_deadline_has_passed() throws Exception {
        try (var disk = disk(Map.of())) {
            TestStore.write(disk, 0, 1);
            store.hanging.add(Kind.WRITE);
            var flush = TestRequest.flush();
            // Time to begin, as what is late is not begun
            flush.deadline = System.nanoTime() + 3_000_000_000L;
            flush.submitTo(disk);
            store.awaitKept(1);
            pass(flush.deadline);
            disk.expired(flush);
            assertTrue(store.expired.contains(store.kept.get(0)));
            // As a client of NBD does
            store.kept.remove(0).fail(Failure.TIMEOUT, null);
            assertEquals(Failure.IO, flush.await());
            store.release();
            assertEquals(1, TestStore.read(disk, 0));
            disk.flush();
            assertEquals(1, store.bytes[0]);
        }
    }

    @Test
    void an_end_does_not_wait_for_storage_that_hangs() throws Exception {
        var disk = disk(Map.of());
        TestStore.write(disk, 0, 1);
        store.hanging.add(Kind.WRITE);
        var flush = TestRequest.flush().submitTo(disk);
        store.awaitKept(1);
        // As after a reset, when what is under way is left alone
        var failure = assertThrows(IOException.class, disk::close);
        assertTrue(failure.getMessage().contains("powerfail"), failure.getMessage());
        assertTrue(store.closed);
        assertFalse(flush.hasEnded());
        while (Thread.getAllStackTraces().keySet().stream().anyMatch(thread -> thread.getName().equals("powerfail"))) {
            Thread.sleep(5);
        }
    }

    private static Filter powerfail(FilteredBackend disk) {
        return disk.filters().get(0);
    }

    /** Lets the storage answer one request every so often. */
    private Thread answerSlowly() {
        var thread = new Thread(() -> {
            try {
                while (true) {
                    store.awaitKept(1);
                    Thread.sleep(500);
                    store.releaseOne();
                }
            } catch (InterruptedException e) {
                // Enough
            }
        });
        thread.start();
        return thread;
    }

    @Test
    void a_cut_that_takes_long_says_whether_the_storage_answers() throws Exception {
        try (var disk = disk(Map.of("fate", "kept", "off", 0L))) {
            for (int block = 0; block < 64; block++) {
                TestStore.write(disk, 2 * block, 1);
            }
            store.hanging.add(Kind.WRITE);
            Thread slow = answerSlowly();
            var failure = assertThrows(IOException.class, () -> disk.cut(powerfail(disk)));
            slow.interrupt();
            slow.join();
            store.release();
            assertEquals("the power is not off after 10 seconds: what is to be kept is still being written; requests wait until it is off",
                    failure.getMessage());
            assertEquals(1, TestStore.read(disk, 2));
            TestStore.write(disk, 1, 2);
            store.hanging.add(Kind.WRITE);
            failure = assertThrows(IOException.class, () -> disk.cut(powerfail(disk)));
            store.release();
            assertEquals("the power is not off after 10 seconds: the storage has not answered; requests wait until it is off",
                    failure.getMessage());
        }
    }

    @Test
    void a_cache_that_is_not_written_in_time_says_how_much_is_to_come() throws Exception {
        try (var disk = disk(Map.of())) {
            for (int block = 0; block < 64; block++) {
                TestStore.write(disk, 2 * block, 1);
            }
            store.hanging.add(Kind.WRITE);
            Thread slow = answerSlowly();
            var failure = assertThrows(IOException.class, () -> disk.change(List.of()));
            slow.interrupt();
            slow.join();
            store.release();
            assertTrue(failure.getMessage().matches("what the cache holds is not written after 10 seconds; [0-9]+ blocks are still to come, so try"
                    + " again"), failure.getMessage());
        }
    }

    @Test
    void an_end_says_what_it_waits_for() throws Exception {
        var disk = disk(Map.of());
        var told = new LinkedBlockingQueue<String>();
        disk.tellProblemsTo(told::add);
        TestStore.write(disk, 0, 1);
        TestStore.write(disk, 1, 1);
        store.hanging.add(Kind.WRITE);
        var end = new FutureTask<Void>(() -> {
            disk.close();
            return null;
        });
        new Thread(end).start();
        assertEquals("powerfail: the server ends when the storage has taken 2 blocks, or answers nothing for 30 seconds", told.take());
        store.release();
        end.get();
        assertEquals(1, store.bytes[TestStore.BLOCK]);
        assertTrue(told.isEmpty());
    }

    @Test
    void an_end_does_not_wait_for_reads_that_hang() throws Exception {
        var disk = disk(Map.of("cache", 1L));
        store.hanging.add(Kind.READ);
        new TestRequest(Kind.READ, 100, 1).submitTo(disk);
        for (int block = 0; block < 64; block++) {
            TestStore.write(disk, block, 1);
        }
        // It needs room, which is there when the read has ended
        var write = new TestRequest(Kind.WRITE, 64, 1).submitTo(disk);
        disk.close();
        assertTrue(store.closed);
        assertFalse(write.hasEnded());
    }

    /** As after a crash of an NBD server, for which one flush fails. */
    private void failOnce(Callable<?> what) throws Exception {
        store.failing.add(Kind.FLUSH);
        what.call();
        store.failing.clear();
    }

    @Test
    void users_are_told_of_a_flush_that_failed_for_a_change() throws Exception {
        try (var disk = disk(Map.of())) {
            TestStore.write(disk, 0, 1);
            failOnce(() -> assertThrows(IOException.class, () -> disk.change(List.of())));
            var failure = assertThrows(IOException.class, () -> disk.change(List.of()));
            assertEquals("a flush has failed, so what was written back may be lost, and no flush of the disk's users has told them yet; try again"
                    + " after one", failure.getMessage());
            assertEquals(Failure.IO, TestRequest.flush().submitTo(disk).await());
            assertNull(TestRequest.flush().submitTo(disk).await());
            disk.change(List.of());
        }
    }

    @Test
    void users_are_told_of_a_flush_that_failed_for_a_write_of_others() throws Exception {
        try (var disk = disk(Map.of())) {
            var write = new TestRequest(Kind.WRITE, 0, 1);
            write.fua = true;
            TestStore.write(disk, 1, 1);
            failOnce(() -> {
                assertEquals(Failure.IO, write.submitTo(disk).await());
                return null;
            });
            assertEquals(Failure.IO, TestRequest.flush().submitTo(disk).await());
            assertNull(TestRequest.flush().submitTo(disk).await());
        }
    }

    @Test
    void users_are_told_of_a_discard_that_could_not_be_made_durable() throws Exception {
        try (var disk = disk(Map.of())) {
            TestStore.write(disk, 1, 1);
            var discard = new TestRequest(Kind.DISCARD, 4, 1);
            discard.fua = true;
            store.failing.add(Kind.DISCARD);
            assertEquals(Failure.IO, discard.submitTo(disk).await());
            store.failing.clear();
            assertEquals(Failure.IO, TestRequest.flush().submitTo(disk).await());
            assertNull(TestRequest.flush().submitTo(disk).await());
        }
    }

    @Test
    void a_flush_after_a_cut_knows_nothing_of_one_before() throws Exception {
        try (var disk = disk(Map.of("off", 0L))) {
            TestStore.write(disk, 0, 1);
            failOnce(() -> assertThrows(IOException.class, () -> disk.change(List.of())));
            disk.cut(powerfail(disk));
            assertNull(TestRequest.flush().submitTo(disk).await());
        }
    }

    @Test
    void a_disk_that_never_flushes_is_left_all_the_same() throws Exception {
        try (var disk = disk(Map.of())) {
            var write = new TestRequest(Kind.WRITE, 0, 1);
            write.fua = true;
            failOnce(() -> {
                assertEquals(Failure.IO, write.submitTo(disk).await());
                return null;
            });
            disk.change(List.of());
        }
    }

    @Test
    void a_disk_that_lies_about_flushes_is_left_all_the_same() throws Exception {
        try (var disk = disk(Map.of("flush", "ignored"))) {
            TestStore.write(disk, 0, 1);
            failOnce(() -> assertThrows(IOException.class, () -> disk.change(List.of())));
            disk.change(List.of());
        }
    }

    @Test
    void what_comes_after_the_end_goes_nowhere() throws Exception {
        var disk = disk(Map.of());
        TestStore.write(disk, 0, 1);
        disk.close();
        assertFalse(new TestRequest(Kind.WRITE, 0, 1).submitTo(disk).hasEnded());
        assertFalse(new TestRequest(Kind.DISCARD, 0, 1).submitTo(disk).hasEnded());
        assertEquals(1, store.bytes[0]);
    }

    @Test
    void an_end_tells_all_that_goes_wrong() throws Exception {
        var disk = store.behind(TestStore.filter("powerfail", Map.of()), TestStore.filter("powerfail", Map.of()));
        var told = new LinkedBlockingQueue<String>();
        disk.tellProblemsTo(told::add);
        TestStore.write(disk, 0, 1);
        store.failing.add(Kind.WRITE);
        String last = assertThrows(IOException.class, disk::close).getMessage();
        assertTrue(last.startsWith("powerfail: 1 blocks were not written back"), last);
        assertTrue(told.stream().anyMatch(one -> one.startsWith("powerfail: the last blocks were written back, but may be lost")), told.toString());
    }
}
