// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the threads of the nbd backend, and the one that submits, take from the heap for a request. */
@Tag("packages")
class NbdAllocationTest {
    private static final int ROUNDS = 5000;

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(ints = {4 << 10, 128 << 10})
    @Timeout(600)
    void a_request_allocates_nothing(int length) throws Exception {
        var process = NbdProcess.nbdkit(directory, "memory", "1M");
        try {
            long bytes = new AllocationMeter("nbd ", 2, ROUNDS).measure(process.uri, length);
            // The smallest object has 16 bytes; what a wait takes, or replaced code, depends on how busy the machine is
            int requests = ROUNDS * AllocationMeter.TOGETHER;
            assertTrue(bytes < 4 * requests, bytes + " bytes for " + requests + " requests");
        } finally {
            process.kill();
        }
    }
}
