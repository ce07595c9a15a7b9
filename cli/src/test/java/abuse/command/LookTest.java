// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import abuse.device.SimulatedDisk;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** server and run: how long they look for requests before they sleep. */
class LookTest extends CommandTestBase {
    @ParameterizedTest
    @CsvSource({"server mem, 0", "server --poll mem, -1", "server --poll abuse0 mem, -1", "server --poll=auto 0 mem, -1",
        "server mem --poll, -1", "server --poll=50 0 mem, 50000", "server --poll=10000, 10000000", "server --poll=0, 0"})
    void server_looks_as_long_as_it_is_told(String words, int expected) throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        var server = start(words.split(" ")).awaitReady();
        assertFalse(disk.read(0, 4096).await().failed());
        assertEquals(expected, disk.busyNs());
        server.signal();
        assertEquals(0, server.end().exitCode());
    }

    @Test
    void run_looks_too() throws Exception {
        SimulatedDisk disk = devices.add(0);
        var run = start("run", "sz=1M", "--poll=20", "mem").awaitReady();
        assertFalse(disk.read(0, 4096).await().failed());
        assertEquals(20_000, disk.busyNs());
        run.signal();
        assertEquals(0, run.end().exitCode());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--poll=10001        | --poll=10001 is longer than 10000 microseconds",
        "--poll=5000000000   | --poll=5000000000 is longer than 10000 microseconds",
        "--poll=soon         | --poll=soon is neither auto nor a number of microseconds",
        "--poll=-1           | --poll=-1 is neither auto nor a number of microseconds",
        "--poll=             | --poll= is neither auto nor a number of microseconds",
        "--poll 50           | '--poll 50' is ambiguous; write '--poll=50', or the device by its path"})
    void a_time_that_is_none_is_refused_before_anything_is_done(String words, String message) throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        assertEquals("server: " + message, misuse(("server " + words).split(" ")));
        assertEquals(0, disk.openNodes());
    }
}
