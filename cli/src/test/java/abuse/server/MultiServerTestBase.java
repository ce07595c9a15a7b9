// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;

import abuse.device.Flag;
import abuse.device.SimulatedDevices;
import abuse.device.SimulatedDisk;
import abuse.device.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;

/** What tests of many disks with one server share. */
@Timeout(600)
abstract class MultiServerTestBase {
    static final int BLOCK = ServerTestBase.BLOCK;
    static final long CAPACITY = ServerTestBase.CAPACITY;

    final SimulatedDevices devices = new SimulatedDevices();
    /** Tries again soon what has failed. */
    final MultiServer server = new MultiServer(devices, 1_000_000);
    final List<SimulatedDisk> disks = new ArrayList<>();
    private final CountDownLatch ready = new CountDownLatch(1);
    volatile Throwable failure;
    final Thread thread = new Thread(() -> {
        try {
            server.run(ready::countDown);
        } catch (Throwable e) {
            failure = e;
        }
    });

    /** What was told of one disk. */
    static final class Told extends ProblemList implements MultiServer.Listener {
        final CountDownLatch waiting = new CountDownLatch(1);
        volatile CountDownLatch served = new CountDownLatch(1);
        volatile CountDownLatch ended = new CountDownLatch(1);
        volatile Throwable reason;
        volatile boolean isTriedAgain;
        final AtomicInteger failures = new AtomicInteger();
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
        public void failed(Throwable e, boolean again) {
            reason = e;
            isTriedAgain = again;
            failures.incrementAndGet();
            ended.countDown();
        }
    }

    Told add(Server.BackendOpener opener, Flag... flags) {
        int number = disks.size();
        disks.add(devices.add(number).setUp(CAPACITY, 2, flags));
        var told = new Told();
        server.add("/dev/abctl" + number, "model", false, opener, told);
        return told;
    }

    void start() throws InterruptedException {
        thread.start();
        ready.await();
    }

    void stop() throws InterruptedException {
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

    static void writeAndRead(SimulatedDisk disk, int seed) throws Exception {
        assertFalse(disk.write(BLOCK, ServerTestBase.pattern(seed)).await().failed());
        assertFalse(disk.flush().await().failed());
        assertArrayEquals(ServerTestBase.pattern(seed), disk.read(BLOCK, BLOCK).await().data());
    }
}
