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
import java.util.function.BooleanSupplier;

/** Runs whole commands on simulated devices, from their words to their output and exit code. */
class Commands {
    final SimulatedDevices devices = new SimulatedDevices();
    final Map<String, String> environment = new HashMap<>();
    /** The content of standard input. */
    byte[] input = {};
    /** Whether standard output is a terminal. */
    boolean terminal;
    private volatile Running latest;

    record Outcome(int exitCode, String out, String err) {}

    /** A command at work, with streams and signals of its own. */
    final class Running implements Context.Signals {
        private final ByteArrayOutputStream out = new ByteArrayOutputStream();
        private final ByteArrayOutputStream err = new ByteArrayOutputStream();
        private final CompletableFuture<Integer> exitCode;
        private volatile List<Runnable> stages = List.of();
        private int signals;
        private volatile Runnable answer;

        private Running(String... args) {
            latest = this;
            var context = new Context(new ByteArrayInputStream(input), out, err, environment, devices, this, () -> terminal);
            if (environment.containsKey("RUNTIME_DIRECTORY")) {
                context.sockets = Path.of(environment.get("RUNTIME_DIRECTORY"));
            }
            // The common pool has one thread on a small machine, and another command may be at work
            exitCode = CompletableFuture.supplyAsync(() -> new Cli(context).run(args), Commands::startThread);
        }

        @Override
        public void onStop(Runnable... all) {
            stages = List.of(all);
        }

        @Override
        public void onQuestion(Runnable work) {
            answer = work;
        }

        /** Asks as SIGUSR1 does. */
        void ask() {
            answer.run();
        }

        String out() {
            return out.toString(StandardCharsets.UTF_8);
        }

        String err() {
            return err.toString(StandardCharsets.UTF_8);
        }

        /** The bytes of standard output. */
        byte[] bytes() {
            return out.toByteArray();
        }

        boolean isRunning() {
            return !exitCode.isDone();
        }

        /** Waits until the condition holds; fails if the command ends before. */
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

        /** Sends the next signal, whose handler has a thread of its own. */
        void signal() {
            Runnable stage = stages.get(signals++);
            new Thread(stage).start();
        }

        Outcome end() {
            return new Outcome(exitCode.join(), out(), err());
        }
    }

    private static void startThread(Runnable work) {
        var thread = new Thread(work, "command");
        thread.setDaemon(true);
        thread.start();
    }

    Running start(String... args) {
        return new Running(args);
    }

    /** Stops the command that was started last as a first signal does, but in the calling thread. */
    void stop() {
        latest.stages.get(0).run();
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

    /** The command must be refused with two lines, of which this is the first. */
    String misuse(String... args) {
        return misuseLines(args).get(0);
    }

    /** What is wrong, and where more is told. */
    List<String> misuseLines(String... args) {
        Outcome outcome = run(args);
        assertEquals("", outcome.out);
        assertEquals(2, outcome.exitCode, outcome.err);
        List<String> lines = outcome.err.lines().toList();
        assertEquals(2, lines.size(), outcome.err);
        assertTrue(lines.get(0).startsWith("abusectl: "), outcome.err);
        assertTrue(lines.get(1).matches("Try 'abusectl (\\w+ )?--help' for more information\\.|abusectl-filter\\(8\\) tells more about filters and their keys\\."), outcome.err);
        return List.of(lines.get(0).substring("abusectl: ".length()), lines.get(1));
    }
}
