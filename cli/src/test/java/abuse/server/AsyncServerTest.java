// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Failure;
import abuse.device.DeviceException;
import abuse.device.Flag;
import abuse.device.Operation;
import abuse.device.RequestFlag;
import abuse.device.Result;
import abuse.device.SimulatedDisk;
import abuse.libc.Memory;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

/** A server whose backend answers later. */
class AsyncServerTest extends ServerTestBase {
    /** Keeps requests until the test ends them; its bytes are in memory. */
    static class Held implements AsyncBackend {
        final byte[] bytes = new byte[(int) CAPACITY];
        final Queue<AsyncRequest> held = new ArrayDeque<>();
        final List<AsyncRequest> expired = new ArrayList<>();
        int pauses;

        @Override
        public synchronized void submit(AsyncRequest request) throws IOException {
            held.add(request);
            notifyAll();
        }

        @Override
        public synchronized void submitted() {
            pauses++;
        }

        @Override
        public synchronized void expired(AsyncRequest request) {
            expired.add(request);
            notifyAll();
        }

        @Override
        public String identity() {
            return "held " + System.identityHashCode(this);
        }

        @Override
        public void close() {}

        synchronized AsyncRequest next() throws InterruptedException {
            while (held.isEmpty()) {
                wait();
            }
            return held.remove();
        }

        synchronized void awaitHeld(int n) throws InterruptedException {
            while (held.size() < n) {
                wait();
            }
        }

        synchronized void awaitExpired(int n) throws InterruptedException {
            while (expired.size() < n) {
                wait();
            }
        }

        synchronized void carryOut(AsyncRequest request) {
            int start = (int) request.offset();
            switch (request.kind()) {
                case READ -> request.data().put(bytes, start, (int) request.length());
                case WRITE -> request.data().get(bytes, start, (int) request.length());
                case WRITE_ZEROES -> Arrays.fill(bytes, start, start + (int) request.length(), (byte) 0);
                default -> { }
            }
        }
    }

    /** Carries requests out in threads of its own, in any order. */
    static class Later extends Held implements AutoCloseable {
        private final ExecutorService threads = Executors.newFixedThreadPool(4);

        @Override
        public void submit(AsyncRequest request) {
            threads.execute(() -> {
                carryOut(request);
                request.complete();
            });
        }

        @Override
        public void close() {
            threads.shutdown();
        }
    }

