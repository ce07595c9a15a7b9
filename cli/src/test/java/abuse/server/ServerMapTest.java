// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.Mapper;
import abuse.backend.RetryException;
import abuse.cache.CachePlace;
import abuse.cache.CachedBackend;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.Extent;
import abuse.device.Flag;
import abuse.device.Loan;
import abuse.device.Mapping;
import abuse.device.Operation;
import abuse.device.OtherContentException;
import abuse.libc.Memory;
import abuse.libc.Unix;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Backends that map their disk. */
class ServerMapTest extends ServerTestBase {
    private static final List<Extent> ALL = List.of(new Extent(0, CAPACITY, "/dev/sda", 0, true, false, false, false));

    private volatile Mapper mapper;

    private class MappingBackend extends ModelBackend {
        @Override
        public void start(Mapper given) throws IOException {
            mapper = given;
            given.map(0, CAPACITY, "/dev/sda", 0, true);
        }

        @Override
        public String identity() {
            return "mapping";
        }
    }

    private List<Extent> extents() throws Exception {
        try (Device device = devices.open("/dev/abctl0")) {
            return device.extents();
        }
    }

    @Test
    void a_backend_maps_the_disk_until_the_server_is_stopped() throws Exception {
        disk.setUp(CAPACITY, Flag.MAPPABLE);
        var server = serve(geometry -> {
            assertTrue(geometry.mappable());
            return new MappingBackend();
        });
        assertEquals(ALL, extents());
        mapper.unmap(0, BLOCK);
        assertEquals(BLOCK, extents().get(0).offset());
        server.stop();
        assertEquals(List.of(), extents());
    }

    @Test
    void what_a_device_cannot_do_is_left_to_the_backend() throws Exception {
        for (boolean discards : new boolean[] {true, false}) {
            for (boolean zeroes : new boolean[] {true, false}) {
                disk.setUp(CAPACITY, Flag.MAPPABLE);
                disk.targetsCan(discards, zeroes);
                var server = serve(new ModelBackend() {
                    @Override
                    public void start(Mapper given) throws IOException {
                        given.mapAll(0, CAPACITY, "/dev/sda", 0);
                    }
                });
                assertEquals(List.of(new Extent(0, CAPACITY, "/dev/sda", 0, true, discards, zeroes, false)), extents());
                server.stop();
                assertEquals(List.of(), extents());
                disk.reset();
            }
        }
    }

    @Test
    void what_a_device_cannot_do_is_asked_once() throws Exception {
        disk.setUp(CAPACITY, Flag.MAPPABLE);
        disk.targetsCan(false, false);
        serve(new ModelBackend() {
            @Override
            public void start(Mapper given) throws IOException {
                for (long at = 0; at < CAPACITY; at += BLOCK) {
                    given.mapAll(at, BLOCK, "/dev/sda", at);
                }
            }
        }).stop();
        assertEquals(3, disk.targetRefusals());
    }

    @Test
    void memory_that_is_lent_needs_no_server_for_discards_and_zeroes() throws Exception {
        disk.setUp(CAPACITY, Flag.MAPPABLE);
        disk.carryOutMapped();
        serve(MEM).stop();
        for (var operation : List.of(Operation.DISCARD, Operation.WRITE_ZEROES)) {
            disk.write(0, pattern(1)).await();
            assertFalse(disk.submit(operation, 0, BLOCK, null, Set.of(), 0).await().failed());
            assertArrayEquals(new byte[BLOCK], disk.read(0, BLOCK).await().data());
        }
    }

    /** Maps each block to a file when it is first asked for. */
    private class MissBackend extends ModelBackend {
        final Path target;
        int asked;

        MissBackend(Path target) {
            this.target = target;
        }

        @Override
        public void start(Mapper given) {
            mapper = given;
        }

        @Override
        public synchronized void read(long offset, ByteBuffer into) throws IOException {
            mapOf(offset, into);
        }

        @Override
        public synchronized void write(long offset, ByteBuffer from) throws IOException {
            mapOf(offset, from);
        }

        private void mapOf(long offset, ByteBuffer buffer) throws IOException {
            asked++;
            mapper.map(offset, buffer.remaining(), target.toString(), offset + BLOCK, true);
            throw new RetryException();
        }
    }

