// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import abuse.backend.AddressedBackend;
import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Backends;
import abuse.backend.Failure;
import abuse.backend.Geometry;
import abuse.libc.Memory;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The filter powerfail before a disk in memory, into which it writes without a request for each block. */
@Timeout(60)
class PowerFailMemoryTest {
    private static final int BLOCKS = 256;
    private static final Geometry GEOMETRY = new Geometry(0, BLOCKS * TestStore.BLOCK, TestStore.BLOCK, 1 << 17, false);

    private AddressedBackend memory;
    private FilteredBackend disk;

    private void put(String base, Filter... filters) throws Exception {
        memory = (AddressedBackend) new Backends().open(base, Set.of(), GEOMETRY);
        disk = new FilteredBackend(memory, List.of(filters), GEOMETRY, OutputStream.nullOutputStream()).alone();
    }

    private static Filter powerfail() throws Exception {
        // 256 KiB, twice the longest request
        return TestStore.filter("powerfail", Map.of("cache", 1L, "off", 0L));
    }

    private int byteOf(long block) {
        var data = ByteBuffer.allocateDirect(TestStore.BLOCK);
        Memory.copy(memory.readAddress(block * TestStore.BLOCK, TestStore.BLOCK), Memory.addressOf(data), TestStore.BLOCK);
        return data.get(TestStore.BLOCK - 1);
    }

    private void cut() throws Exception {
        disk.cut(disk.filters().get(0));
    }

    @AfterEach
    void close() throws Exception {
        disk.close();
    }

    @Test
    void it_has_what_was_flushed_and_not_what_was_not() throws Exception {
        put("mem", powerfail());
        TestStore.write(disk, 3, 1);
        assertEquals(0, byteOf(3));
        disk.flush();
        assertEquals(1, byteOf(3));
        TestStore.write(disk, 3, 2);
        var durable = new TestRequest(Kind.WRITE, 5, 1);
        durable.data().put(TestStore.BLOCK - 1, (byte) 7);
        durable.fua = true;
        assertNull(durable.submitTo(disk).await());
        assertEquals(1, byteOf(3));
        assertEquals(7, byteOf(5));
        assertEquals(2, TestStore.read(disk, 3));
        cut();
        assertEquals(1, TestStore.read(disk, 3));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void reads_see_the_latest_write_whatever_lies_behind_it(boolean filtered) throws Exception {
        Filter behind = TestStore.filter("check", Map.of());
        put("mem", filtered ? new Filter[] {powerfail(), behind} : new Filter[] {powerfail()});
        var random = new Random(1);
        var latest = new int[BLOCKS];
        for (int i = 0; i < 5000; i++) {
            int block = random.nextInt(BLOCKS);
            switch (random.nextInt(100)) {
                case 0 -> disk.flush();
                case 1 -> {
                    disk.writeZeroes((long) block * TestStore.BLOCK, TestStore.BLOCK);
                    latest[block] = 0;
                }
                default -> {
                    latest[block] = 1 + i % 100;
                    TestStore.write(disk, block, latest[block]);
                }
            }
            block = random.nextInt(BLOCKS);
            assertEquals(latest[block], TestStore.read(disk, block));
        }
        disk.flush();
        for (int block = 0; block < BLOCKS; block++) {
            assertEquals(latest[block], byteOf(block));
        }
        TestStore.write(disk, 0, 101);
        cut();
        assertEquals(latest[0], TestStore.read(disk, 0));
    }

    @Test
    void a_filter_that_comes_behind_it_sees_what_is_written_back() throws Exception {
        Filter first = powerfail();
        put("mem", first);
        TestStore.write(disk, 3, 1);
        disk.flush();
        disk.change(List.of(first, TestStore.filter("error", Map.of("op", Set.of("write")))));
        TestStore.write(disk, 3, 2);
        assertEquals(Failure.IO, TestRequest.flush().submitTo(disk).await());
        assertEquals(1, byteOf(3));
        disk.change(List.of(first));
        disk.flush();
        assertEquals(2, byteOf(3));
    }

    @Test
    void it_is_written_back_when_the_filter_is_taken_away() throws Exception {
        put("mem", powerfail());
        TestStore.write(disk, 3, 1);
        disk.change(List.of());
        assertEquals(1, byteOf(3));
    }

    @Test
    void a_base_that_drops_what_is_written_has_no_address_for_it() throws Exception {
        put("null", powerfail());
        TestStore.write(disk, 3, 1);
        assertEquals(1, TestStore.read(disk, 3));
        disk.flush();
        assertEquals(0, TestStore.read(disk, 3));
    }
}
