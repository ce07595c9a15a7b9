// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.crash.CrashRun.Check;
import abuse.crash.CrashRun.Verdict;
import abuse.crash.CrashState;
import abuse.writelog.LogEntry;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Has a shell command look at a disk. */
final class ShellCheck implements Check {
    /** Where the command has the path of the image. */
    static final String IMAGE = "{}";
    /** How much of its output is kept. */
    private static final int MOST_OUTPUT = 1 << 16;
    /** What a shell says of a command that is not there, or cannot be run. */
    private static final Set<Integer> NOT_RUN = Set.of(126, 127);
    /** What it says of one that SIGINT or SIGTERM has ended, which a terminal and a service manager send to all of a group. */
    private static final Set<Integer> ENDED = Set.of(130, 143);
    /** What it says of one that SIGKILL has ended. */
    private static final int KILLED = 137;
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
        var words = new ArrayList<String>();
        if (milliseconds > 0) {
            // It kills all that the command has begun, which is in a process group of its own
            words.addAll(List.of("timeout", "-s", "KILL", String.format(Locale.ROOT, "%d.%03d", milliseconds / 1000, milliseconds % 1000)));
        }
        words.addAll(List.of("sh", "-c", command.replace(IMAGE, "'" + image.toString().replace("'", "'\\''") + "'")));
        var builder = new ProcessBuilder(words)
                .redirectErrorStream(true).redirectInput(new File("/dev/null"));
        String mark = state.mark(log);
        builder.environment().put("ABUSECTL_STATE", state.name(log));
        builder.environment().put("ABUSECTL_MARK", mark == null ? "" : mark);
        long start = System.nanoTime();
        Process process = builder.start();
        running.add(process);
        try {
            String output = read(process.getInputStream());
            int status = waitFor(process);
            if (NOT_RUN.contains(status)) {
                throw new IOException("--check cannot be run: " + output.strip());
            }
            if (ENDED.contains(status)) {
                awaitStop();
            }
            boolean hung = milliseconds > 0 && status == KILLED && System.nanoTime() - start >= milliseconds * 1_000_000;
            return status == 0 ? null : new Verdict(status, hung, output);
        } finally {
            running.remove(process);
            process.destroy();
        }
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

    private static String read(InputStream stream) throws IOException {
        byte[] output = stream.readNBytes(MOST_OUTPUT);
        stream.transferTo(OutputStream.nullOutputStream());
        return new String(output, StandardCharsets.UTF_8);
    }

    private static int waitFor(Process process) {
        while (true) {
            try {
                return process.waitFor();
            } catch (InterruptedException e) {
                // The command ends when it is stopped
            }
        }
    }
}
