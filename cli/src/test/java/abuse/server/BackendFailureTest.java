// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.AddressedBackend;
import abuse.backend.BackendException;
import abuse.backend.Backends;
import abuse.backend.Failure;
import abuse.backend.Geometry;
import abuse.device.Flag;
import abuse.device.Operation;
import abuse.device.Result;
import abuse.filter.FilteredBackend;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Backends and storage that fail a request. */
class BackendFailureTest extends ServerTestBase {
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

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_backend_may_say_how_a_request_fails(boolean filtered) throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var model = new ModelBackend() {
            @Override
            public synchronized void write(long offset, ByteBuffer from) throws IOException {
                throw new BackendException(Failure.NO_SPACE, "store: full");
            }

            @Override
            public synchronized void flush() throws IOException {
                throw new BackendException(Failure.REMOTE, null);
            }
        };
        var running = serve(geometry -> filtered ? new FilteredBackend(model, List.of(), geometry, OutputStream.nullOutputStream())
                : model);
        var write = disk.write(0, pattern(1));
        assertTrue(write.await().failed());
        assertEquals(Result.NO_SPACE, write.result());
        var flush = disk.flush();
        assertTrue(flush.await().failed());
        assertEquals(Result.REMOTE_FAILURE, flush.result());
        assertEquals(List.of("store: full"), running.problems);
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
    void an_unknown_request_fails() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        serve(new ModelBackend());
        assertTrue(disk.submit(Operation.UNKNOWN, 0, BLOCK, null, false, 0).await().failed());
        assertFalse(disk.flush().await().failed());
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
    void what_storage_behind_addresses_leaves_out_is_an_error() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var running = serve(new MemoryStore(CAPACITY) {
            @Override
            public long readAddress(long offset, long length) {
                return SCATTERED;
            }

            @Override
            public long writeAddress(long offset, long length) {
                return SCATTERED;
            }

            @Override
            public void read(long offset, ByteBuffer into) {
                into.position(into.position() + 512);
            }

            @Override
            public void write(long offset, ByteBuffer from) {}
        });
        assertTrue(disk.read(0, BLOCK).await().failed());
        assertTrue(disk.write(0, pattern(1)).await().failed());
        assertEquals(List.of("the backend left out 3584 bytes of a request", "the backend left out 4096 bytes of a request"),
                running.problems);
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
        assertEquals(List.of("the backend left out 3584 bytes of a request", "the backend left out 4096 bytes of a request"),
                running.problems);
    }
}