    private final class LaterMissBackend extends MissBackend implements AsyncBackend {
        LaterMissBackend(Path target) {
            super(target);
        }

        @Override
        public void submit(AsyncRequest request) throws IOException {
            asked++;
            mapper.map(request.offset(), request.length(), target.toString(), request.offset() + BLOCK, true);
            if (asked % 2 == 0) {
                throw new RetryException();
            }
            request.retry();
        }

        @Override
        public void close() {
            // It has nothing to end
        }
    }

    @Test
    void a_backend_that_maps_at_a_miss_moves_no_byte() throws Exception {
        Path target = directory.resolve("target");
        for (Function<Path, MissBackend> kind : List.<Function<Path, MissBackend>>of(MissBackend::new, LaterMissBackend::new)) {
            disk.setUp(CAPACITY, Flag.MAPPABLE);
            disk.carryOutMapped();
            Files.write(target, new byte[(int) CAPACITY + BLOCK]);
            MissBackend backend = kind.apply(target);
            var server = serve(backend);
            assertFalse(disk.write(BLOCK, pattern(1)).await().failed());
            assertFalse(disk.write(BLOCK, pattern(2)).await().failed());
            assertArrayEquals(pattern(2), disk.read(BLOCK, BLOCK).await().data());
            assertArrayEquals(new byte[BLOCK], disk.read(3 * BLOCK, BLOCK).await().data());
            assertEquals(2, backend.asked);
            server.stop();
            assertEquals(List.of(), server.problems);
            assertArrayEquals(pattern(2), Arrays.copyOfRange(Files.readAllBytes(target), 2 * BLOCK, 3 * BLOCK));
            disk.reset();
        }
        assertEquals(4, disk.retries());
    }

    @Test
    void nothing_is_submitted_anew_where_nothing_can_be_mapped() throws Exception {
        disk.setUp(CAPACITY);
        var server = serve(new ModelBackend() {
            @Override
            public void read(long offset, ByteBuffer into) throws IOException {
                throw new RetryException();
            }
        });
        assertTrue(disk.read(0, BLOCK).await().failed());
        server.stop();
        assertEquals(List.of("the kernel cannot reach the data of a request"), server.problems);
    }

    @Test
    void what_is_mapped_stays_while_another_server_is_there() throws Exception {
        disk.setUp(CAPACITY, Flag.MAPPABLE);
        var first = serve(new MappingBackend());
        var second = serve(new MappingBackend());
        first.stop();
        assertEquals(ALL, extents());
        second.stop();
        assertEquals(List.of(), extents());
    }

    /** It may write only then what it has kept. */
    @ParameterizedTest
    @CsvSource({"false, false", "true, false", "true, true"})
    void other_content_is_refused_until_the_backend_is_closed(boolean mappable, boolean cached) throws Exception {
        disk.setUp(CAPACITY, mappable ? new Flag[] {Flag.MAPPABLE} : new Flag[0]);
        var gate = new Gate();
        var slow = new ModelBackend() {
            @Override
            public void close() throws IOException {
                gate.pass();
            }
        };
        var server = serve(geometry -> cached ? new CachedBackend(slow, new CachePlace(null, CAPACITY, 4 * BLOCK), geometry) : slow);
        assertFalse(disk.read(0, BLOCK).await().failed());
        server.server.stop();
        gate.awaitReached();
        assertEquals(0, countServers());
        assertInstanceOf(OtherContentException.class, start(geometry -> new ModelBackend()).end());
        gate.open();
        assertNull(server.end());
        assertNull(serve(new ModelBackend()).stop());
    }

