// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file that is looked for now and then. */
class TriggerFileTest {
    @TempDir
    Path directory;

    @Test
    void it_is_looked_for_once_in_a_millisecond() throws Exception {
        Path path = directory.resolve("trigger");
        try (var file = new TriggerFile(path.toString())) {
            long now = System.nanoTime();
            assertFalse(file.exists(now));
            Files.createFile(path);
            assertFalse(file.exists(now + TriggerFile.LOOK_NS - 1));
            assertTrue(file.exists(now + TriggerFile.LOOK_NS));
            Files.delete(path);
            assertTrue(file.exists(now + 2 * TriggerFile.LOOK_NS - 1));
            assertFalse(file.exists(now + 2 * TriggerFile.LOOK_NS));
        }
    }
}
