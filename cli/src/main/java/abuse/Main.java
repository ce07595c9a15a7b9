// SPDX-License-Identifier: Apache-2.0
package abuse;

import abuse.command.Cli;
import abuse.command.Context;
import abuse.device.ControlNode;
import abuse.libc.Unix;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.util.concurrent.atomic.AtomicBoolean;
import jnr.constants.platform.Signal;
import jnr.posix.util.SunMiscSignal;

/** abusectl: puts the layers together. */
public final class Main {
    private Main() {}

    /** Runs one command, and exits with its code. */
    public static void main(String[] args) {
        if (args.length == 0 || !args[0].equals("server")) {
            // Generated stubs are fast to call and slow to make: for whoever calls more than a handful of times
            System.setProperty("jnr.ffi.asm.enabled", "false");
        }
        var context = new Context(
                new FileInputStream(FileDescriptor.in),
                new FileOutputStream(FileDescriptor.out),
                new FileOutputStream(FileDescriptor.err),
                System.getenv(),
                ControlNode.ALL,
                Main::onStop,
                () -> Unix.LIBC.isatty(1) == 1);
        int exitCode = new Cli(context).run(args);
        System.exit(exitCode);
    }

    /** The first signal asks to end well, the second one ends. */
    private static void onStop(Runnable stop) {
        var asked = new AtomicBoolean();
        for (Signal signal : new Signal[] {Signal.SIGTERM, Signal.SIGINT}) {
            SunMiscSignal.signal(signal, number -> {
                if (asked.getAndSet(true)) {
                    Runtime.getRuntime().halt(128 + number);
                }
                stop.run();
            });
        }
    }
}
