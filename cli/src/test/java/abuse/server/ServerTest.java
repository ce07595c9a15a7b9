// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.BackendFactory.Option;
import abuse.backend.Backends;
import abuse.backend.Geometry;
import abuse.device.Flag;
import abuse.device.Operation;
import abuse.device.SimulatedDisk.Submitted;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A server and a simulated device, byte by byte. */
class ServerTest extends ServerTestBase {
    @ParameterizedTest
    @ValueSource(strings = {"mem", "file:"})
    void every_backend_keeps_every_byte(String name) throws Exception {
        disk.setUp(CAPACITY, 2, Flag.WRITE_CACHE, Flag.DISCARD, Flag.WRITE_ZEROES);
        String backend = name.equals("file:") ? name + directory.resolve("image") : name;
        var running = serve(geometry -> new Backends().open(backend, Set.of(Option.CREATE), geometry));
        byte[] model = new byte[(int) CAPACITY];
        var random = new Random(7);
        for (int round = 0; round < 60; round++) {
            var reads = new ArrayList<Submitted>();
            var others = new ArrayList<Submitted>();
            byte[] before = model.clone();
            // Ranges of one round do not overlap, because their order is not defined
            for (int block = 0; block < BLOCKS;) {
                int count = Math.min(1 + random.nextInt(16), BLOCKS - block);
                int offset = block * BLOCK;
                int length = count * BLOCK;
                int queue = random.nextInt(2);
                switch (random.nextInt(5)) {
                    case 0 -> reads.add(disk.submit(Operation.READ, offset, length, new byte[length], false, queue));
                    case 1, 2 -> {
                        byte[] data = new byte[length];
                        random.nextBytes(data);
                        System.arraycopy(data, 0, model, offset, length);
                        others.add(disk.submit(Operation.WRITE, offset, length, data, random.nextBoolean(), queue));
                    }
                    case 3 -> {
                        Arrays.fill(model, offset, offset + length, (byte) 0);
                        others.add(disk.submit(random.nextBoolean() ? Operation.DISCARD : Operation.WRITE_ZEROES, offset,
                                length, null, false, queue));
                    }
                    default -> others.add(disk.submit(Operation.FLUSH, 0, 0, null, false, queue));
                }
                block += count;
            }
            for (Submitted request : others) {
                assertFalse(request.await().failed());
            }
            for (Submitted request : reads) {
                var answer = request.await();
                assertFalse(answer.failed());
                int offset = (int) request.offset();
                assertArrayEquals(Arrays.copyOfRange(before, offset, offset + answer.data().length), answer.data());
            }
        }
        for (int offset = 0; offset < CAPACITY; offset += 1 << 18) {
            assertArrayEquals(Arrays.copyOfRange(model, offset, offset + (1 << 18)), disk.read(offset, 1 << 18).await().data());
        }
        assertNull(running.stop());
        assertEquals(List.of(), running.problems);
    }

    @Test
    void null_answers_with_zeros() throws Exception {
        disk.setUp(1L << 50, Flag.WRITE_CACHE);
        serve(geometry -> new Backends().open("null", Set.of(), geometry));
        byte[] full = new byte[1 << 20];
        Arrays.fill(full, (byte) 9);
        assertFalse(disk.write(0, pattern(1)).await().failed());
        var answer = disk.submit(Operation.READ, 0, full.length, full, false, 0).await();
        assertFalse(answer.failed());
        assertArrayEquals(new byte[1 << 20], answer.data());
    }