    @Test
    void answers_come_in_any_order_and_many_are_under_way() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var backend = new Held();
        serve(backend);
        var writes = new ArrayList<SimulatedDisk.Submitted>();
        for (int i = 0; i < 100; i++) {
            writes.add(disk.write((long) i * BLOCK, pattern(i)));
        }
        backend.awaitHeld(100);
        assertEquals(100, disk.owned());
        var requests = new ArrayList<>(backend.held);
        backend.held.clear();
        for (int i = 99; i >= 0; i--) {
            assertFalse(writes.get(i).isAnswered());
            backend.carryOut(requests.get(i));
            requests.get(i).complete();
            assertFalse(writes.get(i).await().failed());
        }
        for (int i = 0; i < 100; i++) {
            var read = disk.read((long) i * BLOCK, BLOCK);
            var request = backend.next();
            backend.carryOut(request);
            request.complete();
            assertArrayEquals(pattern(i), read.await().data());
        }
        assertTrue(backend.pauses > 0);
    }

    @Test
    void what_is_completed_together_is_sent_together() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var backend = new Held();
        serve(backend);
        var first = disk.read(0, BLOCK);
        var second = disk.read(BLOCK, BLOCK);
        var one = backend.next();
        var other = backend.next();
        var answers = one.answers();
        one.completeSoon();
        Thread.sleep(20);
        assertFalse(first.isAnswered());
        other.completeSoon();
        answers.send();
        assertFalse(first.await().failed());
        assertFalse(second.await().failed());
    }

    @Test
    void no_more_are_taken_than_there_are_slots() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var backend = new Held() {
            @Override
            public int mostUnderWay() {
                return 3;
            }
        };
        serve(backend);
        var reads = new ArrayList<SimulatedDisk.Submitted>();
        for (int i = 0; i < 10; i++) {
            reads.add(disk.read((long) i * BLOCK, BLOCK));
        }
        for (int i = 0; i < 10; i++) {
            backend.awaitHeld(Math.min(3, 10 - i));
            assertEquals(Math.min(3, 10 - i), disk.owned());
            assertEquals(Math.max(0, 7 - i), disk.pending());
            backend.next().complete();
        }
        for (var read : reads) {
            assertFalse(read.await().failed());
        }
    }

    @Test
    void many_threads_end_requests_at_once() throws Exception {
        disk.setUp(CAPACITY, 2, Flag.WRITE_CACHE);
        var running = serve(new Later());
        var random = new Random(1);
        int[] seeds = new int[BLOCKS];
        for (int round = 0; round < 60; round++) {
            var all = new ArrayList<SimulatedDisk.Submitted>();
            for (int i = 0; i < BLOCKS; i++) {
                seeds[i] = random.nextInt();
                all.add(disk.submit(Operation.WRITE, (long) i * BLOCK, BLOCK, pattern(seeds[i]), false, i % 2));
            }
            for (var one : all) {
                assertFalse(one.await().failed());
            }
            all.clear();
            for (int i = 0; i < BLOCKS; i++) {
                all.add(disk.submit(Operation.READ, (long) i * BLOCK, BLOCK, new byte[BLOCK], false, i % 2));
            }
            for (int i = 0; i < BLOCKS; i++) {
                assertArrayEquals(pattern(seeds[i]), all.get(i).await().data());
            }
        }
        assertNull(running.stop());
        assertEquals(List.of(), running.problems);
    }

    @Test
    void the_backend_knows_what_is_known_of_a_request() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE, Flag.WRITE_ZEROES);
        var backend = new Held();
        serve(backend);
        disk.writeFua(BLOCK, pattern(1));
        var write = backend.next();
        assertEquals(Kind.WRITE, write.kind());
        assertTrue(write.fua());
        assertFalse(write.redelivered());
        assertEquals(BLOCK, write.offset());
        assertEquals(BLOCK, write.length());
        assertEquals(BLOCK, write.data().remaining());
        disk.submit(Operation.WRITE_ZEROES, 0, 16 * BLOCK, null, Set.of(RequestFlag.NOUNMAP), 0);
        var zeroes = backend.next();
        assertFalse(zeroes.mayUnmap());
        assertFalse(zeroes.fua());
        assertNull(zeroes.data());
        disk.flush();
        var flush = backend.next();
        assertEquals(Kind.FLUSH, flush.kind());
        assertEquals(0, flush.length());
        disk.fence();
        var again = backend.next();
        assertTrue(again.redelivered());
        List.of(write, zeroes, flush, again, backend.next(), backend.next()).forEach(AsyncRequest::complete);
    }

    @Test
    void every_write_is_fua_without_a_write_cache() throws Exception {
        disk.setUp(CAPACITY);
        var backend = new Held();
        serve(backend);
        var write = disk.write(0, pattern(1));
        var request = backend.next();
        assertTrue(request.fua());
        request.complete();
        assertFalse(write.await().failed());
    }

    @Test
    void users_are_told_how_it_failed() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var backend = new Held();
        var running = serve(backend);
        var results = new ArrayList<Result>();
        for (Failure failure : Failure.values()) {
            var write = disk.write(0, pattern(1));
            backend.next().fail(failure, "held: " + failure);
            assertTrue(write.await().failed());
            results.add(write.result());
        }
        assertEquals(List.of(Result.MEDIA_FAILURE, Result.NO_SPACE, Result.TIMEOUT, Result.REMOTE_FAILURE), results);
        assertEquals(List.of("held: IO", "held: NO_SPACE", "held: TIMEOUT", "held: REMOTE"), running.problems);
    }

    @Test
    void a_refused_submission_fails_that_request_only() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var running = serve(new Held() {
            @Override
            public void submit(AsyncRequest request) throws IOException {
                if (request.kind() == Kind.READ) {
                    throw new IOException("held: no");
                }
                request.complete();
            }
        });
        assertTrue(disk.read(0, BLOCK).await().failed());
        assertFalse(disk.write(0, pattern(1)).await().failed());
        assertTrue(disk.submit(Operation.UNKNOWN, 0, BLOCK, null, false, 0).await().failed());
        assertTrue(disk.read(CAPACITY, BLOCK).await().failed());
        assertEquals(List.of("held: no", Responder.UNKNOWN_REQUEST, "a request beyond the end of the disk"), running.problems);
    }

    @Test
    void a_deadline_fails_the_request_and_keeps_its_slot() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var backend = new Held() {
            @Override
            public int mostUnderWay() {
                return 1;
            }
        };
        var running = new RunningServer(devices, "held", geometry -> backend);
        running.server.limitTo(1_000_000_000);
        start(running).awaitReady();
        var read = disk.read(0, BLOCK);
        assertTrue(read.await().failed());
        assertEquals(Result.TIMEOUT, read.result());
        backend.awaitExpired(1);
        var late = backend.next();
        assertEquals(late, backend.expired.get(0));
        assertTrue(System.nanoTime() - late.deadline() >= 0);
        var next = disk.write(0, pattern(1));
        Thread.sleep(20);
        assertEquals(1, disk.pending());
        late.complete();
        backend.next().complete();
        // On a busy machine it may be late, too
        while (next.await().failed()) {
            assertEquals(Result.TIMEOUT, next.result());
            next = disk.write(0, pattern(1));
            backend.next().complete();
        }
        assertEquals(Set.of("held: did not answer a request before its deadline, so it failed"), Set.copyOf(running.problems));
    }

    @Test
    void stop_waits_for_what_is_under_way() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var backend = new Held();
        var running = serve(backend);
        var taken = new ArrayList<SimulatedDisk.Submitted>();
        for (int i = 0; i < 50; i++) {
            taken.add(disk.read((long) i * BLOCK, BLOCK));
        }
        backend.awaitHeld(50);
        running.server.stop();
        var late = disk.read(0, BLOCK);
        for (int i = 0; i < 50; i++) {
            assertTrue(running.thread.isAlive());
            backend.next().complete();
        }
        assertNull(running.end());
        for (var one : taken) {
            assertFalse(one.await().failed());
        }
        assertFalse(late.isAnswered());
        assertEquals(1, disk.pending());
        assertEquals(0, disk.owned());
        serve(new Later());
        assertFalse(late.await().failed());
    }

    @Test
    void a_reset_ends_the_server_even_if_the_backend_is_stuck() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var backend = new Held();
        var running = serve(backend);
        var read = disk.read(0, BLOCK);
        backend.awaitHeld(1);
        disk.reset();
        assertTrue(read.await().failed());
        assertInstanceOf(DeviceException.class, running.end());
        // Too late for everybody, and no harm
        var request = backend.next();
        request.data().put(0, (byte) 1);
        request.complete();
    }

    @Test
    void at_a_reset_the_only_worker_has_its_requests_given_up() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var told = new ArrayList<String>();
        var backend = new Held() {
            @Override
            public synchronized void abandon() {
                told.add("abandon");
                held.forEach(request -> request.fail(Failure.IO, null));
            }

            @Override
            public void close() {
                told.add("close");
            }
        };
        var running = serve(backend);
        disk.read(0, BLOCK);
        backend.awaitHeld(1);
        disk.reset();
        assertInstanceOf(DeviceException.class, running.end());
        assertEquals(List.of("abandon", "close"), told);
    }

    @Test
    void late_answers_and_second_ends_are_nobodys_trouble() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var backend = new Held();
        var running = serve(backend);
        var write = disk.write(0, pattern(1));
        var first = backend.next();
        disk.fence();
        var second = backend.next();
        first.complete();
        assertFalse(write.isAnswered());
        backend.carryOut(second);
        second.complete();
        assertFalse(write.await().failed());
        assertEquals(List.of(), running.problems);
        second.complete();
        assertEquals(List.of("the backend ended a request twice"), running.problems);
    }

    @Test
    void a_write_that_was_taken_away_before_its_data_came_is_not_submitted() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var backend = new Held();
        serve(backend);
        disk.fenceNextCopies();
        var write = disk.write(0, pattern(1));
        var request = backend.next();
        assertTrue(request.redelivered());
        byte[] data = new byte[BLOCK];
        request.data().get(0, data);
        assertArrayEquals(pattern(1), data);
        request.complete();
        assertFalse(write.await().failed());
        assertEquals(0, backend.held.size());
    }

    @Test
    void a_disk_that_was_made_larger_asks_the_backend() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var running = serve(new Later());
        disk.setUp(2 * CAPACITY, Flag.WRITE_CACHE);
        assertTrue(disk.read(CAPACITY, BLOCK).await().failed());
        assertEquals(List.of("the disk has become larger than this backend can hold"), running.problems);
    }

    @Test
    void a_server_that_waits_for_each_request_can_use_it() throws Exception {
        try (var backend = new Later(); var memory = Memory.map(BLOCK)) {
            memory.buffer().put(0, pattern(5));
            var buffer = memory.buffer(0, BLOCK);
            backend.write(BLOCK, buffer);
            assertFalse(buffer.hasRemaining());
            memory.buffer().put(0, new byte[BLOCK]);
            backend.read(BLOCK, buffer.clear());
            byte[] read = new byte[BLOCK];
            memory.buffer().get(0, read);
            assertArrayEquals(pattern(5), read);
            backend.writeZeroes(BLOCK, BLOCK);
            backend.flush();
            assertEquals(0, backend.bytes[BLOCK]);
        }
        var failing = new Held() {
            @Override
            public void submit(AsyncRequest request) {
                request.fail(Failure.NO_SPACE, "held: full");
            }
        };
        assertEquals("held: full", assertThrows(IOException.class, failing::flush).getMessage());
    }
}
