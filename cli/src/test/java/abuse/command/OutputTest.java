// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import abuse.device.SimulatedDevices;
import abuse.device.SimulatedDisk;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Standard output that cannot be written: a full disk, or a reader that has gone. */
@Timeout(600)
class OutputTest {
    private final SimulatedDevices devices = new SimulatedDevices();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final CompletableFuture<Runnable> stop = new CompletableFuture<>();

    private int run(String reason, String... args) {
        err.reset();
        var broken = new OutputStream() {
            @Override
            public void write(int one) throws IOException {
                throw new IOException(reason);
            }
        };
        return new Cli(new Context(new ByteArrayInputStream(new byte[0]), broken, err, Map.of(), devices, steps -> stop.complete(steps[0]),
                () -> false)).run(args);
    }

    @ParameterizedTest
    @ValueSource(strings = {"--help", "--version", "help", "list --help", "list", "list --json", "info", "info 0", "info 0 -J",
        "get", "get -J", "put", "put -J", "put --out -", "poll", "top -d 0.01", "trace", "run mem"})
    void what_cannot_be_written_is_an_error_and_a_reader_that_left_is_none(String words) throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        devices.add(1);
        disk.write(0, new byte[4096]);
        assertEquals(1, run("No space left on device", words.split(" ")));
        assertEquals("abusectl: standard output: No space left on device\n", withoutRequest());
        assertEquals(141, run("Broken pipe", words.split(" ")));
        assertEquals("", withoutRequest());
        assertEquals(1, disk.pending(), "a request was answered, and nobody knows it");
        try (var device = devices.open("/dev/abctl1")) {
            assertFalse(device.status().isSetUp(), "a disk was left behind whose name nobody knows");
        }
    }

    /** The messages, without the request, which "--out -" puts on standard error, too. */
    private String withoutRequest() {
        return err.toString().replaceFirst("(?s)^WRITE\n.*?offset = 0\n", "");
    }

    @Test
    void a_trace_of_a_busy_disk_ends_with_its_reader() {
        devices.add(0).setUp(1 << 20);
        String line = " dd-9 [000] ..... 10.000000: abuse_submit: abuse0 queue=0 tag=1 read flags=0x0 sector=8 bytes=4096";
        devices.trace(Collections.nCopies(100_000, line), List.of(), () -> { });
        assertEquals(141, run("Broken pipe", "trace"));
        assertEquals(0, devices.tracers());
    }

    @Test
    void a_server_goes_on_and_says_so_at_its_end() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        var server = CompletableFuture.supplyAsync(() -> run("No space left on device", "server", "mem"));
        assertFalse(disk.read(0, 4096).await().failed());
        stop.get(600, TimeUnit.SECONDS).run();
        assertEquals(1, server.get(600, TimeUnit.SECONDS));
        assertEquals("abusectl: standard output: No space left on device\n", err.toString());
    }
}
