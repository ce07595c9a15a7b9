// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Backend;
import abuse.backend.HeapBackend;
import abuse.cache.CachePlace;
import abuse.cache.CachedBackend;
import abuse.device.Device;
import abuse.device.Extent;
import abuse.device.Flag;
import abuse.device.Mapping;
import abuse.device.Operation;
import abuse.device.OtherContentException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A cache on a block device, which is a file here. */
class CacheDeviceTest extends ServerTestBase {
    private static final int PIECE = 4 * BLOCK;

    /** Says what tells its bytes from others. */
    private static class Versioned implements Backend {
        final HeapBackend bytes = new HeapBackend(CAPACITY);
        String name = "versioned";
        String version = "1";
        boolean broken;
        volatile boolean writesFail;
        volatile CountDownLatch writes = new CountDownLatch(0);
        final CountDownLatch writing = new CountDownLatch(1);
        /** Where a flush waits. */
        volatile Gate flushing;
        int reads;
        int flushes;

        @Override
        public synchronized void read(long offset, ByteBuffer into) {
            reads++;
            bytes.read(offset, into);
        }

        @Override
        public void write(long offset, ByteBuffer from) throws IOException {
            bytes.write(offset, from);
            writing.countDown();
            try {
                writes.await();
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
            if (writesFail) {
                throw new IOException("bad sector");
            }
        }

        @Override
        public synchronized void flush() throws IOException {
            flushes++;
            if (flushing != null) {
                flushing.pass();
            }
            if (broken) {
                throw new IOException("broken");
            }
        }

        @Override
        public long size() {
            return CAPACITY;
        }

        @Override
        public String identity() {
            return name;
        }

        @Override
        public String stamp() {
            return version;
        }
    }

    private final Versioned base = new Versioned();
    private Path device;

    @BeforeEach
    void makeDevice() throws IOException {
        disk.setUp(CAPACITY, Flag.MAPPABLE, Flag.WRITE_CACHE, Flag.DISCARD);
        disk.carryOutMapped();
        for (int i = 0; i < BLOCKS; i++) {
            base.bytes.write((long) i * BLOCK, ByteBuffer.wrap(pattern(i)));
        }
        device = directory.resolve("device");
        resize(CAPACITY / 2);
    }

    private void resize(long size) throws IOException {
        try (var file = new RandomAccessFile(device.toFile(), "rw")) {
            file.setLength(size);
        }
    }

    private RunningServer serve() throws InterruptedException {
        return serve(geometry -> new CachedBackend(base, new CachePlace(device.toString(), 0, PIECE), geometry));
    }

    private List<Extent> extents() throws Exception {
        try (Device node = devices.open("/dev/abctl0")) {
            return node.extents();
        }
    }

    private void assertBlock(int seed, int block) throws Exception {
        assertArrayEquals(pattern(seed), disk.read((long) block * BLOCK, BLOCK).await().data(), "block " + block);
    }

    /** Reads, writes and ends; how often the next server then asks the backend for what was read. */
    private int readsAfterRestart() throws Exception {
        var first = serve();
        assertBlock(5, 5);
        assertFalse(disk.write(6 * BLOCK, pattern(600)).await().failed());
        first.stop();
        assertEquals(List.of(), extents());
        return readsOfNext();
    }

    private int readsOfNext() throws Exception {
        int before = base.reads;
        var next = serve();
        assertArrayEquals(base.bytes.bytes(5 * BLOCK, BLOCK), disk.read(5 * BLOCK, BLOCK).await().data());
        assertArrayEquals(base.bytes.bytes(6 * BLOCK, BLOCK), disk.read(6 * BLOCK, BLOCK).await().data());
        next.stop();
        return base.reads - before;
    }

    @Test
    void after_a_restart_it_has_what_it_had() throws Exception {
        assertEquals(0, readsAfterRestart());
        assertEquals(0, readsOfNext());
        assertTrue(base.flushes >= 3);
    }

