// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.Failure;
import abuse.cache.CachePlace;
import abuse.cache.CachedBackend;
import abuse.device.DeviceException;
import abuse.device.Flag;
import abuse.device.Operation;
import abuse.device.Result;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A cache in front of a backend that answers later, or never. */
class CacheLaterTest extends ServerTestBase {
    private static final int PIECE = 4 * BLOCK;
    private static final long HOUR = 3_600_000_000_000L;

    /** Has what it is asked until the test takes it. */
    private static final class Held implements AsyncBackend {
        final BlockingQueue<AsyncRequest> requests = new LinkedBlockingQueue<>();
        final BlockingQueue<AsyncRequest> expired = new LinkedBlockingQueue<>();
        volatile long limit;
        volatile boolean closed;

        @Override
        public void submit(AsyncRequest request) {
            requests.add(request);
        }

        @Override
        public void expired(AsyncRequest request) {
            expired.add(request);
            request.fail(Failure.TIMEOUT, null);
        }

        @Override
        public void limitTo(long nanoseconds) {
            limit = nanoseconds;
        }

        @Override
        public void close() {
            closed = true;
        }
    }

    private final Held held = new Held();

    @BeforeEach
    void setUp() {
        disk.setUp(CAPACITY, Flag.MAPPABLE, Flag.WRITE_CACHE);
        disk.carryOutMapped();
    }

    private RunningServer serve(long limit) throws InterruptedException {
        var running = new RunningServer(devices, "held",
                geometry -> new CachedBackend(held, new CachePlace(null, CAPACITY, PIECE), geometry));
        running.server.limitTo(limit);
        return start(running).awaitReady();
    }

    @Test
    void a_backend_that_never_answers_does_not_keep_the_server_of_a_disk_that_was_reset() throws Exception {
        var server = serve(0);
        disk.read(0, BLOCK);
        AsyncRequest request = held.requests.take();
        disk.write(100 * BLOCK, pattern(1));
        held.requests.take();
        disk.reset();
        assertInstanceOf(DeviceException.class, server.end());
        assertTrue(held.closed);
        assertTrue(server.problems.contains("the backend does not answer, so its requests are left behind"), server.problems::toString);
        // What it may still do with the data harms nobody
        request.data().put(0, (byte) 1);
        request.complete();
    }

    @Test
    void what_has_waited_for_a_piece_has_as_long_as_if_it_came_now() throws Exception {
        var server = serve(HOUR);
        assertEquals(HOUR, held.limit);
        var read = disk.read(0, BLOCK);
        AsyncRequest fill = held.requests.take();
        var write = disk.submit(Operation.WRITE, BLOCK, BLOCK, pattern(1), false, 0);
        Thread.sleep(50);
        long now = System.nanoTime();
        fill.data().put(0, pattern(5));
        fill.complete();
        assertArrayEquals(pattern(5), read.await().data());
        AsyncRequest second = held.requests.take();
        assertEquals(AsyncRequest.Kind.WRITE, second.kind());
        assertTrue(second.deadline() - now >= HOUR);
        second.complete();
        assertFalse(write.await().failed());
        server.stop();
        assertEquals(List.of(), server.problems);
    }

    @Test
    void the_backend_is_told_of_each_request_that_takes_too_long() throws Exception {
        var server = serve(100_000_000);
        var first = disk.read(0, BLOCK);
        AsyncRequest fill = held.requests.take();
        var second = disk.read(BLOCK, BLOCK);
        first.await();
        assertEquals(Result.TIMEOUT, first.result());
        assertEquals(fill, held.expired.take());
        second.await();
        assertEquals(Result.TIMEOUT, second.result());
        server.stop();
        assertTrue(held.closed);
    }
}
