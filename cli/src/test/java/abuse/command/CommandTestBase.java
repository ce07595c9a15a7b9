// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import java.nio.file.Path;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A test of commands that may need files. */
@Timeout(600)
abstract class CommandTestBase extends Commands {
    @TempDir
    Path directory;

    static byte[] pattern(int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (i % 251 + 1);
        }
        return bytes;
    }
}
