// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.libc.Memory;
import abuse.libc.Unix;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Lets this process answer while the machine has run out of memory, and waits for it: its own memory is locked, the
 * kernel does not make it wait for I/O to get more, and does not kill it.
 */
public final class Pinning {
    private static final Path SELF = Path.of("/proc/self");

    private Pinning() {}

    /**
     * Pins the process. It starts anew, so that all threads of the JVM are pinned, and not only later ones. Call this
     * before anything else.
     *
     * @throws IOException if that is not permitted; the message says what it takes
     */
    public static void pin() throws IOException {
        if (!Unix.isIoFlusher()) {
            check("PR_SET_IO_FLUSHER", Unix.becomeIoFlusher());
            String arguments = Files.readString(SELF.resolve("cmdline"), StandardCharsets.UTF_8);
            // The '@' tells systemd to leave the process alone while it unmounts the filesystems at shutdown
            check("restart", Unix.execute(SELF.resolve("exe").toString(), List.of(("@" + arguments).split("\0"))));
        }
        check("mlockall", Unix.lockMemory());
        try {
            Files.writeString(SELF.resolve("oom_score_adj"), "-1000");
        } catch (IOException e) {
            throw refusal("oom_score_adj", e.getMessage());
        }
    }

    /** How many bytes of this process are in memory now. */
    public static long resident() {
        try {
            return Long.parseLong(Files.readString(SELF.resolve("statm")).split(" ")[1]) * Memory.pageSize();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void check(String step, int result) throws IOException {
        if (result < 0) {
            throw refusal(step, Unix.strerror(-result));
        }
    }

    private static IOException refusal(String step, String reason) {
        return new IOException("--pin: " + step + ": " + reason
                + "; it takes root, or CAP_IPC_LOCK and CAP_SYS_RESOURCE");
    }
}
