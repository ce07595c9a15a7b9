// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.DeviceException;
import abuse.device.Flag;
import abuse.device.Operation;
import abuse.device.SimulatedDisk.Submitted;
import abuse.device.Status;
import abuse.libc.Unix;
import java.io.IOException;
import java.util.ArrayList;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What happens to threads, memory and open files after failures that a server does not expect. */
@Timeout(600)
class ServerFaultsTest extends ServerTestBase {
    @Test
    void who_is_told_that_it_is_ready_may_fail() throws Exception {
        disk.setUp(CAPACITY, 2, Flag.WRITE_CACHE);
        var failure = new IllegalStateException("nobody listens");
        var requests = new ArrayList<Submitted>();
        for (int i = 0; i < 20; i++) {
            var running = new RunningServer(devices, "model", MEM) {
                @Override
                public void ready(Status status) {
                    for (int n = 0; n < 200; n++) {
                        requests.add(disk.read(0, BLOCK));
                    }
                    throw failure;
                }
            }.start();
            assertSame(failure, running.end());
            assertEquals(0, disk.owned());
            assertEquals(0, disk.openNodes());
        }
        var next = serve(MEM);
        for (Submitted request : requests) {
            assertFalse(request.await().failed());
        }
        assertNull(next.stop());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3})
    void a_thread_that_cannot_start_ends_the_others_first(int started) throws Exception {
        disk.setUp(CAPACITY, 4, Flag.WRITE_CACHE);
        var made = new AtomicInteger();
        ThreadFactory threads = work -> made.getAndIncrement() < started ? new Thread(work) : new Thread(work) {
            @Override
            public void start() {
                throw new OutOfMemoryError("unable to create native thread");
            }
        };
        Submitted read = disk.read(0, BLOCK);
        var running = new RunningServer(devices, "model", MEM, threads).start();
        assertInstanceOf(OutOfMemoryError.class, running.end());
        assertEquals(1, running.ready.getCount());
        assertEquals(0, disk.owned());
        var next = serve(MEM);
        assertFalse(read.await().failed());
        assertNull(next.stop());
    }

    @Test
    void what_cannot_be_opened_leaves_nothing_open() throws Exception {
        disk.setUp(CAPACITY, 2, Flag.WRITE_CACHE);
        var running = new RunningServer(devices, "model", geometry -> {
            // Too late, as the server has looked at the device before
            disk.reset();
            disk.setUp(CAPACITY / 2, 1, Flag.WRITE_CACHE);
            return new MemoryStore(CAPACITY);
        }).start();
        var failure = assertInstanceOf(DeviceException.class, running.end());
        assertEquals(DeviceException.Reason.NOT_SET_UP, failure.reason());
    }

    /** Else its writes would be answered before they are durable, and nobody would flush them. */
    @Test
    void a_disk_that_lost_its_write_cache_while_the_backend_was_opened_is_another_one() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var running = start(geometry -> {
            disk.reset();
            disk.setUp(CAPACITY);
            return MEM.open(geometry);
        });
        var failure = assertInstanceOf(DeviceException.class, running.end());
        assertEquals(DeviceException.Reason.NOT_SET_UP, failure.reason());
    }

    @Test
    void a_reconnect_while_the_backend_was_opened_changes_nothing_for_it() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE, Flag.AUTOREMOVE);
        var running = serve(geometry -> {
            disk.setUp(2 * CAPACITY, Flag.WRITE_CACHE, Flag.READ_ONLY);
            return MEM.open(geometry);
        });
        assertNull(running.stop());
    }

    @Test
    void a_server_runs_once() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var running = serve(MEM);
        assertNull(running.stop());
        assertThrows(IllegalStateException.class, running.server::run);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void an_interrupt_stops_it_and_is_not_lost(boolean isSetUp) throws Exception {
        RunningServer running;
        if (isSetUp) {
            disk.setUp(CAPACITY, 2, Flag.WRITE_CACHE);
            running = serve(MEM);
        } else {
            running = start(MEM);
            running.waiting.await();
        }
        running.thread.interrupt();
        assertNull(running.end());
        assertTrue(running.wasInterrupted());
    }

    @Test
    void only_its_own_threads_become_io_flushers() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var allowed = new AtomicBoolean();
        var probe = new Thread(() -> allowed.set(Unix.becomeIoFlusher() == 0));
        probe.start();
        probe.join();
        var worker = new AtomicBoolean();
        var running = serve(geometry -> new MemoryStore(CAPACITY) {
            @Override
            public long readAddress(long offset, long length) {
                worker.set(Unix.isIoFlusher());
                return super.readAddress(offset, length);
            }
        });
        assertFalse(disk.read(0, BLOCK).await().failed());
        assertNull(running.stop());
        assertFalse(running.isIoFlusher());
        assertEquals(allowed.get(), worker.get());
    }

    private enum Place { READ, WRITE, FLUSH, DISCARD }

    /** In the threads that wait for storage, any fault fails only its request. */
    @ParameterizedTest
    @EnumSource
    void no_fault_of_a_backend_ends_a_thread_that_others_wait_for(Place place) throws Exception {
        disk.setUp(CAPACITY, Flag.DISCARD);
        var broken = new boolean[] {true};
        var running = serve(geometry -> new MemoryStore(CAPACITY) {
            private void fail(Place here) {
                if (broken[0] && here == place && !Thread.currentThread().getName().startsWith("queue")) {
                    throw new AssertionError("never");
                }
            }

            @Override
            public long readAddress(long offset, long length) {
                fail(Place.READ);
                return super.readAddress(offset, length);
            }

            @Override
            public long writeAddress(long offset, long length) {
                fail(Place.WRITE);
                return super.writeAddress(offset, length);
            }

            @Override
            public void flush() {
                fail(Place.FLUSH);
            }

            @Override
            public void discard(long offset, long length) {
                fail(Place.DISCARD);
            }
        });
        for (int round = 0; round < 2; round++) {
            // Not in memory, so that the read waits for it elsewhere
            disk.evictAll();
            assertEquals(broken[0] && place == Place.READ, disk.read(0, BLOCK).await().failed());
            assertEquals(broken[0] && (place == Place.WRITE || place == Place.FLUSH),
                    disk.write(0, new byte[BLOCK]).await().failed());
            assertEquals(broken[0] && (place == Place.DISCARD || place == Place.FLUSH),
                    disk.submit(Operation.DISCARD, 0, BLOCK, null, false, 0).await().failed());
            broken[0] = false;
        }
        assertEquals(0, disk.owned());
        assertNull(running.stop());
    }

    @Test
    void who_is_told_of_problems_may_fail() throws Exception {
        disk.setUp(CAPACITY);
        var running = new RunningServer(devices, "model", geometry -> new MemoryStore(CAPACITY) {
            @Override
            public void flush() throws IOException {
                throw new IOException("full");
            }
        }) {
            @Override
            public void problem(String message) {
                throw new IllegalStateException("nobody listens");
            }
        }.start().awaitReady();
        for (int i = 0; i < 3; i++) {
            assertTrue(disk.write(0, new byte[BLOCK]).await().failed());
            assertTrue(disk.read(CAPACITY, BLOCK).await().failed());
        }
        assertNull(running.stop());
    }

    /** This is not a reset, after which requests fail: the next server must get them. */
    @Test
    void requests_that_cannot_be_answered_are_left_to_others() throws Exception {
        disk.setUp(CAPACITY);
        var gate = new Gate();
        var running = serve(geometry -> new MemoryStore(CAPACITY) {
            @Override
            public void flush() throws IOException {
                gate.pass();
            }
        });
        Submitted write = disk.write(0, new byte[BLOCK]);
        gate.awaitReached();
        disk.failNextTransfer(Unix.EFAULT);
        gate.open();
        assertInstanceOf(DeviceException.class, running.end());
        assertFalse(write.isAnswered());
        var next = serve(MEM);
        assertFalse(write.await().failed());
        assertNull(next.stop());
    }
}
