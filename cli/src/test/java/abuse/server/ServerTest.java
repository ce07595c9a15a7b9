// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.AddressedBackend;
import abuse.backend.Backend;
import abuse.backend.BackendFactory.Option;
import abuse.backend.Backends;
import abuse.backend.Geometry;
import abuse.device.DeviceException;
import abuse.device.Flag;
import abuse.device.Operation;
import abuse.device.SimulatedDevices;
import abuse.device.SimulatedDisk;
import abuse.device.SimulatedDisk.Submitted;
import abuse.device.Status;
import abuse.libc.Memory;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The engine against a simulated device. */
@Timeout(600)
class ServerTest {
    private static final int BLOCK = 4096;
    private static final int BLOCKS = 256;
    private static final long CAPACITY = (long) BLOCK * BLOCKS;

    @TempDir
    private Path directory;

    private final SimulatedDevices devices = new SimulatedDevices();
    private final SimulatedDisk disk = devices.add(0);
    private final List<Running> servers = new ArrayList<>();

    /** A server in a thread of its own. */
    private final class Running implements Server.Listener {
        final List<String> problems = Collections.synchronizedList(new ArrayList<>());
        final CountDownLatch ready = new CountDownLatch(1);
        final CountDownLatch waiting = new CountDownLatch(1);
        final Server server;
        final Thread thread;
        volatile Exception failure;

        Running(Server.BackendOpener opener) {
            server = new Server(devices, "/dev/abctl0", "model", opener, this);
            thread = new Thread(() -> {
                try {
                    server.run();
                } catch (IOException | RuntimeException e) {
                    failure = e;
                }
            });
            servers.add(this);
            thread.start();
        }

        Running awaitReady() throws InterruptedException {
            assertTrue(ready.await(100, TimeUnit.SECONDS), "not ready: " + failure);
            return this;
        }

        Exception awaitEnd() throws InterruptedException {
            thread.join(100_000);
            assertFalse(thread.isAlive(), "still running");
            return failure;
        }

        Exception stop() throws InterruptedException {
            server.stop();
            return awaitEnd();
        }

        @Override
        public void waiting() {
            waiting.countDown();
        }

        @Override
        public void ready(Status status) {
            ready.countDown();
        }

        @Override
        public void problem(String message) {
            problems.add(message);
        }
    }

    @AfterEach
    void stopServers() throws InterruptedException {
        for (Running running : servers) {
            running.stop();
        }
        assertEquals(0, disk.openNodes(), "open control nodes are left");
    }

    private Running serve(Backend backend) throws InterruptedException {
        return new Running(geometry -> backend).awaitReady();
    }

    private static byte[] pattern(int seed) {
        byte[] bytes = new byte[BLOCK];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    /** Keeps blocks in a map; knows what of it a power cut would leave. */
    private static class ModelBackend implements Backend {
        final Map<Long, byte[]> blocks = new TreeMap<>();
        final Map<Long, byte[]> durable = new TreeMap<>();
        int flushes;

        @Override
        public int threads() {
            return 1;
        }

        @Override
        public String identity() {
            return "model " + System.identityHashCode(this);
        }

        @Override
        public synchronized void read(long offset, ByteBuffer into) throws IOException {
            while (into.hasRemaining()) {
                into.put(blocks.getOrDefault(offset, new byte[BLOCK]));
                offset += BLOCK;
            }
        }

        @Override
        public synchronized void write(long offset, ByteBuffer from) throws IOException {
            while (from.hasRemaining()) {
                byte[] bytes = new byte[BLOCK];
                from.get(bytes);
                blocks.put(offset, bytes);
                offset += BLOCK;
            }
        }

        @Override
        public synchronized void flush() throws IOException {
            flushes++;
            durable.putAll(blocks);
        }
    }


    @ParameterizedTest
    @ValueSource(strings = {"mem", "file:"})
    void every_backend_keeps_every_byte(String name) throws Exception {
        disk.setUp(CAPACITY, 2, Flag.WRITE_CACHE, Flag.DISCARD, Flag.WRITE_ZEROES);
        String backend = name.equals("file:") ? name + directory.resolve("image") : name;
        var running = new Running(geometry -> new Backends().open(backend, Set.of(Option.CREATE), geometry)).awaitReady();
        byte[] model = new byte[(int) CAPACITY];
        var random = new Random(7);
        for (int round = 0; round < 60; round++) {
            var reads = new ArrayList<Submitted>();
            var others = new ArrayList<Submitted>();
            byte[] before = model.clone();
            // Ranges of one round do not overlap, as their order would be anybody's guess
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
        new Running(geometry -> new Backends().open("null", Set.of(), geometry)).awaitReady();
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
        new Running(geometry -> new Backends().open("mem", Set.of(), geometry)).awaitReady();
        for (Submitted request : requests) {
            request.await();
        }
        assertEquals(100, disk.batchSizes().get(0));
    }

    @Test
    void a_flush_is_answered_after_the_backends() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var model = new ModelBackend();
        serve(model);
        disk.write(0, pattern(1)).await();
        assertEquals(0, model.durable.size());
        disk.flush().await();
        assertArrayEquals(pattern(1), model.durable.get(0L));
        assertEquals(1, model.flushes);
    }

    @Test
    void a_forced_write_is_durable_when_it_is_answered() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var model = new ModelBackend();
        serve(model);
        for (int i = 0; i < 50; i++) {
            long offset = (long) i * BLOCK;
            disk.writeFua(offset, pattern(i)).await();
            synchronized (model) {
                assertArrayEquals(pattern(i), model.durable.get(offset));
            }
        }
        disk.write(0, pattern(99)).await();
        assertEquals(50, model.flushes);
    }

