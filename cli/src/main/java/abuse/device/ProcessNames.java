// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** Finds the processes of threads, which are what the kernel traces. */
final class ProcessNames {
    /** What the kernel's trace calls a thread that it has forgotten. */
    private static final String FORGOTTEN = "<...>";
    /** Threads that are remembered, so that a machine that starts many costs no more memory. */
    private static final int ROOM = 4096;

    private final Path proc;
    private final Map<Integer, Found> found = new HashMap<>();

    private record Found(String thread, int pid, String command) {}

    ProcessNames(Path proc) {
        this.proc = proc;
    }

    /** The event with its process in the place of its thread, if that is still there. */
    TraceEvent resolve(TraceEvent event) {
        Found process = found.get(event.pid());
        if (process == null || !isThat(process, event)) {
            process = look(event.pid());
            if (process == null || !isThat(process, event)) {
                return event.command().equals(FORGOTTEN) ? event.in(event.pid(), "-") : event;
            }
            if (found.size() >= ROOM) {
                found.clear();
            }
            found.put(event.pid(), process);
        }
        return event.in(process.pid, process.command);
    }

    /** Another name means another thread: one with the number of one that ended, or in another container. */
    private static boolean isThat(Found process, TraceEvent event) {
        return event.command().equals(process.thread) || event.command().equals(FORGOTTEN);
    }

    private Found look(int thread) {
        try {
            for (String line : Files.readString(proc.resolve(thread + "/status"), UTF_8).split("\n")) {
                if (line.startsWith("Tgid:")) {
                    int pid = Integer.parseInt(line.substring("Tgid:".length()).trim());
                    return new Found(name(thread), pid, name(pid));
                }
            }
        } catch (IOException e) {
            // It has ended
        }
        return null;
    }

    private String name(int pid) throws IOException {
        return Files.readString(proc.resolve(pid + "/comm"), UTF_8).stripTrailing();
    }
}
