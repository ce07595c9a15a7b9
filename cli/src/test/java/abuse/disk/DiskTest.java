// SPDX-License-Identifier: Apache-2.0
package abuse.disk;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Backend;
import abuse.backend.HeapBackend;
import abuse.device.Device;
import abuse.device.Flag;
import abuse.device.Operation;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/** A disk from its start to its end. */
class DiskTest extends DiskTestBase {
    @Test
    void it_is_there_and_answers_when_it_is_started_and_gone_when_it_is_closed() throws Exception {
        kernel.spoilNode("there is no node yet", 3);
        try (Disk disk = builder().start(devices)) {
            assertEquals(Path.of("/dev/abuse0"), disk.path());
            assertEquals(SIZE, disk.size());
            assertFalse(kernel.write(0, bytes(7)).await().failed());
            assertArrayEquals(bytes(7), kernel.read(0, BLOCK).await().data());
        }
        assertFalse(isSetUp(devices, 0));
        assertEquals(List.of(), problems);
    }

    @Test
    void it_goes_if_the_program_is_killed() throws Exception {
        try (Disk disk = builder().start(devices); Device device = devices.open("/dev/abctl0")) {
            assertTrue(device.status().flags().contains(Flag.AUTOREMOVE), disk.path().toString());
        }
    }

    @Test
    void it_is_set_up_as_asked_for() throws Exception {
        try (Disk disk = builder().blockSize(512).queues(2).queueDepth(16).readOnly().discard().writeZeroes().partitions()
                .writeThrough()
                .requestTimeout(Duration.ofMillis(1500)).start(devices); Device device = devices.open("/dev/abctl0")) {
            var status = device.status();
            assertEquals("512 2 16 1500 " + disk.size(), status.blockSize() + " " + status.queues() + " " + status.queueDepth()
                    + " " + status.timeoutMs() + " " + SIZE);
            assertEquals(Set.of(Flag.READ_ONLY, Flag.DISCARD, Flag.WRITE_ZEROES, Flag.AUTOREMOVE, Flag.PARTSCAN), status.flags());
            // Each queue is served
            for (int queue = 0; queue < 2; queue++) {
                assertFalse(kernel.submit(Operation.READ, 0, 512, new byte[512], false, queue).await().failed());
            }
        }
    }

    @Test
    void one_program_may_have_several_disks() throws Exception {
        var disks = new ArrayList<Disk>();
        DiskBuilder builder = builder();
        for (int i = 0; i < 3; i++) {
            disks.add(builder.start(devices));
        }
        assertEquals(List.of("/dev/abuse0", "/dev/abuse1", "/dev/abuse2"),
                disks.stream().map(disk -> disk.path().toString()).toList());
        assertFalse(kernel.write(0, bytes(7)).await().failed());
        disks.remove(1).close();
        assertTrue(isSetUp(devices, 0));
        assertFalse(isSetUp(devices, 1));
        // A device that is free is taken again
        disks.add(builder.start(devices));
        assertTrue(isSetUp(devices, 1));
        for (Disk disk : disks) {
            disk.close();
        }
    }

    @Test
    void its_backend_can_be_started_again_if_it_outlives_its_close() throws Exception {
        var store = new HeapBackend(SIZE);
        DiskBuilder builder = Disk.builder().backend(store).listener(problems::add);
        try (Disk disk = builder.start(devices)) {
            assertEquals(SIZE, disk.size());
            kernel.write(BLOCK, bytes(9)).await();
        }
        try (Disk disk = builder.start(devices)) {
            assertArrayEquals(bytes(9), kernel.read(BLOCK, BLOCK).await().data(), disk.path().toString());
        }
        assertArrayEquals(bytes(9), store.bytes(BLOCK, BLOCK));
    }

    @Test
    void it_is_closed_once_and_its_backend_with_it() throws Exception {
        var closes = new ArrayList<String>();
        Disk disk = builder().opener(geometry -> new Backend() {
            @Override
            public void read(long offset, ByteBuffer into) {
                into.position(into.limit());
            }

            @Override
            public void write(long offset, ByteBuffer from) {}

            @Override
            public void close() {
                closes.add(geometry.capacity() + " bytes");
            }
        }).start(devices);
        disk.close();
        disk.close();
        assertEquals(List.of(SIZE + " bytes"), closes);
    }

    @Test
    void a_problem_is_told_once_and_the_disk_goes_on() throws Exception {
        try (Disk disk = builder().backend(new Backend() {
            @Override
            public void read(long offset, ByteBuffer into) throws IOException {
                if (offset == 0) {
                    throw new IOException("store: bad sector");
                }
                into.position(into.limit());
            }

            @Override
            public void write(long offset, ByteBuffer from) {}
        }).start(devices)) {
            assertTrue(kernel.read(0, BLOCK).await().failed(), disk.path().toString());
            assertTrue(kernel.read(0, BLOCK).await().failed());
            assertFalse(kernel.read(BLOCK, BLOCK).await().failed());
        }
        assertEquals(List.of("/dev/abuse0: store: bad sector", "/dev/abuse0: store: bad sector (1 more time)"), problems);
    }

    @Test
    void close_waits_for_a_call_of_the_backend() throws Exception {
        var called = new CountDownLatch(1);
        var end = new CountDownLatch(1);
        Disk disk = builder().backend(new Backend() {
            @Override
            public void read(long offset, ByteBuffer into) throws IOException {
                called.countDown();
                try {
                    end.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
                into.position(into.limit());
            }

            @Override
            public void write(long offset, ByteBuffer from) {}
        }).start(devices);
        var request = kernel.read(0, BLOCK);
        called.await();
        var closer = new Thread(() -> {
            try {
                disk.close();
            } catch (DiskException e) {
                problems.add(e.getMessage());
            }
        });
        closer.start();
        // The disk goes at once
        assertTrue(request.await().failed());
        closer.join(50);
        assertTrue(closer.isAlive());
        end.countDown();
        closer.join();
        assertEquals(List.of(), problems);
    }

    @Test
    void a_disk_in_use_is_taken_away_and_that_is_told() throws Exception {
        Disk disk = builder().start(devices);
        kernel.use("mounted on /mnt");
        var e = assertThrows(DiskException.class, disk::close);
        assertEquals("/dev/abuse0: in use, mounted on /mnt; it was taken away all the same", e.getMessage());
        assertFalse(isSetUp(devices, 0));
        kernel.release();
    }

    @Test
    void an_interrupt_does_not_cut_the_close_short_and_is_not_lost() throws Exception {
        Disk disk = builder().start(devices);
        kernel.use("mounted on /mnt");
        Thread.currentThread().interrupt();
        assertThrows(DiskException.class, disk::close);
        assertTrue(Thread.interrupted());
        assertFalse(isSetUp(devices, 0));
        kernel.release();
    }
}
