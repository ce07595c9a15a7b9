// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * A program that takes connections from a socket of ours, which it finds as systemd would pass it: descriptor 3, with
 * LISTEN_FDS and LISTEN_PID. Java's own ProcessBuilder passes no descriptors. The program has a process group of its own,
 * so that a terminal's signals are not for it, and is told to end when this process is gone, however that came about.
 */
public final class Child {
    private static final int SIGTERM = 15;
    private static final int SIGKILL = 9;

    /**
     * $0 is the path of the socket, and the words are the command. A process beside it waits for the end of a pipe whose
     * other end only we have. It is in the group, too, whose number is therefore nobody else's until it has ended.
     */
    private static final String SCRIPT = "( (trap '' HUP INT TERM; exec 3<&- >/dev/null 2>&1; read x <&4; rm -f \"$0\";"
            + " rmdir \"${0%/*}\"; kill -s TERM -- -$$; n=0; while [ $((n += 1)) -le 30 ] && kill -0 $$; do sleep 1; done;"
            + " kill -s KILL -- -$$) &) && exec 4<&- && command -v \"$1\" >/dev/null || exit 127;"
            + " LISTEN_PID=$$ LISTEN_FDS=1; export LISTEN_PID LISTEN_FDS; unset LISTEN_FDNAMES NOTIFY_SOCKET; exec \"$@\"";

    private static final short POSIX_SPAWN_SETPGROUP = 2;
    /** More than any C library needs for its structures. */
    private static final int STRUCTURE = 1024;
    /** The lower bits of a status; 0 if there was none. */
    private static final int SIGNAL = 0x7f;
    private static final int P_PID = 1;
    private static final int WEXITED = 4;
    private static final int WNOWAIT = 0x1000000;
    private static final int SIGINFO = 128;

    private static final NativeFunction WAITID = new NativeFunction("waitid", 4);
    private static final NativeFunction WAITPID = new NativeFunction("waitpid", 3);
    private static final NativeFunction KILL = new NativeFunction("kill", 2);

    private final int pid;
    private final int pipe;
    /** From then on the number may be another's. */
    private boolean ended;

    private Child(int pid, int pipe) {
        this.pid = pid;
        this.pipe = pipe;
    }

    /**
     * Starts a program. Its standard input is empty, and its standard output goes to standard error.
     *
     * @param socket listens
     * @param path of the socket, in a folder of its own; both are removed when this process is gone
     * @param command the program and its arguments
     */
    public static Child start(int socket, String path, List<String> command) throws IOException {
        try (Memory memory = Memory.map(2 * Integer.BYTES)) {
            if ((int) new NativeFunction("pipe2", 2).call(memory.address(), Unix.O_CLOEXEC) < 0) {
                throw failure(Unix.errno());
            }
            int read = memory.buffer().getInt(0);
            int write = memory.buffer().getInt(Integer.BYTES);
            try {
                return new Child(spawn(socket, read, path, command), write);
            } catch (IOException | RuntimeException | Error e) {
                Unix.close(write);
                throw e;
            } finally {
                Unix.close(read);
            }
        }
    }

    private static int spawn(int socket, int pipe, String path, List<String> command) throws IOException {
        var words = new ArrayList<>(List.of("/bin/sh", "-c", SCRIPT, path));
        words.addAll(command);
        try (Memory actions = Memory.map(STRUCTURE); Memory attributes = Memory.map(STRUCTURE); Memory result = Memory.map(Integer.BYTES);
                Memory arguments = Unix.strings(words); Memory none = Unix.strings(List.of("/dev/null"))) {
            long to = actions.address();
            check(new NativeFunction("posix_spawn_file_actions_init", 1).call(to));
            check(new NativeFunction("posix_spawnattr_init", 1).call(attributes.address()));
            check(new NativeFunction("posix_spawnattr_setpgroup", 2).call(attributes.address(), 0));
            check(new NativeFunction("posix_spawnattr_setflags", 2).call(attributes.address(), POSIX_SPAWN_SETPGROUP));
            var open = new NativeFunction("posix_spawn_file_actions_addopen", 5);
            check((int) open.call(to, 0, none.address() + 2 * Long.BYTES, Unix.O_RDONLY, 0));
            var dup = new NativeFunction("posix_spawn_file_actions_adddup2", 3);
            if (socket <= 4 || pipe <= 4) {
                throw new IOException("standard input, output and error must be open");
            }
            check(dup.call(to, 2, 1));
            check(dup.call(to, socket, 3));
            check(dup.call(to, pipe, 4));
            // Java's own sockets would stay open
            var close = new NativeFunction("posix_spawn_file_actions_addclose", 2);
            for (String descriptor : new File("/proc/self/fd").list()) {
                if (Integer.parseInt(descriptor) > 4) {
                    check(close.call(to, Integer.parseInt(descriptor)));
                }
            }
            long environment = NativePart.memory().getAddress(Unix.LIBRARY.getSymbolAddress("environ"));
            var spawn = new NativeFunction("posix_spawn", 6);
            try {
                check(spawn.call(result.address(), arguments.buffer().getLong(0), to,
                        attributes.address(), arguments.address(), environment));
            } finally {
                new NativeFunction("posix_spawn_file_actions_destroy", 1).call(to);
                new NativeFunction("posix_spawnattr_destroy", 1).call(attributes.address());
            }
            return result.buffer().getInt(0);
        }
    }

    /** Waits until the program has ended, and returns its status as a shell does. To be called once. */
    public int await() {
        try (Memory result = Memory.map(SIGINFO)) {
            long waited;
            do {
                waited = WAITID.call(P_PID, pid, result.address(), WEXITED | WNOWAIT);
            } while ((int) waited < 0 && Unix.errno() == Unix.EINTR);
            synchronized (this) {
                // What it has left behind, too
                kill();
                ended = true;
                WAITPID.call(pid, result.address(), 0);
            }
            int status = result.buffer().getInt(0);
            return (status & SIGNAL) == 0 ? status >> 8 & 0xff : 128 + (status & SIGNAL);
        } finally {
            Unix.close(pipe);
        }
    }

    /** Asks it to end. */
    public synchronized void terminate() {
        signal(SIGTERM);
    }

    /** Ends it. */
    public synchronized void kill() {
        signal(SIGKILL);
    }

    private void signal(int signal) {
        if (!ended) {
            KILL.call(-pid, signal);
        }
    }

    private static void check(long error) throws IOException {
        if ((int) error != 0) {
            throw failure((int) error);
        }
    }

    private static IOException failure(int error) {
        return new IOException("cannot start a program: " + Unix.strerror(error));
    }
}