    /** Or it would write to the backend, and the cache would be marked as if that had been before. */
    @Test
    void nobody_else_may_serve_until_it_is_kept_even_if_nothing_was_read() throws Exception {
        assertEquals(0, readsAfterRestart());
        base.flushing = new Gate();
        var unused = serve();
        unused.server.stop();
        base.flushing.awaitReached();
        assertInstanceOf(OtherContentException.class, start(geometry -> new ModelBackend()).end());
        base.flushing.open();
        assertNull(unused.end());
        serve(geometry -> new ModelBackend());
    }

    @Test
    void what_was_written_past_it_makes_it_empty() throws Exception {
        assertEquals(0, readsAfterRestart());
        base.bytes.write(5 * BLOCK, ByteBuffer.wrap(pattern(77)));
        base.version = "2";
        assertEquals(1, readsOfNext());
    }

    @Test
    void another_backend_finds_it_empty() throws Exception {
        assertEquals(0, readsAfterRestart());
        base.name = "another";
        assertEquals(1, readsOfNext());
    }

    @Test
    void it_is_empty_if_nobody_knows_whether_anything_was_changed() throws Exception {
        base.version = null;
        assertEquals(1, readsAfterRestart());
    }

    @Test
    void it_is_empty_if_the_backend_could_not_be_flushed() throws Exception {
        base.broken = true;
        assertEquals(1, readsAfterRestart());
    }

    /** The piece is not unmapped, and whoever has the disk next must not get its old bytes. */
    @Test
    void it_is_empty_if_the_disk_was_gone_when_a_write_failed() throws Exception {
        base.writes = new CountDownLatch(1);
        base.writesFail = true;
        var server = serve();
        assertBlock(5, 5);
        disk.write(6 * BLOCK, pattern(600));
        base.writing.await();
        disk.reset();
        base.writes.countDown();
        server.end();
        base.writesFail = false;
        disk.setUp(CAPACITY, Flag.MAPPABLE, Flag.WRITE_CACHE);
        assertEquals(1, readsOfNext());
    }

    @Test
    void the_device_stays_the_same_whatever_its_path_leads_to() throws Exception {
        serve();
        Files.move(device, directory.resolve("moved"));
        Files.write(device, new byte[(int) CAPACITY]);
        for (int i = 0; i < 2; i++) {
            assertBlock(5, 5);
        }
        assertEquals(1, base.reads);
        assertEquals(1, extents().size());
    }

    @Test
    void it_is_empty_if_pieces_have_another_size() throws Exception {
        assertEquals(0, readsAfterRestart());
        int before = base.reads;
        serve(geometry -> new CachedBackend(base, new CachePlace(device.toString(), 0, 2 * PIECE), geometry));
        assertBlock(5, 5);
        assertEquals(before + 1, base.reads);
    }

    /** Whatever the server was doing when it was killed, the device is what a copy of it was then. */
    @Test
    void a_killed_server_leaves_an_empty_one_at_any_moment() throws Exception {
        Path killed = directory.resolve("killed");
        var server = serve();
        for (int i = 0; i < 6; i++) {
            Files.copy(device, killed, StandardCopyOption.REPLACE_EXISTING);
            int before = base.reads;
            // Another disk's server has the copy
            checkEmpty(killed);
            assertTrue(base.reads > before);
            if (i % 2 == 0) {
                assertBlock(i == 0 ? 5 : 5000 + i - 1, 5);
            } else {
                assertFalse(disk.write(5 * BLOCK, pattern(5000 + i)).await().failed());
            }
        }
        server.stop();
    }

    private void checkEmpty(Path copy) throws Exception {
        var other = devices.add(base.reads + 1).setUp(CAPACITY, Flag.MAPPABLE);
        other.carryOutMapped();
        var problems = new ProblemList();
        var server = new Server(devices, "/dev/abctl" + (base.reads + 1), "copy", geometry -> new CachedBackend(base,
                new CachePlace(copy.toString(), 0, PIECE), geometry), problems);
        var thread = new Thread(() -> {
            try {
                server.run();
            } catch (IOException e) {
                problems.problem(e.toString());
            }
        });
        thread.start();
        assertArrayEquals(base.bytes.bytes(5 * BLOCK, BLOCK), other.read(5 * BLOCK, BLOCK).await().data());
        server.stop();
        thread.join();
        assertEquals(List.of(), problems.problems);
    }

