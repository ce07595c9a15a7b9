// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.SimulatedDevices;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Runs whole commands, from their words to their output and exit code. */
@Timeout(600)
abstract class CommandTestBase {
    record Outcome(int exitCode, String out, String err) {}

    @TempDir
    Path directory;

    final SimulatedDevices devices = new SimulatedDevices();
    final Map<String, String> environment = new HashMap<>();
    final AtomicReference<Runnable> stop = new AtomicReference<>();
    byte[] input = {};
    boolean terminal;

    final ByteArrayOutputStream out = new ByteArrayOutputStream();
    final ByteArrayOutputStream err = new ByteArrayOutputStream();

    Outcome run(String... args) {
        out.reset();
        err.reset();
        var context = new Context(new ByteArrayInputStream(input), out, err, environment, devices, stages -> stop.set(stages[0]),
                () -> terminal);
        int exitCode = new Cli(context).run(args);
        return new Outcome(exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    String succeed(String... args) {
        Outcome outcome = run(args);
        assertEquals("", outcome.err);
        assertEquals(0, outcome.exitCode);
        return outcome.out;
    }

    /** The command must fail with one line, and print nothing else. */
    String fail(String... args) {
        Outcome outcome = run(args);
        assertEquals("", outcome.out);
        assertEquals(1, outcome.err.lines().count(), outcome.err);
        assertEquals(1, outcome.exitCode);
        assertTrue(outcome.err.startsWith("abusectl: "), outcome.err);
        return outcome.err.substring("abusectl: ".length()).strip();
    }

    /** The command must be refused with two lines. */
    String misuse(String... args) {
        Outcome outcome = run(args);
        assertEquals("", outcome.out);
        assertEquals(2, outcome.exitCode, outcome.err);
        List<String> lines = outcome.err.lines().toList();
        assertEquals(2, lines.size(), outcome.err);
        assertTrue(lines.get(0).startsWith("abusectl: "), outcome.err);
        assertTrue(lines.get(1).matches("Try 'abusectl (\\w+ )?--help' for more information\\."), outcome.err);
        return lines.get(0).substring("abusectl: ".length());
    }

    static byte[] pattern(int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (i % 251 + 1);
        }
        return bytes;
    }

    /** A server command in a thread of its own. */
    CompletableFuture<Outcome> serve(String... args) throws Exception {
        var outcome = CompletableFuture.supplyAsync(() -> run(args));
        for (int i = 0; i < 10_000 && !outcome.isDone() && !out.toString(StandardCharsets.UTF_8).endsWith("\n"); i++) {
            Thread.sleep(10);
        }
        return outcome;
    }
}
