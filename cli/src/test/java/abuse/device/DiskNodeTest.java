// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Paths that do not lead to a disk; one that does needs a kernel, see vm/tests. */
class DiskNodeTest {
    @TempDir
    private Path directory;

    private static String problem(Path path) {
        return DiskNode.problem(path, 60 << 8);
    }

    @Test
    void a_file_and_another_kind_of_device_are_no_disk() throws Exception {
        String message = "this is not a block device; remove it, and try again";
        assertEquals(message, problem(Files.createFile(directory.resolve("file"))));
        assertEquals(message, problem(Path.of("/dev/null")));
    }

    @Test
    void nothing_and_what_cannot_be_reached_are_told_apart() throws Exception {
        Path missing = directory.resolve("missing");
        assertEquals("the kernel has the disk, but there is no node for it; try where /dev is a devtmpfs, or 'mknod"
                + " " + missing
                + " b 60 0' first", problem(missing));
        Path loop = directory.resolve("loop");
        String message = problem(Files.createSymbolicLink(loop, loop));
        assertTrue(message.startsWith("the kernel has the disk, but its node cannot be examined: "), message);
    }
}
