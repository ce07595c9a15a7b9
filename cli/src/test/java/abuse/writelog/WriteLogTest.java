// SPDX-License-Identifier: Apache-2.0
package abuse.writelog;

import static org.junit.jupiter.api.Assertions.assertEquals;

import abuse.libc.Memory;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A log that is read while it is written. */
class WriteLogTest {
    private static final int SECTOR = 512;

    @TempDir
    private Path directory;

    @Test
    void what_is_recorded_while_it_is_opened_cuts_it_not_short() throws Exception {
        String path = directory.resolve("log").toString();
        try (var writer = new LogWriter(path, SECTOR); Memory data = Memory.map(SECTOR)) {
            for (int before = 0; before < 2; before++) {
                Storage opened = Storage.toRead(path);
                writer.written(writer.begun(), 0, SECTOR, data.address(), false);
                try (var log = new WriteLog(path, opened)) {
                    assertEquals(before + 1, log.entries().size());
                }
            }
        }
    }
}
