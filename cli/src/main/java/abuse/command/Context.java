// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Devices;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.BooleanSupplier;

/** What surrounds a command: its streams, its environment, the devices. */
public final class Context {
    /** How a command is told to stop. */
    public interface Signals {
        /**
         * Calls the first stage when the user or the service manager wants the command to end, and the next one at
         * each further demand. A demand after the last stage ends the process at once.
         */
        void onStop(Runnable... stages);

        /** Calls this whenever the user asks by SIGUSR1 how things are; without it that signal ends the process. */
        default void onQuestion(Runnable answer) {}
    }

    final InputStream in;
    final Output bytesOut;
    final PrintWriter out;
    final PrintWriter err;
    /** Where err goes, for whoever writes whole lines of bytes. */
    final OutputStream bytesErr;
    final Map<String, String> environment;
    final Devices devices;
    final Signals signals;
    /** Below this are the sockets of servers. */
    Path sockets = Path.of("/run/abuse");
    private final BooleanSupplier terminal;

    /**
     * Everything a command may touch.
     *
     * @param terminal whether out is a terminal; asked only when it matters
     */
    public Context(InputStream in, OutputStream out, OutputStream err, Map<String, String> environment,
            Devices devices, Signals signals, BooleanSupplier terminal) {
        this.in = in;
        this.bytesOut = new Output(out);
        this.out = new PrintWriter(new OutputStreamWriter(bytesOut, StandardCharsets.UTF_8));
        bytesErr = err;
        this.err = new PrintWriter(new OutputStreamWriter(err, StandardCharsets.UTF_8), true);
        this.environment = environment;
        this.devices = devices;
        this.signals = signals;
        this.terminal = terminal;
    }

    /** Whether out can be drawn on, and not only written to. */
    boolean drawing() {
        return !"dumb".equals(environment.get("TERM")) && terminal.getAsBoolean();
    }

    /** Whether out may carry colour. */
    boolean colour() {
        return environment.getOrDefault("NO_COLOR", "").isEmpty() && drawing();
    }

    /** Writes out all that was printed; fails if any of it is lost. */
    void flush() throws Output.LostException {
        out.flush();
        checkOutput();
    }

    /** Fails when something printed was lost, which the writer keeps to itself. */
    void checkOutput() throws Output.LostException {
        if (bytesOut.lost() != null) {
            throw bytesOut.lost();
        }
    }

    /** Prints a message in a line, which begins with the program's name like all others. */
    void complain(String message) {
        err.println("abusectl: " + Printable.text(message));
    }
}
