// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;

import abuse.backend.BackendFactory.Option;
import abuse.backend.Backends;
import abuse.device.Flag;
import abuse.device.OtherContentException;
import abuse.device.SimulatedDevices;
import abuse.device.SimulatedDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Servers of one disk serve the same, or the second one is refused. */
@Timeout(600)
class ServingTogetherTest {
    private static final long CAPACITY = 1 << 20;

    @TempDir
    private Path directory;

    private final SimulatedDevices devices = new SimulatedDevices();
    private final SimulatedDisk disk = devices.add(0).setUp(CAPACITY, 2, Flag.WRITE_CACHE);

    private RunningServer server(String backend, Option... options) {
        return new RunningServer(devices, backend, geometry -> new Backends().open(
                backend.replace("DIR", directory.toString()), Set.of(options), geometry));
    }

    private void makeImages() throws IOException {
        for (String name : new String[] {"a", "b"}) {
            Files.write(directory.resolve(name), new byte[(int) CAPACITY]);
        }
        Files.createLink(directory.resolve("hard"), directory.resolve("a"));
        Files.createSymbolicLink(directory.resolve("soft"), directory.resolve("a"));
    }

    @ParameterizedTest
    @CsvSource({"null, mem", "mem, mem", "mem, file:DIR/a", "file:DIR/a, mem", "file:DIR/a, null", "file:DIR/a, file:DIR/b"})
    void other_content_is_refused_while_the_first_is_there(String first, String second) throws Exception {
        makeImages();
        var running = server(first).start().awaitReady();
        var refused = server(second).start();
        var refusal = assertInstanceOf(OtherContentException.class, refused.end());
        assertEquals(first, refusal.text());
        assertEquals(1, refused.ready.getCount());
        assertFalse(disk.write(0, new byte[4096]).await().failed());
        assertNull(running.stop());
        assertNull(server(second).start().awaitReady().stop());
        assertEquals(0, disk.openNodes());
    }

    @ParameterizedTest
    @CsvSource({"null, null", "file:DIR/a, file:DIR/a", "file:DIR/a, file:DIR/hard", "file:DIR/soft, file:DIR/a"})
    void the_same_content_is_served_together(String first, String second) throws Exception {
        makeImages();
        var one = server(first).start().awaitReady();
        var two = server(second, second.startsWith("file:") ? new Option[] {Option.DIRECT} : new Option[0]).start().awaitReady();
        assertNull(one.stop());
        assertFalse(disk.read(0, 4096).await().failed());
        assertNull(two.stop());
    }

    @Test
    void whoever_means_it_is_not_compared() throws Exception {
        var running = server("mem").start().awaitReady();
        var second = server("null");
        second.server.shared();
        second.start().awaitReady();
        var third = server("null").start();
        assertInstanceOf(OtherContentException.class, third.end());
        assertNull(running.stop());
        assertNull(server("null").start().awaitReady().stop());
        assertNull(second.stop());
    }
}
