// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.SimulatedDevices;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;

/** Runs whole commands on simulated devices, each with streams and signals of its own. */
final class Commands {
    final SimulatedDevices devices = new SimulatedDevices();
    final Map<String, String> environment = new HashMap<>();

    record Outcome(int exitCode, String out, String err) {}

    /** A command at work. */
    final class Running {
        private final ByteArrayOutputStream out = new ByteArrayOutputStream();
        private final ByteArrayOutputStream err = new ByteArrayOutputStream();
        private final CompletableFuture<Integer> exitCode;
        private volatile List<Runnable> stages = List.of();
        private int signals;

        private Running(String... args) {
            var context = new Context(new ByteArrayInputStream(new byte[0]), out, err, environment, devices,
                    stages -> this.stages = List.of(stages), () -> false);
            exitCode = CompletableFuture.supplyAsync(() -> new Cli(context).run(args));
        }

        String out() {
            return out.toString(StandardCharsets.UTF_8);
        }

        String err() {
            return err.toString(StandardCharsets.UTF_8);
        }

        boolean isRunning() {
            return !exitCode.isDone();
        }

        /** Until it is so, or the command has ended. */
        Running await(BooleanSupplier condition) throws InterruptedException {
            while (!condition.getAsBoolean() && isRunning()) {
                Thread.sleep(5);
            }
            assertTrue(condition.getAsBoolean(), out() + err());
            return this;
        }

        Running awaitReady() throws InterruptedException {
            return await(() -> out().endsWith("\n"));
        }

        /** The next signal, whose handler has a thread of its own. */
        void signal() {
            Runnable stage = stages.get(signals++);
            new Thread(stage).start();
        }

        Outcome end() {
            return new Outcome(exitCode.join(), out(), err());
        }
    }

    Running start(String... args) {
        return new Running(args);
    }

    Outcome run(String... args) {
        return start(args).end();
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
        return error(outcome);
    }

    /** The one line of a command that failed. */
    static String error(Outcome outcome) {
        assertEquals(1, outcome.err.lines().count(), outcome.err);
        assertEquals(1, outcome.exitCode);
        assertTrue(outcome.err.startsWith("abusectl: "), outcome.err);
        return outcome.err.substring("abusectl: ".length()).strip();
    }
}
