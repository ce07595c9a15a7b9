// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Backends;
import abuse.backend.Geometry;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is known of an export before its disk is served. */
@Timeout(100)
class NbdLookTest {
    private static final int SIZE = 1 << 20;

    @TempDir
    private Path directory;

    private final Backends backends = new Backends();
    private FakeNbdServer server;

    @BeforeEach
    void startServer() throws Exception {
        server = new FakeNbdServer(directory.resolve("fake"), SIZE);
    }

    @AfterEach
    void endServer() throws Exception {
        server.close();
    }

    private void open() throws Exception {
        backends.open(server.uri, Set.of(), new Geometry(0, SIZE, 4096, 1 << 20, false)).close();
    }

    @Test
    void an_export_tells_its_format_and_its_server_is_connected_to_once() throws Exception {
        server.bytes[1080] = 0x53;
        server.bytes[1081] = (byte) 0xef;
        assertEquals("ext4", backends.look(server.uri).format().name());
        assertEquals(1024, backends.look(server.uri).blockSize(4096));
        open();
        assertEquals(1, server.sessions.size());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 512, 4096})
    void it_is_read_in_its_own_blocks(int least) throws Exception {
        server.blocks = new int[] {least, 4096, SIZE};
        // A partition of one sector, the last but one
        server.bytes[510] = 0x55;
        server.bytes[511] = (byte) 0xaa;
        server.bytes[446 + 4] = 1;
        server.bytes[446 + 8] = (byte) 0xfe;
        server.bytes[446 + 9] = 7;
        server.bytes[446 + 12] = 1;
        assertEquals(512, backends.look(server.uri).format().sectorSize());
        open();
        for (var command : List.copyOf(server.commands)) {
            assertTrue(command.type() != FakeNbdServer.READ || command.offset() % least == 0 && command.length() % least == 0, command.toString());
        }
        assertFalse(server.commands.isEmpty());
    }

    @Test
    void of_blocks_that_are_too_large_nothing_is_read() throws Exception {
        server.blocks = new int[] {64 << 10, 64 << 10, SIZE};
        assertNull(backends.look(server.uri).format());
        assertTrue(server.commands.isEmpty());
    }
}
