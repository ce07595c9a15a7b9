// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.libc.Memory;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OverlayTest {
    @TempDir
    private Path directory;

    @Test
    void a_large_disk_takes_no_memory_for_what_is_not_there() throws Exception {
        long capacity = 16L << 40;
        try (var overlay = new Overlay(null); Memory data = Memory.map(4096)) {
            overlay.open(1 << 20, 512);
            data.putLong(0, 5);
            overlay.write(512, 512, data.address());
            overlay.grow(capacity);
            overlay.zero(capacity - 512, 512);
            assertTrue(overlay.hasAll(512, 512));
            assertTrue(overlay.hasAll(capacity - 512, 512));
            assertFalse(overlay.hasAll(512, 1024));
            assertFalse(overlay.hasAll(capacity - 1024, 512));
            data.putLong(0, 6);
            overlay.read(512, 512, data.address());
            assertEquals(5, data.getLong(0));
        }
    }

    @Test
    void what_comes_after_the_end_is_written_to_no_file_of_others() throws Exception {
        var overlay = new Overlay(null);
        overlay.open(1 << 20, TestStore.BLOCK);
        overlay.close();
        // It may have its file descriptor
        try (Memory data = Memory.map(TestStore.BLOCK); var file = Files.newByteChannel(Files.createFile(directory.resolve("a")), WRITE)) {
            overlay.write(0, TestStore.BLOCK, data.address());
            overlay.zero(0, TestStore.BLOCK);
            assertTrue(overlay.hasAll(0, TestStore.BLOCK), "then it reads nothing from there");
            assertEquals(0, file.size());
        }
    }
}
