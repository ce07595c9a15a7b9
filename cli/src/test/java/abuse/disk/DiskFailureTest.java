// SPDX-License-Identifier: Apache-2.0
package abuse.disk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.HeapBackend;
import abuse.device.Device;
import abuse.device.SimulatedDevices;
import abuse.libc.Unix;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Disks that cannot be made, and disks that end before they are closed. */
class DiskFailureTest extends DiskTestBase {
    private String refusal(DiskBuilder builder, SimulatedDevices machine) {
        return assertThrows(DiskException.class, () -> builder.start(machine)).getMessage();
    }

    @Test
    void it_says_what_to_do_if_the_module_is_missing_or_the_user_may_not() {
        var machine = new SimulatedDevices();
        assertEquals("there are no devices in /dev; is the module loaded? try 'modprobe abuse'", refusal(builder(), machine));
        machine.refuse("/dev/abctl0", Unix.EACCES);
        assertEquals("/dev/abctl0: Permission denied; only root and the owner of the node may; try sudo, or change the owner"
                + " with chown", refusal(builder(), machine));
    }

    @Test
    void it_says_why_no_device_is_free() {
        kernel.setUp(SIZE);
        devices.limit(1, Unix.ENOSPC);
        assertEquals("no device is free, all 1 are set up; 'abusectl reset' frees one, and max_abuse allows no more",
                refusal(builder(), devices));
    }

    @Test
    void a_backend_that_does_not_fit_or_fails_leaves_no_disk() throws Exception {
        assertEquals("the backend holds 4096 bytes, but the disk has 1048576; leave the size to the backend, or make them equal",
                refusal(builder().backend(new HeapBackend(4096)), devices));
        assertFalse(isSetUp(devices, 0));
        assertEquals("/nowhere/image: No such file or directory", refusal(builder().backend("file:/nowhere/image"), devices)
                .replaceAll("; .*", ""));
        assertEquals("java.lang.IllegalStateException: no one foresaw this", refusal(builder().opener(geometry -> {
            throw new IllegalStateException("no one foresaw this");
        }), devices));
        assertFalse(isSetUp(devices, 0));
    }

    @Test
    void a_path_that_is_not_the_disks_is_told() throws Exception {
        kernel.spoilNode("this is not a block device; remove it, and try again", Integer.MAX_VALUE);
        assertEquals("/dev/abuse0: this is not a block device; remove it, and try again", refusal(builder(), devices));
        assertFalse(isSetUp(devices, 0));
    }

    @Test
    void what_the_kernel_refuses_is_told() {
        assertTrue(refusal(builder().queues(3), devices).startsWith("/dev/abctl0: Invalid argument; this kernel has no"));
    }

    @Test
    void nonsense_is_refused_at_once() {
        var builder = Disk.builder();
        assertThrows(IllegalArgumentException.class, () -> builder.size(0));
        assertThrows(IllegalArgumentException.class, () -> builder.blockSize(3000));
        assertThrows(IllegalArgumentException.class, () -> builder.blockSize(256));
        assertThrows(IllegalArgumentException.class, () -> builder.queues(0));
        assertThrows(IllegalArgumentException.class, () -> builder.queueDepth(4097));
        assertThrows(IllegalArgumentException.class, () -> builder.requestTimeout(Duration.ofNanos(1)));
        assertThrows(IllegalArgumentException.class, () -> builder.requestTimeout(Duration.ofDays(2)));
        assertThrows(IllegalArgumentException.class, () -> builder.backend("frob"));
        assertThrows(IllegalStateException.class, () -> Disk.builder().start(devices));
        assertThrows(IllegalStateException.class, () -> Disk.builder().size(1000).start(devices));
    }

    @Test
    void a_start_that_is_interrupted_leaves_no_disk() throws Exception {
        var opening = new CountDownLatch(1);
        var go = new CountDownLatch(1);
        var outcome = new CompletableFuture<String>();
        var starter = new Thread(() -> {
            String message = refusal(builder().opener(geometry -> {
                opening.countDown();
                try {
                    go.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
                return new HeapBackend(SIZE);
            }), devices);
            outcome.complete(message + " " + Thread.interrupted());
        });
        starter.start();
        opening.await();
        starter.interrupt();
        assertEquals("interrupted before the disk was ready true", outcome.get());
        assertFalse(isSetUp(devices, 0));
        go.countDown();
        while (kernel.openNodes() > 0 || Thread.getAllStackTraces().keySet().stream().anyMatch(t -> t.getName().startsWith("disk "))) {
            Thread.sleep(5);
        }
    }

    private final AtomicReference<DiskException> end = new AtomicReference<>();

    private Disk startAndTell() throws DiskException {
        return builder().listener(new DiskListener() {
            @Override
            public void problem(String message) {
                problems.add(message);
            }

            @Override
            public void ended(DiskException reason) {
                end.set(reason);
            }
        }).start(devices);
    }

    @Test
    void a_listener_may_close_the_disk_that_has_ended() throws Exception {
        var disk = new AtomicReference<Disk>();
        var closer = new CompletableFuture<Thread>();
        disk.set(builder().listener(new DiskListener() {
            @Override
            public void problem(String message) {
                problems.add(message);
            }

            @Override
            public void ended(DiskException reason) {
                try {
                    disk.get().close();
                    closer.complete(Thread.currentThread());
                } catch (DiskException e) {
                    problems.add(e.getMessage());
                }
            }
        }).start(devices));
        kernel.reset();
        // It is a thread of the disk, which ends after this call
        closer.get().join();
        disk.get().close();
        assertEquals(List.of(), problems);
    }

    @Test
    void a_reset_by_somebody_else_is_told_and_a_later_disk_is_left_alone() throws Exception {
        Disk disk = startAndTell();
        kernel.reset();
        var e = assertThrows(DiskException.class, disk::awaitEnd);
        assertEquals("/dev/abctl0: No such device; somebody has reset it", e.getMessage());
        kernel.setUp(2 * SIZE);
        disk.close();
        assertEquals(e, end.get());
        try (Device device = devices.open("/dev/abctl0")) {
            assertEquals(2 * SIZE, device.status().capacity());
        }
        assertEquals(List.of(), problems);
    }

    @Test
    void a_disk_that_cannot_be_served_any_more_goes() throws Exception {
        Disk disk = startAndTell();
        kernel.failNextTransfer(Unix.EFAULT);
        kernel.read(0, BLOCK);
        kernel.read(0, BLOCK);
        assertThrows(DiskException.class, disk::awaitEnd);
        disk.close();
        assertEquals("/dev/abctl0: Bad address", end.get().getMessage());
        assertFalse(isSetUp(devices, 0));
    }

    @Test
    void who_waits_for_the_end_is_told_of_a_close() throws Exception {
        Disk disk = startAndTell();
        var waiter = new CompletableFuture<String>();
        new Thread(() -> {
            try {
                disk.awaitEnd();
                waiter.complete("closed");
            } catch (DiskException | InterruptedException e) {
                waiter.complete(e.toString());
            }
        }).start();
        disk.close();
        assertEquals("closed", waiter.get());
        assertEquals(null, end.get());
    }
}