    @Test
    void a_flush_that_fails_fails_the_request() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var running = serve(new ModelBackend() {
            @Override
            public void flush() throws IOException {
                throw new IOException("image: Input/output error");
            }
        });
        assertTrue(disk.flush().await().failed());
        assertTrue(disk.writeFua(0, pattern(1)).await().failed());
        assertFalse(disk.write(0, pattern(1)).await().failed());
        assertEquals(List.of("image: Input/output error"), running.problems);
    }

    @ParameterizedTest
    @ValueSource(classes = {IOException.class, IllegalStateException.class, OutOfMemoryError.class,
            StackOverflowError.class, AssertionError.class})
    void whatever_a_backend_throws_fails_that_request_only(Class<? extends Throwable> kind) throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE, Flag.DISCARD);
        var running = serve(new ModelBackend() {
            @Override
            public synchronized void read(long offset, ByteBuffer into) throws IOException {
                if (offset == 0) {
                    throwAny(kind);
                }
                super.read(offset, into);
            }

            @Override
            public void discard(long offset, long length) {
                throwAny(kind);
            }
        });
        disk.write(BLOCK, pattern(3)).await();
        for (int i = 0; i < 5; i++) {
            assertTrue(disk.read(0, BLOCK).await().failed());
            var good = disk.read(BLOCK, BLOCK).await();
            assertFalse(good.failed());
            assertArrayEquals(pattern(3), good.data());
        }
        assertTrue(disk.submit(Operation.DISCARD, 0, BLOCK, null, false, 0).await().failed());
        assertEquals(1, running.problems.size(), running.problems.toString());
        assertNull(running.stop());
        assertEquals(2, running.problems.size(), running.problems.toString());
        assertTrue(running.problems.get(1).endsWith(" (5 more times)"), running.problems.toString());
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void throwAny(Class<? extends Throwable> kind) throws T {
        try {
            throw (T) kind.getDeclaredConstructor().newInstance();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void a_million_different_messages_are_not_a_million_lines() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var running = serve(new ModelBackend() {
            private int number;

            @Override
            public synchronized void read(long offset, ByteBuffer into) throws IOException {
                throw new IOException("failure " + number++);
            }
        });
        for (int i = 0; i < 500; i++) {
            assertTrue(disk.read(0, BLOCK).await().failed());
        }
        running.stop();
        assertTrue(running.problems.size() < 50, running.problems.size() + " lines");
        assertEquals("468 other problems", running.problems.get(running.problems.size() - 1));
    }

    @Test
    void stop_answers_what_was_taken_and_nothing_else() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var entered = new CountDownLatch(1);
        var leave = new CountDownLatch(1);
        var running = serve(new ModelBackend() {
            @Override
            public void read(long offset, ByteBuffer into) throws IOException {
                entered.countDown();
                try {
                    leave.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
                super.read(offset, into);
            }
        });
        var taken = disk.read(0, BLOCK);
        assertTrue(entered.await(100, TimeUnit.SECONDS));
        var late = disk.read(BLOCK, BLOCK);
        running.server.stop();
        assertFalse(taken.isAnswered());
        leave.countDown();
        assertNull(running.awaitEnd());
        assertFalse(taken.await().failed());
        assertFalse(late.isAnswered());
        assertEquals(1, disk.pending());
        assertEquals(0, disk.owned());
        // The next server gets it
        serve(new ModelBackend());
        assertFalse(late.await().failed());
    }

    @Test
    void stop_ends_a_server_that_waits_for_requests() throws Exception {
        disk.setUp(CAPACITY, 2, Flag.WRITE_CACHE);
        var running = serve(new ModelBackend());
        assertNull(running.stop());
    }

    @Test
    void stop_ends_a_server_that_waits_for_a_setup() throws Exception {
        var running = new Running(geometry -> new ModelBackend());
        assertTrue(running.waiting.await(100, TimeUnit.SECONDS));
        assertNull(running.stop());
        assertEquals(1, running.ready.getCount());
    }

    @Test
    void a_setup_is_waited_for() throws Exception {
        var running = new Running(geometry -> new Backends().open("mem", Set.of(), geometry));
        assertTrue(running.waiting.await(100, TimeUnit.SECONDS));
        assertEquals(1, running.ready.getCount());
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        running.awaitReady();
        assertFalse(disk.write(0, pattern(1)).await().failed());
    }

    @Test
    void a_reset_ends_the_server() throws Exception {
        disk.setUp(CAPACITY, 2, Flag.WRITE_CACHE);
        var running = serve(new ModelBackend());
        disk.reset();
        var failure = assertInstanceOf(DeviceException.class, running.awaitEnd());
        assertEquals(DeviceException.Cause.NOT_SET_UP, failure.reason());
    }

    @Test
    void late_answers_are_nobodys_trouble() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var entered = new CountDownLatch(1);
        var leave = new CountDownLatch(1);
        var running = serve(new ModelBackend() {
            @Override
            public void read(long offset, ByteBuffer into) throws IOException {
                entered.countDown();
                try {
                    leave.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
                super.read(offset, into);
            }
        });
        var request = disk.read(0, BLOCK);
        assertTrue(entered.await(100, TimeUnit.SECONDS));
        disk.fence();
        leave.countDown();
        assertFalse(request.await().failed());
        assertNull(running.stop());
        assertEquals(List.of(), running.problems);
    }

    @Test
    void data_out_of_the_kernels_reach_fails_the_request_once() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var mem = (AddressedBackend) new Backends().open("mem", Set.of(), new Geometry(0, CAPACITY, 4096, 1 << 20, false));
        var running = serve(mem);
        disk.write(0, pattern(1)).await();
        disk.makeUnreachable(mem.readAddress(BLOCK, BLOCK));
        assertTrue(disk.read(BLOCK, BLOCK).await().failed());
        assertTrue(disk.write(BLOCK, pattern(2)).await().failed());
        assertArrayEquals(pattern(1), disk.read(0, BLOCK).await().data());
        assertEquals(List.of("the kernel cannot reach the data of a request"), running.problems);
        assertNull(running.stop());
    }

    @Test
    void signals_lose_no_answer() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var running = new Running(geometry -> new Backends().open("mem", Set.of(), geometry)).awaitReady();
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
        var running = new Running(geometry -> new Backends().open("mem", Set.of(), geometry)).awaitReady();
        disk.setUp(2 * CAPACITY, Flag.WRITE_CACHE, Flag.DISCARD);
        assertFalse(disk.write(CAPACITY - BLOCK, pattern(1)).await().failed());
        assertTrue(disk.write(CAPACITY, pattern(1)).await().failed());
        assertTrue(disk.read(CAPACITY - BLOCK, 2 * BLOCK).await().failed());
        assertTrue(disk.submit(Operation.DISCARD, CAPACITY, BLOCK, null, false, 0).await().failed());
        assertEquals(1, running.problems.size(), running.problems.toString());
    }

    @Test
    void an_unknown_request_fails() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        serve(new ModelBackend());
        assertTrue(disk.submit(Operation.UNKNOWN, 0, BLOCK, null, false, 0).await().failed());
        assertFalse(disk.flush().await().failed());
    }

    @Test
    void a_backend_of_another_size_is_refused() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        for (long size : new long[] {CAPACITY - 512, CAPACITY + 512}) {
            var running = new Running(geometry -> new ModelBackend() {
                @Override
                public long size() {
                    return size;
                }
            });
            var failure = assertInstanceOf(SizeMismatchException.class, running.awaitEnd());
            assertEquals(size, failure.size());
            assertEquals(CAPACITY, failure.capacity());
        }
    }

    @Test
    void a_backend_learns_what_the_disk_is() throws Exception {
        var seen = new ArrayList<Geometry>();
        for (Flag[] flags : new Flag[][] {{Flag.WRITE_CACHE}, {Flag.READ_ONLY}}) {
            disk.setUp(CAPACITY, flags);
            new Running(geometry -> {
                seen.add(geometry);
                return new ModelBackend();
            }).awaitReady().stop();
        }
        assertEquals(List.of(new Geometry(0, CAPACITY, 4096, 1 << 20, false), new Geometry(0, CAPACITY, 4096, 1 << 20, true)), seen);
    }

    @Test
    void two_servers_share_a_device() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var model = new ModelBackend();
        var first = serve(model);
        var second = serve(model);
        for (int i = 0; i < 100; i++) {
            disk.write((long) i * BLOCK, pattern(i)).await();
            if (i == 50) {
                assertNull(first.stop());
            }
        }
        for (int i = 0; i < 100; i++) {
            assertArrayEquals(pattern(i), disk.read((long) i * BLOCK, BLOCK).await().data());
        }
        assertNull(second.stop());
    }

    private Running serveImage() throws InterruptedException {
        return new Running(geometry -> new Backends().open("file:" + directory.resolve("image"), Set.of(Option.CREATE),
                geometry)).awaitReady();
    }

    /** Storage behind addresses, that tells what a power cut would leave. */
    private static class ModelStore extends ModelBackend implements AddressedBackend {
        private final Memory memory = Memory.map(CAPACITY);
        private byte[] durable = new byte[(int) CAPACITY];
        private boolean broken;

        @Override
        public boolean isStored() {
            return true;
        }

        @Override
        public long readAddress(long offset, long length) {
            return memory.address() + offset;
        }

        @Override
        public long writeAddress(long offset, long length) {
            return memory.address() + offset;
        }

        @Override
        public synchronized void read(long offset, ByteBuffer into) throws IOException {
            throw new IOException("store: bad sector");
        }

        @Override
        public synchronized void write(long offset, ByteBuffer from) throws IOException {
            throw new IOException("store: full");
        }

        @Override
        public synchronized void flush() throws IOException {
            flushes++;
            if (broken) {
                throw new IOException("store: broken");
            }
            memory.buffer().get(0, durable);
        }

        synchronized byte[] durable(long offset) {
            return Arrays.copyOfRange(durable, (int) offset, (int) offset + BLOCK);
        }

        @Override
        public void close() {
            memory.close();
        }
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
    void stop_waits_for_what_waits_for_storage() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var running = serveImage();
        disk.holdFaults(true);
        var read = disk.read(0, BLOCK);
        while (disk.mostFaulting() == 0) {
            Thread.sleep(5);
        }
        running.server.stop();
        Thread.sleep(50);
        assertTrue(running.thread.isAlive());
        disk.holdFaults(false);
        assertNull(running.awaitEnd());
        assertFalse(read.await().failed());
        assertEquals(0, disk.owned());
    }

    @Test
    void a_reset_ends_a_server_that_waits_for_storage() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var running = serveImage();
        disk.holdFaults(true);
        var read = disk.read(0, BLOCK);
        while (disk.mostFaulting() == 0) {
            Thread.sleep(5);
        }
        disk.reset();
        disk.holdFaults(false);
        assertTrue(read.await().failed());
        assertInstanceOf(DeviceException.class, running.awaitEnd());
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void what_must_be_durable_is_so_when_it_is_answered(boolean cache) throws Exception {
        disk.setUp(CAPACITY, cache ? new Flag[] {Flag.WRITE_CACHE} : new Flag[0]);
        var store = new ModelStore();
        serve(store);
        for (int i = 0; i < 50; i++) {
            long offset = (long) i * BLOCK;
            (cache ? disk.writeFua(offset, pattern(i)) : disk.write(offset, pattern(i))).await();
            assertArrayEquals(pattern(i), store.durable(offset));
        }
        int before = store.flushes;
        disk.write(0, pattern(99)).await();
        assertEquals(cache ? 0 : 1, store.flushes - before);
        disk.flush().await();
        assertArrayEquals(pattern(99), store.durable(0));
        disk.read(0, BLOCK).await();
        assertEquals(cache ? 1 : 2, store.flushes - before);
    }

    @Test
    void many_writes_are_made_durable_together() throws Exception {
        disk.setUp(CAPACITY);
        var writes = new ArrayList<Submitted>();
        for (int i = 0; i < 100; i++) {
            writes.add(disk.write((long) i * BLOCK, pattern(i)));
        }
        var store = new ModelStore();
        serve(store);
        for (int i = 0; i < 100; i++) {
            assertFalse(writes.get(i).await().failed());
            assertArrayEquals(pattern(i), store.durable((long) i * BLOCK));
        }
        assertTrue(store.flushes <= 10, store.flushes + " flushes");
    }

    @Test
    void what_could_not_be_made_durable_fails_and_the_rest_does_not() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var store = new ModelStore();
        store.broken = true;
        var running = serve(store);
        assertFalse(disk.write(0, pattern(1)).await().failed());
        assertTrue(disk.writeFua(0, pattern(1)).await().failed());
        assertTrue(disk.flush().await().failed());
        assertArrayEquals(pattern(1), disk.read(0, BLOCK).await().data());
        assertEquals(List.of("store: broken"), running.problems);
    }

    @Test
    void storage_that_cannot_be_reached_tells_why() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var store = new ModelStore();
        var running = serve(store);
        disk.makeUnreachable(store.readAddress(BLOCK, BLOCK));
        assertTrue(disk.read(BLOCK, BLOCK).await().failed());
        assertTrue(disk.write(BLOCK, pattern(1)).await().failed());
        assertTrue(disk.writeFua(BLOCK, pattern(1)).await().failed());
        assertFalse(disk.writeFua(0, pattern(1)).await().failed());
        assertEquals(List.of("store: bad sector", "store: full"), running.problems);
        assertEquals(0, disk.owned());
    }

    @Test
    void a_write_that_is_not_ours_any_more_changes_nothing() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var first = serveImage();
        disk.write(0, pattern(1)).await();
        disk.evictAll();
        disk.holdFaults(true);
        var write = disk.write(0, pattern(2));
        while (disk.mostFaulting() < 2 && disk.owned() == 0) {
            Thread.sleep(5);
        }
        disk.fence();
        disk.holdFaults(false);
        assertFalse(write.await().failed());
        assertArrayEquals(pattern(2), disk.read(0, BLOCK).await().data());
        assertNull(first.stop());
        assertEquals(List.of(), first.problems);
    }

    @Test
    void a_discard_that_is_not_ours_any_more_is_not_made() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE, Flag.DISCARD);
        var entered = new CountDownLatch(1);
        var leave = new CountDownLatch(1);
        var discards = new AtomicInteger();
        var running = serve(new ModelStore() {
            @Override
            public void flush() throws IOException {
                entered.countDown();
                try {
                    leave.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            }

            @Override
            public void discard(long offset, long length) {
                discards.incrementAndGet();
            }
        });
        var flush = disk.flush();
        assertTrue(entered.await(100, TimeUnit.SECONDS));
        var discard = disk.submit(Operation.DISCARD, 0, BLOCK, null, false, 0);
        while (disk.owned() < 2) {
            Thread.sleep(5);
        }
        disk.fence();
        leave.countDown();
        assertFalse(flush.await().failed());
        assertFalse(discard.await().failed());
        assertNull(running.stop());
        assertEquals(1, discards.get());
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
    void what_a_backend_leaves_out_is_an_error() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var running = serve(new ModelBackend() {
            @Override
            public void read(long offset, ByteBuffer into) {
                into.position(into.position() + 512);
            }

            @Override
            public void write(long offset, ByteBuffer from) {}
        });
        assertTrue(disk.read(0, BLOCK).await().failed());
        assertTrue(disk.write(0, pattern(1)).await().failed());
        assertEquals(List.of("the backend left 3584 bytes of a request out", "the backend left 4096 bytes of a request out"),
                running.problems);
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
                    assertTrue(together.await(100, TimeUnit.SECONDS));
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

    @Test
    void a_backend_that_blocks_keeps_nobody_else_waiting_and_another_may_take_over() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var blocked = new CountDownLatch(1);
        var leave = new CountDownLatch(1);
        var running = serve(new ModelBackend() {
            @Override
            public int threads() {
                return 2;
            }

            @Override
            public void read(long offset, ByteBuffer into) throws IOException {
                if (offset == 0 && blocked.getCount() > 0) {
                    blocked.countDown();
                    try {
                        leave.await();
                    } catch (InterruptedException e) {
                        throw new IOException(e);
                    }
                }
                super.read(offset, into);
            }
        });
        var first = disk.read(0, BLOCK);
        assertTrue(blocked.await(100, TimeUnit.SECONDS));
        for (int i = 1; i < 100; i++) {
            assertFalse(disk.read((long) i * BLOCK, BLOCK).await().failed());
        }
        assertFalse(first.isAnswered());
        disk.fence();
        assertFalse(first.await().failed());
        leave.countDown();
        assertFalse(disk.write(0, pattern(1)).await().failed());
        assertNull(running.stop());
        assertEquals(List.of(), running.problems);
    }
}
