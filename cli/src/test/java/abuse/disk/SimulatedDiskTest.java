// SPDX-License-Identifier: Apache-2.0
package abuse.disk;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Backend;
import abuse.backend.Failure;
import abuse.backend.FaultyBackend;
import abuse.backend.FaultyBackend.Access;
import abuse.backend.HeapBackend;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Backends that are tested without a kernel, as their authors would. */
@Timeout(600)
class SimulatedDiskTest {
    private static final int BLOCK = 4096;
    private static final int SIZE = 1 << 20;

    private final HeapBackend store = new HeapBackend(SIZE);
    private final List<String> problems = new CopyOnWriteArrayList<>();

    private SimulatedDisk start(Backend backend) throws DiskException {
        return SimulatedDisk.start(Disk.builder().size(SIZE).backend(backend).listener(problems::add));
    }

    private static byte[] random(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    @Test
    void what_is_written_is_read() throws Exception {
        byte[] data = random(40 * BLOCK);
        try (var disk = start(store)) {
            disk.write(2 * BLOCK, data);
            assertArrayEquals(data, disk.read(2 * BLOCK, data.length));
            assertArrayEquals(new byte[BLOCK], disk.read(SIZE - BLOCK, BLOCK));
            disk.writeZeroes(3 * BLOCK, 17 * BLOCK);
            disk.discard(30 * BLOCK, BLOCK);
            java.util.Arrays.fill(data, BLOCK, 18 * BLOCK, (byte) 0);
            java.util.Arrays.fill(data, 28 * BLOCK, 29 * BLOCK, (byte) 0);
            assertArrayEquals(data, disk.read(2 * BLOCK, data.length));
        }
        assertArrayEquals(data, store.bytes(2 * BLOCK, data.length));
        assertEquals(List.of(), problems);
    }

    @Test
    void the_third_write_fails() throws Exception {
        try (var disk = start(new FaultyBackend(store, access -> {
            if (access.kind() == Kind.WRITE && access.number() == 3) {
                throw new IOException("the third write");
            }
        }))) {
            disk.write(0, random(BLOCK));
            disk.read(0, BLOCK);
            disk.write(BLOCK, random(BLOCK));
            var e = assertThrows(IOException.class, () -> disk.write(2 * BLOCK, random(BLOCK)));
            assertEquals("the request failed: MEDIA_FAILURE", e.getMessage());
            assertArrayEquals(new byte[BLOCK], disk.read(2 * BLOCK, BLOCK));
            disk.write(2 * BLOCK, random(BLOCK));
        }
        assertEquals(List.of("/dev/abuse0: the third write"), problems);
    }

    @Test
    void a_backend_sees_each_request() throws Exception {
        var seen = new ArrayList<Access>();
        try (var disk = start(new FaultyBackend(store, seen::add))) {
            disk.writeDurably(BLOCK, random(BLOCK));
            disk.flush();
            disk.discard(0, 2 * BLOCK);
            disk.writeZeroes(0, BLOCK);
            disk.read(0, BLOCK);
        }
        assertEquals(List.of(new Access(Kind.WRITE, 1, BLOCK, BLOCK), new Access(Kind.FLUSH, 1, 0, 0),
                new Access(Kind.FLUSH, 2, 0, 0), new Access(Kind.DISCARD, 1, 0, 2 * BLOCK),
                new Access(Kind.WRITE_ZEROES, 1, 0, BLOCK), new Access(Kind.READ, 1, 0, BLOCK)), seen);
    }

    /** Keeps the first request, and answers the others at once. */
    private final class Late implements AsyncBackend {
        final CountDownLatch first = new CountDownLatch(1);
        final List<Boolean> redelivered = new CopyOnWriteArrayList<>();
        volatile AsyncRequest kept;

        @Override
        public void submit(AsyncRequest request) {
            redelivered.add(request.redelivered());
            if (kept == null) {
                kept = request;
                first.countDown();
            } else if (request.kind() == Kind.WRITE) {
                request.fail(Failure.NO_SPACE, "store: full");
            } else {
                request.complete();
            }
        }

        @Override
        public void close() {}
    }

    @Test
    void a_request_that_is_redelivered_says_so() throws Exception {
        var late = new Late();
        try (var disk = start(late)) {
            var read = CompletableFuture.supplyAsync(() -> {
                try {
                    return disk.read(0, BLOCK);
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            });
            late.first.await();
            disk.redeliver();
            assertEquals(BLOCK, read.get().length);
            assertEquals(List.of(false, true), late.redelivered);
            late.kept.complete();
            var e = assertThrows(IOException.class, () -> disk.write(0, random(BLOCK)));
            assertEquals("the request failed: NO_SPACE", e.getMessage());
        }
        assertTrue(problems.contains("/dev/abuse0: store: full"), problems.toString());
    }

    @Test
    void a_request_of_a_disk_that_is_gone_fails() throws Exception {
        var late = new Late();
        var disk = start(late);
        var read = CompletableFuture.supplyAsync(() -> assertThrows(IOException.class, () -> disk.read(0, BLOCK)).getMessage());
        late.first.await();
        disk.close();
        assertEquals("the disk was taken away", read.get());
    }
}
