// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Backend;
import abuse.backend.Geometry;
import abuse.backend.HeapBackend;
import abuse.cache.CachePlace;
import abuse.cache.CachedBackend;
import abuse.device.Device;
import abuse.device.Extent;
import abuse.device.Flag;
import abuse.device.Loan;
import abuse.device.Operation;
import abuse.device.OtherContentException;
import abuse.device.SimulatedDisk.Submitted;
import abuse.libc.MemoryFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A cache in memory, in front of a backend. */
class CacheTest extends ServerTestBase {
    private static final int PIECE = 4 * BLOCK;
    private static final int PIECES = (int) (CAPACITY / PIECE);
    private static final int FEW = 16;

    /** Counts what it is asked for, and may wait or fail first. */
    private static class Slow implements Backend {
        final HeapBackend bytes = new HeapBackend(CAPACITY);
        volatile CountDownLatch reads = new CountDownLatch(0);
        final CountDownLatch reading = new CountDownLatch(1);
        volatile IOException failure;
        volatile boolean fenced;
        int longest;
        int readsDone;
        int writes;

        @Override
        public void read(long offset, ByteBuffer into) throws IOException {
            synchronized (this) {
                longest = Math.max(longest, into.remaining());
            }
            byte[] old = bytes.bytes(offset, into.remaining());
            reading.countDown();
            try {
                reads.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            if (failure != null) {
                throw failure;
            }
            into.put(old);
            synchronized (this) {
                readsDone++;
            }
        }

        @Override
        public synchronized void write(long offset, ByteBuffer from) throws IOException {
            writes++;
            bytes.write(offset, from);
            if (failure != null) {
                throw failure;
            }
        }

        @Override
        public void discard(long offset, long length) {
            bytes.discard(offset, length);
        }

        @Override
        public void writeZeroes(long offset, long length) {
            bytes.writeZeroes(offset, length);
        }

        @Override
        public long size() {
            return CAPACITY;
        }

        @Override
        public boolean isFenced() {
            return fenced;
        }

        @Override
        public String identity() {
            return "slow";
        }
    }

    private final Slow slow = new Slow();
    private CachedBackend cached;

    @BeforeEach
    void fillDisk() {
        disk.setUp(CAPACITY, 2, Flag.MAPPABLE, Flag.WRITE_CACHE, Flag.DISCARD, Flag.WRITE_ZEROES);
        disk.carryOutMapped();
        for (int i = 0; i < BLOCKS; i++) {
            slow.bytes.write((long) i * BLOCK, ByteBuffer.wrap(pattern(i)));
        }
    }

    private RunningServer serve(int pieces) throws InterruptedException {
        return serve(geometry -> cached = new CachedBackend(slow, new CachePlace(null, (long) pieces * PIECE, PIECE), geometry));
    }

    private List<Extent> extents() throws Exception {
        try (Device device = devices.open("/dev/abctl0")) {
            return device.extents();
        }
    }

    private void assertBlock(int seed, int block) throws Exception {
        assertArrayEquals(pattern(seed), disk.read((long) block * BLOCK, BLOCK).await().data(), "block " + block);
    }

    @Test
    void what_was_read_once_is_read_by_the_kernel() throws Exception {
        var server = serve(PIECES);
        assertBlock(5, 5);
        assertEquals(1, slow.readsDone);
        assertEquals(List.of((long) PIECE), extents().stream().map(Extent::offset).toList());
        assertTrue(extents().stream().allMatch(extent -> extent.length() == PIECE && !extent.writable()));
        for (int block = 4; block < 8; block++) {
            assertBlock(block, block);
        }
        assertEquals(1, slow.readsDone);
        assertEquals("cache in memory: 1 of 64 pieces of 16 KiB; 1 missed, 1 filled, 0 evicted, 0 mapped again, 0 dropped",
                cached.counters());
        server.stop();
        assertEquals(List.of(), extents());
        assertEquals(List.of(), server.problems);
    }

    @Test
    void a_long_read_fills_its_pieces_at_once() throws Exception {
        serve(PIECES);
        byte[] expected = slow.bytes.bytes(BLOCK, 9 * BLOCK);
        assertArrayEquals(expected, disk.read(BLOCK, 9 * BLOCK).await().data());
        assertEquals(1, slow.readsDone);
        assertEquals(3, extents().size());
    }

    @Test
    void the_backend_is_asked_for_no_more_than_it_was_told() throws Exception {
        int most = 2 * BLOCK;
        serve(geometry -> new CachedBackend(slow, new CachePlace(null, CAPACITY, PIECE), new Geometry(geometry.number(), CAPACITY, BLOCK, most,
                false)));
        assertBlock(5, 5);
        assertArrayEquals(slow.bytes.bytes(3 * BLOCK, most), disk.read(3 * BLOCK, most).await().data());
        assertEquals(most, slow.longest);
        assertEquals(4, slow.readsDone);
    }

