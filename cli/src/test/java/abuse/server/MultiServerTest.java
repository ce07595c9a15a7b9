// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.DeviceException;
import abuse.device.Flag;
import abuse.device.OtherContentException;
import abuse.device.SimulatedDisk;
import abuse.device.SimulatedDisk.Submitted;
import abuse.libc.Unix;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Many disks, one server. */
class MultiServerTest extends MultiServerTestBase {
    private static long threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(one -> one.getName().startsWith("disks ") || one.getName().startsWith("buffered disks ")
                        || one.getName().startsWith("storage ")).count();
    }

    @Test
    void a_disk_that_hangs_from_the_start_takes_one_thread_of_those_that_wait_for_storage() throws Exception {
        var gate = new Gate();
        var hung = new ArrayList<Submitted>();
        for (int i = 0; i < 7; i++) {
            add(geometry -> new ServerTestBase.ModelBackend() {
                @Override
                public void read(long offset, ByteBuffer into) throws IOException {
                    gate.pass();
                    super.read(offset, into);
                }
            }, Flag.WRITE_CACHE);
            hung.add(disks.get(i).read(0, BLOCK));
        }
        add(geometry -> new ServerTestBase.ModelBackend(), Flag.WRITE_CACHE);
        try {
            start();
            writeAndRead(disks.get(7), 1);
        } finally {
            gate.open();
        }
        for (Submitted read : hung) {
            assertFalse(read.await().failed());
        }
        stop();
    }

    @Test
    void many_disks_share_few_threads() throws Exception {
        var served = new ArrayList<Told>();
        for (int i = 0; i < 300; i++) {
            served.add(switch (i % 3) {
                case 0 -> add(ServerTestBase.MEM, Flag.WRITE_CACHE);
                case 1 -> add(geometry -> new MemoryStore(CAPACITY), Flag.WRITE_CACHE);
                default -> {
                    var model = new ServerTestBase.ModelBackend();
                    yield add(geometry -> model, Flag.WRITE_CACHE);
                }
            });
        }
        start();
        for (Told told : served) {
            told.served.await();
        }
        for (int round = 0; round < 2; round++) {
            for (int i = 0; i < 300; i++) {
                disks.get(i).evictAll();
                writeAndRead(disks.get(i), round + i);
            }
        }
        long most = Runtime.getRuntime().availableProcessors() + 8 + 64;
        assertTrue(threads() <= most, threads() + " threads");
        for (SimulatedDisk disk : disks) {
            assertEquals(2, disk.openNodes());
        }
        stop();
        assertEquals(0, threads());
        for (Told told : served) {
            assertEquals(1, told.ended.getCount());
            assertEquals(List.of(), told.problems);
        }
    }

    @Test
    void other_content_is_refused_until_the_backend_is_closed() throws Exception {
        var gate = new Gate();
        add(geometry -> new ServerTestBase.ModelBackend() {
            @Override
            public void close() throws IOException {
                gate.pass();
            }
        });
        start();
        server.stop();
        gate.awaitReached();
        try {
            var second = new RunningServer(devices, "second", geometry -> new ServerTestBase.ModelBackend());
            assertInstanceOf(OtherContentException.class, second.start().end());
        } finally {
            gate.open();
        }
        stop();
    }

    /** Who never asks for requests does not serve: a time limit would fail them. */
    @Test
    void a_disk_that_is_ready_is_served_before_its_first_request() throws Exception {
        var seen = Collections.synchronizedList(new ArrayList<Integer>());
        var told = List.of(add(ServerTestBase.MEM), add(geometry -> new ServerTestBase.ModelBackend()),
                add(geometry -> new AsyncServerTest.Held()));
        for (int i = 0; i < disks.size(); i++) {
            int number = i;
            told.get(i).onReady = () -> seen.add(servers(number));
        }
        start();
        assertEquals(List.of(1, 1, 1), seen);
        stop();
    }

    private int servers(int number) {
        try (var node = devices.open("/dev/abctl" + number)) {
            return node.servers().size();
        } catch (DeviceException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void a_busy_disk_does_not_keep_others_waiting() throws Exception {
        int busy = Runtime.getRuntime().availableProcessors() + 1;
        for (int i = 0; i <= busy; i++) {
            add(ServerTestBase.MEM);
        }
        start();
        var more = new AtomicBoolean(true);
        var submitters = new ArrayList<Thread>();
        for (SimulatedDisk disk : disks.subList(0, busy)) {
            var submitter = new Thread(() -> {
                while (more.get()) {
                    if (disk.pending() < 500) {
                        disk.read(0, BLOCK);
                    }
                }
            });
            submitter.start();
            submitters.add(submitter);
        }
        for (int i = 0; i < 20; i++) {
            writeAndRead(disks.get(busy), i);
        }
        more.set(false);
        for (Thread submitter : submitters) {
            submitter.join();
        }
        stop();
    }

    @Test
    void a_backend_that_blocks_keeps_no_disk_waiting_that_the_kernel_reaches() throws Exception {
        var gate = new Gate();
        var blocked = new AtomicInteger();
        for (int i = 0; i < 20; i++) {
            add(geometry -> new ServerTestBase.ModelBackend() {
                @Override
                public void read(long offset, ByteBuffer into) throws IOException {
                    blocked.incrementAndGet();
                    gate.pass();
                    super.read(offset, into);
                }
            });
        }
        add(ServerTestBase.MEM);
        add(geometry -> new MemoryStore(CAPACITY));
        start();
        var reads = new ArrayList<Submitted>();
        for (SimulatedDisk disk : disks.subList(0, 20)) {
            reads.add(disk.read(0, BLOCK));
        }
        while (blocked.get() < 8) {
            Thread.sleep(1);
        }
        writeAndRead(disks.get(20), 1);
        writeAndRead(disks.get(21), 2);
        gate.open();
        for (Submitted read : reads) {
            assertFalse(read.await().failed());
        }
        stop();
    }

    /** Images that are slow to read take the threads of a few disks, not of all. */
    @Test
    void storage_that_hangs_keeps_only_its_own_disk_waiting() throws Exception {
        var gate = new Gate();
        for (int i = 0; i < 5; i++) {
            boolean hangs = i == 0;
            add(geometry -> new MemoryStore(CAPACITY) {
                @Override
                public void flush() throws IOException {
                    if (hangs) {
                        gate.pass();
                    }
                }
            });
        }
        start();
        Submitted write = disks.get(0).write(0, new byte[BLOCK]);
        gate.awaitReached();
        for (SimulatedDisk disk : disks.subList(1, 5)) {
            writeAndRead(disk, 1);
        }
        assertFalse(write.isAnswered());
        server.stop();
        gate.open();
        assertFalse(write.await().failed());
        stop();
    }

    @Test
    void a_backend_that_hangs_when_it_is_opened_keeps_neither_a_disk_nor_the_end_waiting() throws Exception {
        var gate = new Gate();
        var closed = new CountDownLatch(3);
        for (int i = 0; i < 3; i++) {
            add(geometry -> {
                gate.pass();
                return new ServerTestBase.ModelBackend() {
                    @Override
                    public void close() {
                        closed.countDown();
                    }
                };
            });
        }
        Told good = add(ServerTestBase.MEM);
        thread.start();
        gate.awaitReached();
        good.served.await();
        writeAndRead(disks.get(3), 1);
        stop();
        gate.open();
        closed.await();
        while (disks.stream().anyMatch(disk -> disk.openNodes() > 0)) {
            Thread.sleep(1);
        }
    }

    @Test
    void a_disk_that_cannot_be_opened_or_is_set_up_later_keeps_no_other_waiting() throws Exception {
        Told refused = add(geometry -> {
            throw new IOException("store: no room");
        });
        Told missing = new Told();
        server.add("/dev/abctl9", "model", false, ServerTestBase.MEM, missing);
        Told broken = add(geometry -> {
            throw new AssertionError("never");
        });
        Told late = add(ServerTestBase.MEM);
        disks.get(2).reset();
        Told good = add(ServerTestBase.MEM);
        start();
        writeAndRead(disks.get(3), 1);
        assertEquals("store: no room", refused.reason.getMessage());
        assertEquals(DeviceException.Reason.MISSING, assertInstanceOf(DeviceException.class, missing.reason).reason());
        assertInstanceOf(AssertionError.class, broken.reason);
        late.waiting.await();
        disks.get(2).setUp(CAPACITY);
        late.served.await();
        writeAndRead(disks.get(2), 2);
        assertEquals(0, good.served.getCount());
        stop();
    }

    @Test
    void an_answer_that_the_kernel_refuses_ends_only_that_disk() throws Exception {
        Told one = add(ServerTestBase.MEM);
        add(ServerTestBase.MEM);
        start();
        writeAndRead(disks.get(0), 1);
        disks.get(0).failNextTransfer(Unix.EFAULT);
        Submitted read = disks.get(0).read(0, BLOCK);
        one.ended.await();
        assertInstanceOf(DeviceException.class, one.reason);
        // Its users might find other content behind a new backend
        assertFalse(one.isTriedAgain);
        assertFalse(read.isAnswered());
        writeAndRead(disks.get(1), 2);
        stop();
    }

    @Test
    void it_can_be_stopped_before_it_runs() throws Exception {
        Told told = add(ServerTestBase.MEM);
        server.stop();
        thread.start();
        thread.join();
        assertNull(failure);
        assertEquals(1, told.served.getCount());
    }
}
