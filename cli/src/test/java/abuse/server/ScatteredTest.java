// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Flag;
import abuse.device.SimulatedDisk.Submitted;
import abuse.libc.Memory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** A backend whose bytes have an address only here and there. */
class ScatteredTest extends ServerTestBase {
    /** Every second block has no address; the last one fails. */
    private static final class ScatteredStore extends MemoryStore {
        private final AtomicInteger reads = new AtomicInteger();
        private final AtomicInteger writes = new AtomicInteger();

        ScatteredStore() {
            super(CAPACITY);
        }

        private long address(long offset, long length) {
            return length > BLOCK || offset / BLOCK % 2 == 1 ? SCATTERED : memory.address() + offset;
        }

        @Override
        public long readAddress(long offset, long length) {
            return address(offset, length);
        }

        @Override
        public long writeAddress(long offset, long length) {
            return address(offset, length);
        }

        private void check(long offset) throws IOException {
            if (offset == CAPACITY - BLOCK) {
                throw new IOException("store: bad sector");
            }
        }

        @Override
        public void read(long offset, ByteBuffer into) throws IOException {
            check(offset);
            reads.incrementAndGet();
            Memory.copy(memory.address() + offset, Memory.addressOf(into), into.remaining());
            into.position(into.limit());
        }

        @Override
        public void write(long offset, ByteBuffer from) throws IOException {
            check(offset);
            writes.incrementAndGet();
            Memory.copy(Memory.addressOf(from), memory.address() + offset, from.remaining());
            from.position(from.limit());
        }
    }

    @Test
    void what_has_no_address_goes_through_the_backends_own_methods() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var store = new ScatteredStore();
        serve(store);
        var all = new ArrayList<Submitted>();
        for (int i = 0; i < 100; i++) {
            long offset = (long) i * BLOCK;
            all.add(i % 3 == 0 ? disk.writeFua(offset, pattern(i)) : disk.write(offset, pattern(i)));
        }
        for (Submitted one : all) {
            assertFalse(one.await().failed());
        }
        assertEquals(50, store.writes.get());
        for (int i = 0; i < 100; i++) {
            assertArrayEquals(pattern(i), disk.read((long) i * BLOCK, BLOCK).await().data());
        }
        assertEquals(50, store.reads.get());
        byte[] two = disk.read(0, 2 * BLOCK).await().data();
        assertArrayEquals(pattern(1), Arrays.copyOfRange(two, BLOCK, 2 * BLOCK));
    }

    @Test
    void a_failure_of_these_fails_that_request() throws Exception {
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
        var running = serve(new ScatteredStore());
        assertTrue(disk.read(CAPACITY - BLOCK, BLOCK).await().failed());
        assertTrue(disk.write(CAPACITY - BLOCK, pattern(1)).await().failed());
        assertTrue(disk.writeFua(CAPACITY - BLOCK, pattern(1)).await().failed());
        assertFalse(disk.read(CAPACITY - 3 * BLOCK, BLOCK).await().failed());
        assertEquals(List.of("store: bad sector"), running.problems.stream().distinct().toList());
    }
}