    @Test
    void a_backend_that_belongs_to_somebody_else_is_not_read_from_the_cache() throws Exception {
        var server = serve(PIECES);
        assertBlock(5, 5);
        slow.bytes.write(5 * BLOCK, ByteBuffer.wrap(pattern(500)));
        assertBlock(5, 5);
        slow.fenced = true;
        while (server.problems.isEmpty()) {
            Thread.sleep(5);
        }
        assertTrue(extents().isEmpty());
        assertBlock(500, 5);
        server.stop();
        assertEquals(List.of("cache in memory: the backend belongs to somebody else now, who may change it; the disk goes on without it"),
                server.problems);
    }

    @Test
    void a_write_is_in_the_backend_and_in_the_cache_when_it_is_answered() throws Exception {
        serve(PIECES);
        assertBlock(5, 5);
        assertFalse(disk.write(5 * BLOCK, pattern(500)).await().failed());
        assertFalse(disk.write(9 * BLOCK, pattern(900)).await().failed());
        assertArrayEquals(pattern(500), slow.bytes.bytes(5 * BLOCK, BLOCK));
        assertBlock(500, 5);
        assertBlock(6, 6);
        assertEquals(1, slow.readsDone);
        assertBlock(900, 9);
        assertEquals(2, slow.readsDone);
    }

    @Test
    void a_write_during_a_fill_is_not_lost() throws Exception {
        slow.reads = new CountDownLatch(1);
        serve(PIECES);
        Submitted read = disk.read(4 * BLOCK, BLOCK);
        slow.reading.await();
        // The backend has read the old bytes already
        Submitted write = disk.submit(Operation.WRITE, 5 * BLOCK, BLOCK, pattern(500), false, 1);
        Submitted elsewhere = disk.write(100 * BLOCK, pattern(1));
        assertFalse(elsewhere.await().failed());
        assertFalse(write.isAnswered());
        slow.reads.countDown();
        assertArrayEquals(pattern(4), read.await().data());
        assertFalse(write.await().failed());
        assertBlock(500, 5);
        assertArrayEquals(pattern(500), slow.bytes.bytes(5 * BLOCK, BLOCK));
    }

    @Test
    void reads_of_a_piece_that_is_being_filled_wait_for_that() throws Exception {
        slow.reads = new CountDownLatch(1);
        serve(PIECES);
        Submitted first = disk.read(4 * BLOCK, BLOCK);
        slow.reading.await();
        var others = new ArrayList<Submitted>();
        for (int i = 0; i < 40; i++) {
            others.add(disk.read((4 + i % 4) * BLOCK, BLOCK));
        }
        slow.reads.countDown();
        assertArrayEquals(pattern(4), first.await().data());
        for (int i = 0; i < 40; i++) {
            assertArrayEquals(pattern(4 + i % 4), others.get(i).await().data());
        }
        assertEquals(1, slow.readsDone);
    }

    @Test
    void a_full_cache_makes_room() throws Exception {
        var server = serve(FEW);
        for (int round = 0; round < 3; round++) {
            for (int block = 0; block < BLOCKS; block += 4) {
                assertBlock(block, block);
            }
        }
        assertTrue(extents().size() <= FEW);
        server.stop();
        assertEquals(List.of(), extents());
        assertEquals(List.of(), server.problems);
    }

    @Test
    void what_is_used_again_and_again_stays() throws Exception {
        serve(FEW);
        assertBlock(0, 0);
        int others = 0;
        for (int block = 4; block < BLOCKS; block += 4) {
            assertBlock(block, block);
            others++;
            assertBlock(1, 1);
        }
        assertEquals(1 + others, slow.readsDone);
    }

    @Test
    void what_is_unmapped_by_hand_is_read_from_the_cache_all_the_same() throws Exception {
        serve(PIECES);
        assertBlock(5, 5);
        try (Device device = devices.open("/dev/abctl0")) {
            device.unmap(0, CAPACITY);
        }
        assertBlock(5, 5);
        assertEquals(1, slow.readsDone);
    }

    @Test
    void discards_and_zeroes_are_seen() throws Exception {
        serve(PIECES);
        assertBlock(5, 5);
        assertBlock(40, 40);
        disk.submit(Operation.DISCARD, 4 * BLOCK, BLOCK, null, false, 0).await();
        assertArrayEquals(new byte[BLOCK], disk.read(4 * BLOCK, BLOCK).await().data());
        disk.submit(Operation.WRITE_ZEROES, 0, CAPACITY / 2, null, false, 0).await();
        assertArrayEquals(new byte[BLOCK], disk.read(5 * BLOCK, BLOCK).await().data());
        assertArrayEquals(new byte[BLOCK], disk.read(40 * BLOCK, BLOCK).await().data());
        assertBlock(200, 200);
    }

