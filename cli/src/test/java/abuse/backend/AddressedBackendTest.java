// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** mem and null. */
class AddressedBackendTest {
    private static final int SIZE = 1 << 20;

    private static AddressedBackend open(String name, long size) throws IOException {
        return (AddressedBackend) new Backends().open(name, Set.of(), new Geometry(0, size, 4096, 65536, false));
    }

    private static byte[] read(Backend backend, long offset, int length) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(length);
        backend.read(offset, buffer);
        byte[] bytes = new byte[length];
        buffer.rewind().get(bytes);
        return bytes;
    }

    @Test
    void mem_keeps_what_was_written_and_forgets_what_was_discarded() throws IOException {
        byte[] bytes = new byte[SIZE];
        new Random(1).nextBytes(bytes);
        try (AddressedBackend mem = open("mem", SIZE)) {
            assertArrayEquals(new byte[SIZE], read(mem, 0, SIZE));
            mem.write(0, ByteBuffer.allocateDirect(SIZE).put(bytes).flip());
            assertArrayEquals(bytes, read(mem, 0, SIZE));
            mem.discard(512, 20000);
            mem.writeZeroes(65536 + 512, 512);
            Arrays.fill(bytes, 512, 20512, (byte) 0);
            Arrays.fill(bytes, 65536 + 512, 65536 + 1024, (byte) 0);
            assertArrayEquals(bytes, read(mem, 0, SIZE));
            assertEquals(SIZE, mem.size());
            assertEquals(mem.readAddress(4096, 4096), mem.writeAddress(4096, 4096));
        }
    }

    @Test
    void mem_takes_memory_only_for_what_is_written() throws IOException {
        long before = residentKib();
        try (AddressedBackend mem = open("mem", 1L << 40)) {
            mem.write((1L << 40) - 4096, ByteBuffer.allocateDirect(4096));
            assertTrue(residentKib() - before < 200_000, "resident memory grew");
        }
    }

    private static long residentKib() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream().filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", ""))).findFirst().orElseThrow();
    }

    @Test
    void mem_that_has_no_room_says_so() {
        var e = assertThrows(IOException.class, () -> open("mem", Long.MAX_VALUE - 4095));
        assertEquals("mem: no room for 9223372036854771712 bytes: Cannot allocate memory", e.getMessage());
    }

    @Test
    void null_reads_zeros_whatever_was_written() throws IOException {
        try (AddressedBackend none = open("null", 1L << 50)) {
            none.write(0, ByteBuffer.allocateDirect(4096).put(0, new byte[] {1, 2, 3}));
            assertArrayEquals(new byte[65536], read(none, (1L << 50) - 65536, 65536));
            assertEquals(0, none.writeAddress(0, 4096));
            assertEquals(-1, none.size());
            none.discard(0, 1L << 50);
            none.writeZeroes(0, 1L << 50);
            none.flush();
        }
    }

    @Test
    void null_never_shows_memory_beyond_its_zeros() throws IOException {
        try (AddressedBackend none = open("null", 1L << 50)) {
            assertThrows(IllegalArgumentException.class, () -> none.readAddress(0, 65537));
        }
    }

    @Test
    void zeroes_are_written_by_a_backend_that_knows_no_better() throws IOException {
        byte[] store = new byte[3 << 20];
        Arrays.fill(store, (byte) 1);
        var simple = new Backend() {
            @Override
            public void read(long offset, ByteBuffer into) {
                into.put(store, (int) offset, into.remaining());
            }

            @Override
            public void write(long offset, ByteBuffer from) {
                from.get(store, (int) offset, from.remaining());
            }
        };
        simple.writeZeroes(512, 5 << 19);
        byte[] expected = new byte[3 << 20];
        Arrays.fill(expected, (byte) 1);
        Arrays.fill(expected, 512, 512 + (5 << 19), (byte) 0);
        assertArrayEquals(expected, store);
        simple.flush();
        simple.discard(0, 512);
        simple.close();
    }
}