    @Test
    void what_a_killed_server_left_mapped_is_unmapped_by_the_next_one() throws Exception {
        var first = serve();
        assertBlock(5, 5);
        Extent left = extents().get(0);
        first.stop();
        try (Device node = devices.open("/dev/abctl0")) {
            node.map(new Mapping(left.offset(), PIECE, device.toString(), left.targetOffset(), false, false));
            node.map(new Mapping(0, PIECE, directory.resolve("gone").toString(), 0, false, false));
            Files.write(directory.resolve("hand"), new byte[PIECE]);
            node.map(new Mapping(2 * PIECE, PIECE, directory.resolve("hand").toString(), 0, false, false));
        }
        serve(geometry -> base);
        assertEquals(List.of(2L * PIECE), extents().stream().map(Extent::offset).toList());
    }

    @Test
    void the_server_reads_what_is_too_much_for_the_kernel() throws Exception {
        for (int extents : new int[] {0, 2}) {
            disk.allowExtents(extents);
            var server = serve();
            for (int round = 0; round < 3; round++) {
                for (int block = 0; block < BLOCKS; block++) {
                    assertArrayEquals(base.bytes.bytes((long) block * BLOCK, BLOCK), disk.read((long) block * BLOCK, BLOCK).await().data());
                    if (block % 24 == 0) {
                        assertFalse(disk.write((block + 9L) % BLOCKS * BLOCK, pattern(round)).await().failed());
                    }
                }
            }
            // One in the middle goes, and two are left
            assertFalse(disk.submit(Operation.DISCARD, (BLOCKS - 24L) * BLOCK, 4 * BLOCK, null, Set.of(), 0).await().failed());
            int before = base.reads;
            for (int i = 0; i < 2; i++) {
                assertFalse(disk.read((BLOCKS - 8L) * BLOCK, BLOCK).await().failed());
            }
            assertEquals(before, base.reads);
            assertTrue(extents().size() <= extents);
            server.stop();
            assertTrue(server.problems.stream().allMatch(problem -> problem.matches(
                    "Operation not permitted; the server itself reads this piece of the cache|.* more time.*")), server.problems::toString);
        }
    }

    private void assertGoesOnWithout(String reason) throws Exception {
        var server = serve();
        assertBlock(5, 5);
        assertBlock(5, 5);
        assertFalse(disk.write(5 * BLOCK, pattern(5)).await().failed());
        server.stop();
        assertEquals(List.of("cache " + device + ": " + reason + "; the disk goes on without it"), server.problems);
        assertEquals(List.of(), extents());
    }

    @Test
    void a_device_that_is_too_small_is_not_used() throws Exception {
        resize(16 * PIECE);
        assertGoesOnWithout("it has no room for 16 pieces of 16 KiB");
    }

    @Test
    void a_device_that_holds_something_is_not_used() throws Exception {
        Files.write(device, new byte[] {1, 2, 3});
        resize(CAPACITY / 2);
        assertGoesOnWithout("it holds something; if that is not needed, clear it with 'blkdiscard -z -l 131072 " + device + "'");
        assertEquals(1, Files.readAllBytes(device)[0]);
    }

    @Test
    void a_device_that_is_gone_is_not_used() throws Exception {
        Files.delete(device);
        assertGoesOnWithout("No such file or directory");
    }

    @Test
    void a_device_that_fails_is_given_up() throws Exception {
        var server = serve();
        assertBlock(5, 5);
        assertEquals(1, extents().size());
        resize(4096);
        assertBlock(5, 5);
        assertBlock(40, 40);
        assertFalse(disk.write(5 * BLOCK, pattern(500)).await().failed());
        assertBlock(500, 5);
        server.stop();
        assertEquals(List.of("cache " + device + ": it ends too early; the disk goes on without it"), server.problems);
        assertEquals(List.of(), extents());
    }
}
