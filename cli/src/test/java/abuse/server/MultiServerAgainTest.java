// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;

import abuse.device.DeviceException;
import abuse.device.OtherContentException;
import abuse.device.SimulatedDisk;
import abuse.device.SimulatedDisk.Submitted;
import abuse.libc.Unix;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Disks that are served again, by a server of many: after a reset, and after they could not be. */
class MultiServerAgainTest extends MultiServerTestBase {
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
    void a_backend_that_cannot_be_opened_is_tried_again() throws Exception {
        var tries = new AtomicInteger();
        Told one = add(geometry -> {
            if (tries.incrementAndGet() <= 3) {
                throw new IOException("away for the time being");
            }
            return new ServerTestBase.ModelBackend();
        });
        add(ServerTestBase.MEM);
        Submitted early = disks.get(0).read(0, BLOCK);
        start();
        one.served.await();
        assertFalse(early.await().failed());
        writeAndRead(disks.get(0), 1);
        writeAndRead(disks.get(1), 2);
        assertEquals(4, tries.get());
        assertEquals(3, one.failures.get());
        assertEquals("away for the time being", one.reason.getMessage());
        stop();
    }

    @Test
    void a_disk_that_another_serves_is_served_when_that_ends() throws Exception {
        Told one = add(ServerTestBase.MEM);
        add(ServerTestBase.MEM);
        var other = new RunningServer(devices, "another", geometry -> new ServerTestBase.ModelBackend()).start();
        other.awaitReady();
        start();
        one.ended.await();
        assertInstanceOf(OtherContentException.class, one.reason);
        assertEquals(1, one.served.getCount());
        other.stop();
        one.served.await();
        writeAndRead(disks.get(0), 1);
        stop();
    }

    @Test
    void a_device_that_comes_late_is_served() throws Exception {
        add(ServerTestBase.MEM);
        var told = new Told();
        server.add("/dev/abctl9", "model", false, ServerTestBase.MEM, told);
        start();
        told.ended.await();
        assertEquals(1, told.waiting.getCount());
        SimulatedDisk late = devices.add(9);
        told.waiting.await();
        disks.add(late.setUp(CAPACITY));
        told.served.await();
        writeAndRead(late, 1);
        stop();
    }

    @Test
    void disks_that_all_fail_end_the_server() throws Exception {
        for (int i = 0; i < 3; i++) {
            add(geometry -> {
                throw new IOException("away");
            });
        }
        thread.start();
        thread.join();
        assertNull(failure);
    }
}
