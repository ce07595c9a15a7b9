// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.AddressedBackend;
import abuse.backend.Backends;
import abuse.backend.Image;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Reading what qemu has written. */
class Qcow2ReadTest extends Qcow2TestBase {
    @ParameterizedTest
    @MethodSource("creations")
    void reads_what_qemu_reads(Creation creation) throws Exception {
        Path image = make(creation);
        byte[] expected = content(image);
        byte[] before = Files.readAllBytes(image);
        try (AddressedBackend backend = open(image, true)) {
            assertEquals(SIZE, backend.size());
            check(backend, expected);
            // Now all tables are in memory
            check(backend, expected);
            ByteBuffer all = ByteBuffer.allocateDirect(SIZE);
            backend.read(0, all);
            byte[] bytes = new byte[SIZE];
            all.get(0, bytes);
            assertEquals(-1, Arrays.mismatch(bytes, expected));
        }
        assertArrayEquals(before, Files.readAllBytes(image));
    }

    @Test
    void what_lies_in_one_piece_has_an_address_when_its_table_was_needed_once() throws Exception {
        Path image = folder.resolve("image");
        run("qemu-img", "create", "-q", "-f", "qcow2", image.toString(), Integer.toString(SIZE));
        run("qemu-io", "-f", "qcow2", "-c", "write -P 1 0 1M", "-c", "write -P 2 4M 64k", "-c", "write -P 3 3M 64k", image.toString());
        try (AddressedBackend backend = open(image, true)) {
            assertEquals(AddressedBackend.SCATTERED, backend.readAddress(0, 4096));
            backend.read(0, ByteBuffer.allocateDirect(4096));
            assertNotEquals(AddressedBackend.SCATTERED, backend.readAddress(0, 1 << 20));
            assertEquals(backend.readAddress(0, 4096) + 100 * 1024, backend.readAddress(100 * 1024, 4096));
            assertEquals(backend.readAddress(1 << 20, 4096), backend.readAddress(6 << 20, 4096), "zeros");
            assertEquals(AddressedBackend.SCATTERED, backend.readAddress((1 << 20) - 512, 1024));
            assertTrue(backend.isStored());
        }
    }

    @Test
    void what_is_below_has_an_address_too() throws Exception {
        Path image = make(new Creation(65536, "1.1", 16, "r", false, null));
        run("qemu-img", "create", "-q", "-f", "qcow2", "-b", image.toString(), "-F", "qcow2", "top", Integer.toString(SIZE));
        byte[] expected = content(folder.resolve("top"));
        try (AddressedBackend backend = open(folder.resolve("top"), true)) {
            check(backend, expected);
            int addresses = 0;
            for (int at = 0; at + 4096 <= SIZE; at += 4096) {
                addresses += backend.readAddress(at, 4096) == AddressedBackend.SCATTERED ? 0 : 1;
            }
            // Only at the end of the raw file
            assertTrue(addresses >= SIZE / 4096 - 2, addresses + " of " + SIZE / 4096);
        }
    }

    @Test
    void a_look_tells_the_size_and_for_which_blocks_the_disk_was_made() throws Exception {
        byte[] disk = new byte[4 << 20];
        System.arraycopy("EFI PART".getBytes(), 0, disk, 512, 8);
        disk[512 + 24] = 1;
        Files.write(folder.resolve("disk"), disk);
        run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "disk", "image");
        Image image = new Backends().look("qcow2:" + folder.resolve("image"));
        assertEquals(4 << 20, image.size());
        assertEquals("GPT", image.format().name());
        assertEquals(512, image.blockSize(4096));
    }

    @Test
    void an_image_that_is_only_read_can_be_read_by_many() throws Exception {
        Path image = make(new Creation(65536, "1.1", 16, "r", false, null));
        byte[] expected = content(image);
        try (AddressedBackend one = open(image, true); AddressedBackend other = open(image, true)) {
            check(one, expected);
            check(other, expected);
            assertEquals(one.identity(), other.identity());
            assertTrue(one.identity().startsWith("qcow2 "), one.identity());
            assertFalse(run("qemu-img", "info", "image").isEmpty());
            run("qemu-io", "-r", "-f", "qcow2", "-c", "read 0 512", "image");
        }
    }
}
