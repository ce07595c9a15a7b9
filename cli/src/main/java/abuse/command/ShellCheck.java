// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.crash.CrashRun.Check;
import abuse.crash.CrashRun.Verdict;
import abuse.crash.CrashState;
import abuse.writelog.LogEntry;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Has a shell command look at a disk. */
final class ShellCheck implements Check {
    /** Where the command has the path of the image. */
    static final String IMAGE = "{}";
    /**
     * Limits that only one check and what it has begun have: of a kind that Linux knows and ignores, and that stays with a process
     * which takes away its environment, its session or its parents.
     */
    private static final long LEAST_MARK = 1L << 42;
    private static final long KIB = 1024;
    /** What a shell takes as it is, in quotes and without. */
    private static final String BARE = "[\\p{L}\\p{M}\\p{N}/._+,:@%=-]+";
    /** How much of its output is kept. */
    private static final int MOST_OUTPUT = 1 << 16;
    /** What a shell says of a command that is not there, or cannot be run. */
    private static final Set<Integer> NOT_RUN = Set.of(126, 127);
    /** What it says of one that SIGINT or SIGTERM has ended, which a terminal and a service manager send to all of a group. */
    private static final Set<Integer> ENDED = Set.of(130, 143);
    /** How much later the same signal may come here. */
    private static final long SIGNAL_MS = 1000;

    private final String command;
    private final List<LogEntry> log;
    private final CountDownLatch stopped = new CountDownLatch(1);
    private final Set<Process> running = ConcurrentHashMap.newKeySet();
    private final long milliseconds;

    /** A command that may take so long; without a limit for 0. */
    ShellCheck(String command, long milliseconds, List<LogEntry> log) {
        this.command = command;
        this.milliseconds = milliseconds;
        this.log = log;
    }

    @Override
    public Verdict check(CrashState state, Path image) throws IOException {
        // Not a pipe, which what the command leaves behind may keep open; not beside the image, where the command may delete all
        Path output = Files.createTempFile(image.getParent().getParent(), "output", null);
        try {
            return check(state, image, output);
        } finally {
            Files.delete(output);
        }
    }

    private Verdict check(CrashState state, Path image, Path output) throws IOException {
        long limit = ThreadLocalRandom.current().nextLong(LEAST_MARK, 2 * LEAST_MARK);
        var builder = new ProcessBuilder("sh", "-c", "ulimit -S -m " + limit + " 2>/dev/null; " + command.replace(IMAGE, image.toString()))
                .redirectErrorStream(true).redirectInput(new File("/dev/null")).redirectOutput(output.toFile());
        String mark = state.mark(log);
        builder.environment().put("ABUSECTL_STATE", state.name(log));
        builder.environment().put("ABUSECTL_MARK", mark == null ? "" : mark);
        Process process = builder.start();
        running.add(process);
        try {
            if (stopped.getCount() == 0) {
                process.toHandle().destroy();
            }
            boolean hung = milliseconds > 0 && !waitFor(process, milliseconds);
            if (hung) {
                kill(process, limit * KIB);
            }
            waitFor(process, Long.MAX_VALUE);
            int status = process.exitValue();
            String text = read(output);
            if (NOT_RUN.contains(status)) {
                throw new IOException("--check cannot be run: " + (text.isBlank() ? "its exit status is " + status : text.strip()));
            }
            if (ENDED.contains(status)) {
                awaitStop();
            }
            return status == 0 && !hung ? null : new Verdict(status, hung, text);
        } finally {
            running.remove(process);
            process.destroy();
        }
    }

    /** Whether a command may have the paths of images in such a folder in quotes, or not, as it likes. */
    static boolean canName(String folder) {
        return folder.matches(BARE);
    }

    /** Ends the commands that are running. */
    void stop() {
        stopped.countDown();
        for (Process process : running) {
            process.descendants().forEach(ProcessHandle::destroy);
            // A process itself would close the output that is read
            process.toHandle().destroy();
        }
    }

    private void awaitStop() {
        try {
            stopped.await(SIGNAL_MS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            // It has been long enough
        }
    }

    /** Ends a command and all that it has begun: what has it for an ancestor, and what has its limit. */
    private static void kill(Process process, long limit) {
        List<ProcessHandle> begun = process.descendants().toList();
        process.destroyForcibly();
        begun.forEach(ProcessHandle::destroyForcibly);
        var killed = new HashSet<ProcessHandle>();
        // One that forks meanwhile may have been looked at before its child was there
        for (boolean found = true; found;) {
            List<ProcessHandle> left = ProcessHandle.allProcesses().filter(one -> !killed.contains(one) && has(one, limit)).toList();
            left.forEach(ProcessHandle::destroyForcibly);
            found = killed.addAll(left);
        }
    }

    private static boolean has(ProcessHandle process, long limit) {
        try (Stream<String> limits = Files.lines(Path.of("/proc/" + process.pid() + "/limits"))) {
            return limits.anyMatch(line -> line.matches("Max resident set +" + limit + " .*"));
        } catch (IOException | UncheckedIOException e) {
            // It has ended
            return false;
        }
    }

    private static String read(Path output) throws IOException {
        try (InputStream stream = Files.newInputStream(output)) {
            return new String(stream.readNBytes(MOST_OUTPUT), StandardCharsets.UTF_8);
        }
    }

    /** Whether it has ended within a time. */
    private static boolean waitFor(Process process, long milliseconds) {
        while (true) {
            try {
                return process.waitFor(milliseconds, TimeUnit.MILLISECONDS);
            } catch (InterruptedException e) {
                // The command ends when it is stopped
            }
        }
    }
}
