// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import abuse.device.Flag;
import abuse.device.Result;
import abuse.device.SimulatedDisk;
import abuse.device.SimulatedDisk.Submitted;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A server with filters, from its command line, and what the users of its disk see. */
class FilterTestBase extends CommandTestBase {
    static final int BLOCK = 4096;

    SimulatedDisk disk;
    Running server;

    /** Serves a disk of 1 MiB in memory, or what else is named. */
    void serveWith(String... filters) throws Exception {
        serve("mem", filters);
    }

    void serve(String backend, String... filters) throws Exception {
        if (disk == null) {
            disk = devices.add(0).setUp(1 << 20, Flag.WRITE_CACHE, Flag.DISCARD, Flag.WRITE_ZEROES);
        }
        // Where its control socket is
        environment.put("RUNTIME_DIRECTORY", directory.toString());
        var words = new ArrayList<String>(List.of("server", "0", backend));
        if (backend.startsWith("file:")) {
            words.add("--create");
        }
        for (String filter : filters) {
            if (!filter.startsWith("--")) {
                words.add("--filter");
            }
            words.add(filter);
        }
        server = start(words.toArray(String[]::new)).awaitReady();
    }

    /** Ends the server, which has nothing to tell but what it printed. */
    String endServer() {
        server.signal();
        Outcome outcome = server.end();
        assertEquals(0, outcome.exitCode(), outcome.err());
        return outcome.err();
    }

    static Result resultOf(Submitted request) throws Exception {
        request.await();
        return request.result();
    }

    Result write(long block, int seed) throws Exception {
        return resultOf(disk.write(block * BLOCK, bytes(seed)));
    }

    Result read(long block) throws Exception {
        return resultOf(disk.read(block * BLOCK, BLOCK));
    }

    Result flush() throws Exception {
        return resultOf(disk.flush());
    }

    /** The block holds what was written with a seed. */
    void holds(long block, int seed) throws Exception {
        var answer = disk.read(block * BLOCK, BLOCK).await();
        assertFalse(answer.failed());
        assertArrayEquals(seed == 0 ? new byte[BLOCK] : bytes(seed), answer.data());
    }

    static byte[] bytes(int seed) {
        byte[] bytes = new byte[BLOCK];
        new java.util.Random(seed).nextBytes(bytes);
        return bytes;
    }

    /** Makes a file that a filter waits for, and lets the time pass in which it may not be seen. */
    static void make(Path trigger) throws Exception {
        Files.createFile(trigger);
        Thread.sleep(2);
    }

    static void remove(Path trigger) throws Exception {
        Files.delete(trigger);
        Thread.sleep(2);
    }

    static List<Result> repeat(int times, Result result) {
        return java.util.Collections.nCopies(times, result);
    }
}
