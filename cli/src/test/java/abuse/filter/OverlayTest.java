// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;

import abuse.libc.Memory;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OverlayTest {
    @TempDir
    private Path directory;

    @Test
    void what_comes_after_the_end_is_written_to_no_file_of_others() throws Exception {
        var overlay = new Overlay(null);
        overlay.open(1 << 20, TestStore.BLOCK);
        overlay.close();
        // It may have its file descriptor
        try (Memory data = Memory.map(TestStore.BLOCK); var file = Files.newByteChannel(Files.createFile(directory.resolve("a")), WRITE)) {
            overlay.write(0, TestStore.BLOCK, data.address());
            overlay.zero(0, TestStore.BLOCK);
            assertEquals(0, file.size());
        }
    }
}