    @Test
    void the_server_of_a_disk_that_was_reset_changes_nothing_of_the_next_one() throws Exception {
        disk.setUp(CAPACITY, Flag.MAPPABLE);
        var closing = new CountDownLatch(1);
        var next = new CountDownLatch(1);
        var refusals = new ArrayList<DeviceException.Reason>();
        var server = serve(new MappingBackend() {
            @Override
            public void close() throws IOException {
                closing.countDown();
                try {
                    assertTrue(next.await(60, TimeUnit.SECONDS));
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
                refused(() -> mapper.map(0, CAPACITY, "/dev/sdb", 0, true));
                refused(() -> mapper.lend(0, CAPACITY));
                refused(() -> mapper.unmap(0, CAPACITY));
            }

            private void refused(Executable call) {
                refusals.add(assertThrows(DeviceException.class, call).reason());
            }
        });
        disk.reset();
        assertTrue(closing.await(60, TimeUnit.SECONDS));
        disk.setUp(CAPACITY, Flag.MAPPABLE);
        try (Device device = devices.open("/dev/abctl0")) {
            device.map(new Mapping(0, CAPACITY, "/dev/sda", 0, true, false));
        }
        next.countDown();
        server.end();
        assertEquals(Collections.nCopies(3, DeviceException.Reason.NOT_SET_UP), refusals);
        assertEquals(ALL, extents());
    }

    @Test
    void nothing_is_mapped_where_that_is_not_wanted() throws Exception {
        disk.setUp(CAPACITY);
        serve(geometry -> {
            assertFalse(geometry.mappable());
            return new MappingBackend();
        }).stop();
        disk.reset();
        disk.setUp(CAPACITY, Flag.MAPPABLE);
        var running = new RunningServer(devices, "model", geometry -> {
            assertFalse(geometry.mappable());
            return new MappingBackend();
        });
        running.server.withoutMap();
        start(running).awaitReady();
        assertEquals(List.of(), extents());
    }

    @Test
    void memory_that_is_lent_outlives_its_server_and_is_taken_over() throws Exception {
        disk.setUp(CAPACITY, Flag.MAPPABLE);
        var first = serve(MEM);
        List<Extent> lent = extents();
        assertEquals(1, lent.size());
        assertTrue(lent.get(0).memory() && lent.get(0).writable() && lent.get(0).length() == CAPACITY);
        disk.write(BLOCK, pattern(1)).await();
        first.stop();
        assertEquals(lent, extents());
        var second = serve(MEM);
        assertEquals(lent, extents());
        assertArrayEquals(pattern(1), disk.read(BLOCK, BLOCK).await().data());
        // The kernel and the server mean the same bytes
        try (Device device = devices.open("/dev/abctl0")) {
            int fd = device.lent(0);
            try (Memory memory = Memory.share(fd, 0, CAPACITY)) {
                var bytes = new byte[BLOCK];
                memory.buffer().get(BLOCK, bytes);
                assertArrayEquals(pattern(1), bytes);
                disk.submit(Operation.WRITE_ZEROES, BLOCK, BLOCK, null, Set.of(), 0).await();
                memory.buffer().get(BLOCK, bytes);
                assertArrayEquals(new byte[BLOCK], bytes);
            } finally {
                Unix.close(fd);
            }
            device.unmap(2 * BLOCK, BLOCK);
        }
        second.stop();
        assertEquals(2, extents().size());
        serve(MEM).stop();
        assertEquals(lent, extents());
    }

    @Test
    void memory_that_another_server_lent_is_neither_hidden_behind_nor_given_up() throws Exception {
        disk.setUp(CAPACITY, Flag.MAPPABLE);
        serve(MEM).stop();
        List<Extent> lent = extents();
        for (Server.BackendOpener opener : List.<Server.BackendOpener>of(geometry -> new ModelBackend(), MEM)) {
            var running = new RunningServer(devices, "model", opener);
            running.server.withoutMap();
            Throwable end = start(running).end();
            assertEquals("/dev/abctl0: is mapped to memory of an earlier server; serve 'mem' to go on with it, or give it up first"
                    + " with 'abusectl unmap /dev/abctl0'", end.getMessage());
            assertEquals(lent, extents());
        }
        assertTrue(start(geometry -> new ModelBackend()).end().getMessage().contains("memory of an earlier server"));
        try (Device device = devices.open("/dev/abctl0")) {
            device.unmap(0, CAPACITY);
        }
        serve(new ModelBackend()).stop();
    }

    @Test
    void memory_that_another_server_lent_is_not_replaced_by_what_a_backend_maps() throws Exception {
        disk.setUp(CAPACITY, Flag.MAPPABLE);
        serve(MEM).stop();
        List<Extent> lent = extents();
        Throwable end = start(geometry -> new MappingBackend()).end();
        assertTrue(end.getMessage().contains("memory of an earlier server"), end::getMessage);
        end = start(geometry -> new ModelBackend() {
            @Override
            public void start(Mapper given) throws IOException {
                given.mapAll(BLOCK, CAPACITY - BLOCK, "/dev/sda", 0);
            }
        }).end();
        assertTrue(end.getMessage().contains("memory of an earlier server"), end::getMessage);
        assertEquals(lent, extents());
    }

    private void mapByHand(long offset, String target) throws Exception {
        try (Device device = devices.open("/dev/abctl0")) {
            device.map(new Mapping(offset, BLOCK, target, 0, true, true));
        }
    }

    @Test
    void what_is_mapped_by_hand_outlives_servers() throws Exception {
        disk.setUp(CAPACITY, Flag.MAPPABLE);
        for (Server.BackendOpener opener : List.<Server.BackendOpener>of(geometry -> new MappingBackend(), MEM)) {
            var server = serve(opener);
            mapByHand(2 * BLOCK, "/dev/sdb");
            server.stop();
            List<Extent> left = extents();
            assertTrue(left.contains(new Extent(2 * BLOCK, BLOCK, "/dev/sdb", 0, true, false, false, false)), left::toString);
            assertEquals("/dev/abctl0: is mapped to /dev/sdb at " + 2 * BLOCK + ", which this server would hide; unmap that first with"
                    + " 'abusectl unmap /dev/abctl0 " + 2 * BLOCK + " " + BLOCK + "'", start(opener).end().getMessage());
            assertEquals(left, extents());
            try (Device device = devices.open("/dev/abctl0")) {
                device.unmap(2 * BLOCK, BLOCK);
            }
            serve(opener).stop();
        }
    }

    @Test
    void what_was_mapped_to_the_same_device_is_replaced() throws Exception {
        disk.setUp(CAPACITY, Flag.MAPPABLE);
        mapByHand(BLOCK, "/dev/sda");
        serve(new MappingBackend());
        assertEquals(ALL, extents());
    }

    @Test
    void memory_that_is_lent_cannot_be_cut() throws Exception {
        disk.setUp(CAPACITY, Flag.MAPPABLE);
        serve(MEM).stop();
        try (Device device = devices.open("/dev/abctl0")) {
            int fd = device.lent(0);
            try (var file = FileChannel.open(Path.of("/proc/self/fd/" + fd), StandardOpenOption.WRITE)) {
                assertThrows(IOException.class, () -> file.truncate(0));
                assertEquals(CAPACITY, file.size());
            } finally {
                Unix.close(fd);
            }
        }
    }

    @Test
    void memory_that_is_cut_or_can_be_is_not_taken_over() throws Exception {
        disk.setUp(CAPACITY, Flag.MAPPABLE);
        // Only memfds have seals
        Path path = Files.createTempFile(Path.of("/dev/shm"), "abuse", ".test");
        try {
            refuseToTakeOver(Unix.open(path.toString(), Unix.O_RDWR | Unix.O_CLOEXEC), CAPACITY);
        } finally {
            Files.delete(path);
        }
        refuseToTakeOver(Unix.memfd("test"), CAPACITY - BLOCK);
    }

    private void refuseToTakeOver(int fd, long size) throws Exception {
        try (Device device = devices.open("/dev/abctl0")) {
            assertEquals(0, Unix.fallocate(fd, 0, 0, size));
            device.lend(new Loan(0, CAPACITY, fd, 0));
            assertEquals("/dev/abctl0: is mapped to memory that is cut, or may be; give it up first with 'abusectl unmap /dev/abctl0'",
                    start(MEM).end().getMessage());
            device.unmap(0, CAPACITY);
        } finally {
            Unix.close(fd);
        }
    }

    @Test
    void a_server_that_may_not_lend_so_much_ends() throws Exception {
        disk.setUp(CAPACITY, Flag.MAPPABLE);
        disk.allowNoMemory();
        var refusal = assertInstanceOf(DeviceException.class, start(MEM).end());
        assertEquals(DeviceException.Reason.NO_MEMORY, refusal.reason());
        assertEquals(List.of(), extents());
    }

    @Test
    void a_server_that_may_not_serve_maps_nothing() throws Exception {
        disk.setUp(CAPACITY, Flag.MAPPABLE);
        serve(new ModelBackend());
        assertInstanceOf(OtherContentException.class, start(geometry -> new MappingBackend()).end());
        assertEquals(List.of(), extents());
    }
}