    @Test
    void after_a_write_that_failed_the_backend_is_asked() throws Exception {
        serve(PIECES);
        assertBlock(5, 5);
        slow.failure = new IOException("slow: bad sector");
        assertTrue(disk.write(5 * BLOCK, pattern(500)).await().failed());
        slow.failure = null;
        assertBlock(500, 5);
    }

    @Test
    void a_bad_sector_beside_it_does_not_fail_a_read() throws Exception {
        serve(geometry -> new CachedBackend(new Slow() {
            @Override
            public void read(long offset, ByteBuffer into) throws IOException {
                if (offset <= 6 * BLOCK && offset + into.remaining() > 6 * BLOCK) {
                    throw new IOException("slow: bad sector");
                }
                into.put(pattern(5));
            }
        }, new CachePlace(null, CAPACITY, PIECE), geometry));
        assertBlock(5, 5);
        assertTrue(disk.read(6 * BLOCK, BLOCK).await().failed());
        assertBlock(5, 5);
        assertEquals(List.of(), extents());
    }

    @Test
    void where_no_memory_may_be_lent_the_server_reads_the_cache() throws Exception {
        disk.allowNoMemory();
        var server = serve(PIECES);
        for (int i = 0; i < 3; i++) {
            assertBlock(5, 5);
        }
        assertFalse(disk.write(5 * BLOCK, pattern(500)).await().failed());
        assertBlock(500, 5);
        assertEquals(1, slow.readsDone);
        server.stop();
        assertEquals(1, server.problems.stream().filter(problem -> !problem.contains("more time")).count(), server.problems::toString);
    }

    @Test
    void another_server_is_refused_and_the_next_one_finds_nothing_of_a_killed_one() throws Exception {
        var first = serve(PIECES);
        assertBlock(5, 5);
        assertInstanceOf(OtherContentException.class, start(geometry -> slow).end());
        List<Extent> left = extents();
        first.stop();
        try (Device device = devices.open("/dev/abctl0"); var file = MemoryFile.allocate(PIECE)) {
            device.lend(new Loan(left.get(0).offset(), PIECE, file.fd(), 0, false, false));
        }
        serve(geometry -> slow);
        assertEquals(List.of(), extents());
        assertBlock(5, 5);
    }

    @Test
    void a_disk_grows_and_its_end_is_no_whole_piece() throws Exception {
        disk.reset();
        disk.setUp(CAPACITY - BLOCK, 1, Flag.MAPPABLE);
        serve(geometry -> new CachedBackend(new Slow() {
            @Override
            public void grow(long capacity) {
                // It has room
            }

            @Override
            public long size() {
                return -1;
            }
        }, new CachePlace(null, CAPACITY, PIECE), geometry));
        assertArrayEquals(new byte[BLOCK], disk.read(CAPACITY - 2 * BLOCK, BLOCK).await().data());
        assertEquals(List.of(), extents());
        disk.setUp(CAPACITY, 1, Flag.MAPPABLE);
        assertFalse(disk.write(CAPACITY - BLOCK, pattern(7)).await().failed());
        assertBlock(7, BLOCKS - 1);
        assertEquals(1, extents().size());
    }

    @Test
    void reads_are_never_stale_however_many_threads_there_are() throws Exception {
        var server = serve(FEW);
        var threads = new ArrayList<Thread>();
        var failures = Collections.synchronizedList(new ArrayList<Throwable>());
        int writers = 4;
        for (int t = 0; t < writers; t++) {
            int mine = t;
            threads.add(new Thread(() -> {
                try {
                    writeAndRead(mine, writers);
                } catch (Throwable e) {
                    failures.add(e);
                }
            }));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(List.of(), failures);
        for (int block = 0; block < BLOCKS; block++) {
            assertArrayEquals(slow.bytes.bytes((long) block * BLOCK, BLOCK), disk.read((long) block * BLOCK, BLOCK).await().data());
        }
        server.stop();
        assertEquals(List.of(), server.problems);
    }

    /** Blocks of its own, in pieces that it shares with others. */
    private void writeAndRead(int mine, int writers) throws Exception {
        var random = new Random(mine);
        int[] last = new int[BLOCKS];
        for (int block = 0; block < BLOCKS; block++) {
            last[block] = block;
        }
        for (int i = 1; i < 2000; i++) {
            int block = random.nextInt(BLOCKS / writers) * writers + mine;
            if (random.nextInt(3) == 0) {
                last[block] = BLOCKS * i + mine;
                assertFalse(disk.submit(Operation.WRITE, (long) block * BLOCK, BLOCK, pattern(last[block]), false, mine % 2).await()
                        .failed());
            }
            byte[] data = disk.submit(Operation.READ, (long) block * BLOCK, BLOCK, new byte[BLOCK], false, mine % 2).await().data();
            if (!Arrays.equals(pattern(last[block]), data)) {
                throw new AssertionError("block " + block + " is stale in round " + i);
            }
        }
    }
}
