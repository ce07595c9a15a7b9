// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.DeviceException;
import abuse.device.Flag;
import abuse.device.Operation;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** How a server starts and ends, and what becomes of its requests then. */
class ServerEndTest extends ServerTestBase {
    /** Waits at a gate before each read. */
    private static ModelBackend slow(Gate gate) {
        return new ModelBackend() {
            @Override
            public void read(long offset, ByteBuffer into) throws IOException {
                gate.pass();
                super.read(offset, into);
            }
        };
    }

    @Test
    void stop_answers_what_was_taken_and_nothing_else() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var gate = new Gate();
        var running = serve(slow(gate));
        var taken = disk.read(0, BLOCK);
        gate.awaitReached();
        var late = disk.read(BLOCK, BLOCK);
        running.server.stop();
        assertFalse(taken.isAnswered());
        gate.open();
        assertNull(running.end());
        assertFalse(taken.await().failed());
        assertFalse(late.isAnswered());
        assertEquals(1, disk.pending());
        assertEquals(0, disk.owned());
        // The next server gets it
        serve(new ModelBackend());
        assertFalse(late.await().failed());
    }

    @Test
    void stop_ends_a_server_that_waits_for_requests() throws Exception {
        disk.setUp(CAPACITY, 2, Flag.WRITE_CACHE);
        var running = serve(new ModelBackend());
        assertNull(running.stop());
    }

    @Test
    void stop_ends_a_server_that_waits_for_a_setup() throws Exception {
        var running = start(geometry -> new ModelBackend());
        assertTrue(running.waiting.await(600, TimeUnit.SECONDS));
        assertNull(running.stop());
        assertEquals(1, running.ready.getCount());
    }

    @Test
    void a_setup_is_waited_for() throws Exception {
        var running = start(MEM);
        assertTrue(running.waiting.await(600, TimeUnit.SECONDS));
        assertEquals(1, running.ready.getCount());
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        running.awaitReady();
        assertFalse(disk.write(0, pattern(1)).await().failed());
    }

    @Test
    void a_reset_ends_the_server() throws Exception {
        disk.setUp(CAPACITY, 2, Flag.WRITE_CACHE);
        var running = serve(new ModelBackend());
        disk.reset();
        var failure = assertInstanceOf(DeviceException.class, running.end());
        assertEquals(DeviceException.Reason.NOT_SET_UP, failure.reason());
    }

    @Test
    void late_answers_are_nobodys_trouble() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var gate = new Gate();
        var running = serve(slow(gate));
        var request = disk.read(0, BLOCK);
        gate.awaitReached();
        disk.fence();
        gate.open();
        assertFalse(request.await().failed());
        assertNull(running.stop());
        assertEquals(List.of(), running.problems);
    }

    @Test
    void two_servers_share_a_device() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var model = new ModelBackend();
        var first = serve(model);
        var second = serve(model);
        for (int i = 0; i < 100; i++) {
            disk.write((long) i * BLOCK, pattern(i)).await();
            if (i == 50) {
                assertNull(first.stop());
            }
        }
        for (int i = 0; i < 100; i++) {
            assertArrayEquals(pattern(i), disk.read((long) i * BLOCK, BLOCK).await().data());
        }
        assertNull(second.stop());
    }

    @Test
    void stop_waits_for_what_waits_for_storage() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var running = serveImage();
        disk.holdFaults(true);
        var read = disk.read(0, BLOCK);
        disk.awaitFaulting(1);
        running.server.stop();
        Thread.sleep(50);
        assertTrue(running.thread.isAlive());
        disk.holdFaults(false);
        assertNull(running.end());
        assertFalse(read.await().failed());
        assertEquals(0, disk.owned());
    }

    @Test
    void a_reset_ends_a_server_that_waits_for_storage() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var running = serveImage();
        disk.holdFaults(true);
        var read = disk.read(0, BLOCK);
        disk.awaitFaulting(1);
        disk.reset();
        disk.holdFaults(false);
        assertTrue(read.await().failed());
        assertInstanceOf(DeviceException.class, running.end());
    }

    @Test
    void a_write_that_is_not_ours_any_more_changes_nothing() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var first = serveImage();
        disk.write(0, pattern(1)).await();
        disk.evictAll();
        disk.holdFaults(true);
        var write = disk.write(0, pattern(2));
        while (disk.mostFaulting() < 2 && disk.owned() == 0) {
            Thread.sleep(5);
        }
        disk.fence();
        disk.holdFaults(false);
        assertFalse(write.await().failed());
        assertArrayEquals(pattern(2), disk.read(0, BLOCK).await().data());
        assertNull(first.stop());
        assertEquals(List.of(), first.problems);
    }

    @Test
    void a_discard_that_is_not_ours_any_more_is_not_made() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE, Flag.DISCARD);
        var gate = new Gate();
        var discards = new AtomicInteger();
        var running = serve(new ModelStore() {
            @Override
            public void flush() throws IOException {
                gate.pass();
            }

            @Override
            public void discard(long offset, long length) {
                discards.incrementAndGet();
            }
        });
        var flush = disk.flush();
        gate.awaitReached();
        var discard = disk.submit(Operation.DISCARD, 0, BLOCK, null, false, 0);
        while (disk.owned() < 2) {
            Thread.sleep(5);
        }
        disk.fence();
        gate.open();
        assertFalse(flush.await().failed());
        assertFalse(discard.await().failed());
        assertNull(running.stop());
        assertEquals(1, discards.get());
        assertEquals(List.of(), running.problems);
    }

    @Test
    void a_backend_that_blocks_keeps_nobody_else_waiting_and_another_may_take_over() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var gate = new Gate();
        var running = serve(new ModelBackend() {
            @Override
            public int threads() {
                return 2;
            }

            @Override
            public void read(long offset, ByteBuffer into) throws IOException {
                if (offset == 0 && !gate.isReached()) {
                    gate.pass();
                }
                super.read(offset, into);
            }
        });
        var first = disk.read(0, BLOCK);
        gate.awaitReached();
        for (int i = 1; i < 100; i++) {
            assertFalse(disk.read((long) i * BLOCK, BLOCK).await().failed());
        }
        assertFalse(first.isAnswered());
        disk.fence();
        assertFalse(first.await().failed());
        gate.open();
        assertFalse(disk.write(0, pattern(1)).await().failed());
        assertNull(running.stop());
        assertEquals(List.of(), running.problems);
    }
}
