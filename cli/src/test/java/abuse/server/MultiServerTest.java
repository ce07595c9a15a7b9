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
import abuse.device.OtherContentException;
import abuse.device.SimulatedDevices;
import abuse.device.SimulatedDisk;
import abuse.device.SimulatedDisk.Submitted;
import abuse.device.Status;
import abuse.libc.Unix;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Many disks, one server. */
@Timeout(600)
class MultiServerTest {
    private static final int BLOCK = ServerTestBase.BLOCK;
    private static final long CAPACITY = ServerTestBase.CAPACITY;

    private final SimulatedDevices devices = new SimulatedDevices();
    private final MultiServer server = new MultiServer(devices);
    private final List<SimulatedDisk> disks = new ArrayList<>();
    private final CountDownLatch ready = new CountDownLatch(1);
    private volatile Throwable failure;
    private final Thread thread = new Thread(() -> {
        try {
            server.run(ready::countDown);
        } catch (Throwable e) {
            failure = e;
        }
    });

    /** What was told of one disk. */
    private static final class Told extends ProblemList implements MultiServer.Listener {
        final CountDownLatch waiting = new CountDownLatch(1);
        volatile CountDownLatch served = new CountDownLatch(1);
        volatile CountDownLatch ended = new CountDownLatch(1);
        volatile Throwable reason;
        Runnable onReady = () -> {};

        @Override
        public void waiting() {
            waiting.countDown();
        }

        @Override
        public void ready(Status status) {
            onReady.run();
            served.countDown();
        }

        @Override
        public void failed(Throwable e) {
            reason = e;
            ended.countDown();
        }
    }

    private Told add(Server.BackendOpener opener, Flag... flags) {
        int number = disks.size();
        disks.add(devices.add(number).setUp(CAPACITY, 2, flags));
        var told = new Told();
        server.add("/dev/abctl" + number, "model", false, opener, told);
        return told;
    }

    private void start() throws InterruptedException {
        thread.start();
        ready.await();
    }

    private void stop() throws InterruptedException {
        server.stop();
        thread.join();
        assertNull(failure);
    }

    @AfterEach
    void nothing_is_left() throws InterruptedException {
        server.stop();
        thread.join();
        for (SimulatedDisk disk : disks) {
            assertEquals(0, disk.openNodes(), "open control nodes are left");
            assertEquals(0, disk.owned());
        }
    }

    private static void writeAndRead(SimulatedDisk disk, int seed) throws Exception {
        assertFalse(disk.write(BLOCK, ServerTestBase.pattern(seed)).await().failed());
        assertFalse(disk.flush().await().failed());
        assertArrayEquals(ServerTestBase.pattern(seed), disk.read(BLOCK, BLOCK).await().data());
    }

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
    void a_disk_that_is_reset_ends_alone_and_the_last_one_ends_the_server() throws Exception {
        Told one = add(ServerTestBase.MEM);
        Told two = add(geometry -> new ServerTestBase.ModelBackend());
        start();
        writeAndRead(disks.get(0), 1);
        disks.get(0).reset();
        one.ended.await();
        assertEquals(DeviceException.Reason.NOT_SET_UP, assertInstanceOf(DeviceException.class, one.reason).reason());
        writeAndRead(disks.get(1), 2);
        assertEquals(1, two.ended.getCount());
        disks.get(1).reset();
        two.ended.await();
        thread.join();
        assertNull(failure);
    }

    @Test
    void a_disk_that_is_set_up_again_is_served_again() throws Exception {
        Told one = add(ServerTestBase.MEM);
        add(ServerTestBase.MEM);
        start();
        for (int round = 0; round < 3; round++) {
            writeAndRead(disks.get(0), round);
            one.served = new CountDownLatch(1);
            one.ended = new CountDownLatch(1);
            disks.get(0).reset();
            one.ended.await();
            disks.get(0).setUp(CAPACITY);
            one.served.await();
        }
        writeAndRead(disks.get(0), 7);
        writeAndRead(disks.get(1), 8);
        assertEquals(List.of(), one.problems);
        stop();
    }

    @Test
    void a_disk_that_is_set_up_again_is_opened_when_it_is_closed() throws Exception {
        var gate = new Gate();
        var open = new AtomicInteger();
        Told one = add(geometry -> {
            if (open.incrementAndGet() > 1) {
                throw new IOException("it is open already");
            }
            return new ServerTestBase.ModelBackend() {
                @Override
                public void close() throws IOException {
                    gate.pass();
                    open.decrementAndGet();
                }
            };
        });
        add(ServerTestBase.MEM);
        start();
        writeAndRead(disks.get(0), 1);
        one.served = new CountDownLatch(1);
        disks.get(0).reset();
        one.ended.await();
        one.ended = new CountDownLatch(1);
        disks.get(0).setUp(CAPACITY);
        gate.awaitReached();
        // Long enough for a look at the setup, were it not for the old one
        boolean tooEarly = one.ended.await(2 * Server.SETUP_CHECK_MS, TimeUnit.MILLISECONDS);
        gate.open();
        assertFalse(tooEarly);
        one.served.await();
        writeAndRead(disks.get(0), 2);
        writeAndRead(disks.get(1), 3);
        stop();
    }

    @Test
    void a_disk_that_is_waited_for_may_be_out_of_reach_for_a_while() throws Exception {
        add(ServerTestBase.MEM);
        Told later = add(ServerTestBase.MEM);
        disks.get(1).reset();
        start();
        later.waiting.await();
        devices.refuse("/dev/abctl1", Unix.ENOMEM);
        while (later.problems.isEmpty()) {
            assertEquals(1, later.ended.getCount(), () -> "given up: " + later.reason);
            Thread.sleep(1);
        }
        devices.allow("/dev/abctl1");
        disks.get(1).setUp(CAPACITY);
        later.served.await();
        writeAndRead(disks.get(1), 1);
        stop();
        assertEquals("Cannot allocate memory", later.problems.get(0));
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