    @Test
    void what_waits_is_taken_in_one_batch() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var requests = new ArrayList<Submitted>();
        for (int i = 0; i < 100; i++) {
            requests.add(disk.read((long) i * BLOCK, BLOCK));
        }
        serve(MEM);
        for (Submitted request : requests) {
            request.await();
        }
        assertEquals(100, disk.batchSizes().get(0));
    }

    @Test
    void signals_lose_no_answer() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var running = serve(MEM);
        for (int i = 0; i < 20; i++) {
            disk.interrupt(3);
            assertFalse(disk.write((long) i * BLOCK, pattern(i)).await().failed());
        }
        for (int i = 0; i < 20; i++) {
            assertArrayEquals(pattern(i), disk.read((long) i * BLOCK, BLOCK).await().data());
        }
        assertNull(running.stop());
    }

    @Test
    void a_disk_that_grew_is_served_as_far_as_it_was_known() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE, Flag.DISCARD);
        var running = serve(MEM);
        disk.setUp(2 * CAPACITY, Flag.WRITE_CACHE, Flag.DISCARD);
        assertFalse(disk.write(CAPACITY - BLOCK, pattern(1)).await().failed());
        assertTrue(disk.write(CAPACITY, pattern(1)).await().failed());
        assertTrue(disk.read(CAPACITY - BLOCK, 2 * BLOCK).await().failed());
        assertTrue(disk.submit(Operation.DISCARD, CAPACITY, BLOCK, null, false, 0).await().failed());
        assertEquals(1, running.problems.size(), running.problems.toString());
    }

    @Test
    void a_backend_of_another_size_is_refused() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        for (long size : new long[] {CAPACITY - 512, CAPACITY + 512}) {
            var running = start(geometry -> new ModelBackend() {
                @Override
                public long size() {
                    return size;
                }
            });
            var failure = assertInstanceOf(SizeMismatchException.class, running.end());
            assertEquals(size, failure.size());
            assertEquals(CAPACITY, failure.capacity());
        }
    }

    @Test
    void a_backend_learns_what_the_disk_is() throws Exception {
        var seen = new ArrayList<Geometry>();
        for (Flag[] flags : new Flag[][] {{Flag.WRITE_CACHE}, {Flag.READ_ONLY}}) {
            disk.setUp(CAPACITY, flags);
            start(geometry -> {
                seen.add(geometry);
                return new ModelBackend();
            }).awaitReady().stop();
        }
        assertEquals(List.of(new Geometry(0, CAPACITY, 4096, 1 << 20, false), new Geometry(0, CAPACITY, 4096, 1 << 20, true)), seen);
    }

    @Test
    void cold_reads_of_an_image_wait_together_and_keep_nobody_else_waiting() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var running = serveImage();
        disk.write(0, pattern(1)).await();
        disk.holdFaults(true);
        var cold = new ArrayList<Submitted>();
        for (int i = 1; i <= 20; i++) {
            cold.add(disk.read((long) i * BLOCK, BLOCK));
        }
        for (int i = 0; i < 100; i++) {
            assertArrayEquals(pattern(1), disk.read(0, BLOCK).await().data());
        }
        for (int i = 0; i < 10_000 && disk.mostFaulting() < 8; i++) {
            Thread.sleep(5);
        }
        assertEquals(8, disk.mostFaulting());
        disk.holdFaults(false);
        for (Submitted read : cold) {
            assertArrayEquals(new byte[BLOCK], read.await().data());
        }
        assertNull(running.stop());
        assertEquals(List.of(), running.problems);
    }

    @Test
    void a_disk_that_grew_with_its_image_is_served_whole() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var running = serveImage();
        disk.write(0, pattern(1)).await();
        disk.setUp(2 * CAPACITY, Flag.WRITE_CACHE);
        assertTrue(disk.write(CAPACITY, pattern(2)).await().failed());
        String image = directory.resolve("image").toString();
        assertEquals(List.of(image + ": the disk has become larger, so the image must have " + 2 * CAPACITY + " bytes, too"),
                running.problems);
        try (var file = new RandomAccessFile(image, "rw")) {
            file.setLength(2 * CAPACITY);
        }
        assertFalse(disk.write(2 * CAPACITY - BLOCK, pattern(3)).await().failed());
        assertArrayEquals(pattern(3), disk.read(2 * CAPACITY - BLOCK, BLOCK).await().data());
        assertArrayEquals(pattern(1), disk.read(0, BLOCK).await().data());
    }

    @Test
    void a_backend_that_has_to_wait_is_called_by_as_many_threads_as_it_likes() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var together = new CountDownLatch(5);
        var reads = new ArrayList<Submitted>();
        for (int i = 0; i < 5; i++) {
            reads.add(disk.read((long) i * BLOCK, BLOCK));
        }
        serve(new ModelBackend() {
            @Override
            public int threads() {
                return 5;
            }

            @Override
            public void read(long offset, ByteBuffer into) throws IOException {
                together.countDown();
                try {
                    assertTrue(together.await(600, TimeUnit.SECONDS));
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
                super.read(offset, into);
            }
        });
        for (Submitted read : reads) {
            assertFalse(read.await().failed());
        }
    }
}
