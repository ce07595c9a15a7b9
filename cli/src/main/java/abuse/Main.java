// SPDX-License-Identifier: Apache-2.0
package abuse;

import abuse.command.Cli;
import abuse.command.Context;
import abuse.device.ControlNode;
import abuse.device.Devices;
import abuse.libc.Unix;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import jnr.constants.platform.Signal;
import jnr.posix.util.SunMiscSignal;

/** The program abusectl, which puts the layers together. */
public final class Main {
    private Main() {}

    /** Runs one command, and exits with its code. */
    public static void main(String[] args) {
        if (args.length == 2 && args[0].equals("--train")) {
            Training.run(Path.of(args[1]));
            System.exit(0);
        }
        int exitCode = new Cli(context(
                new FileInputStream(FileDescriptor.in),
                new FileOutputStream(FileDescriptor.out),
                new FileOutputStream(FileDescriptor.err),
                ControlNode.ALL)).run(args);
        System.exit(exitCode);
    }

    static Context context(InputStream in, OutputStream out, OutputStream err, Devices devices) {
        return new Context(in, out, err, System.getenv(), devices, new Context.Signals() {
            @Override
            public void onStop(Runnable... stages) {
                Main.onStop(stages);
            }

            @Override
            public void onQuestion(Runnable answer) {
                SunMiscSignal.signal(Signal.SIGUSR1, number -> answer.run());
            }
        }, () -> Unix.isTerminal(1));
    }

    private static void onStop(Runnable... stages) {
        var demands = new Demands(stages);
        for (Signal signal : new Signal[] {Signal.SIGTERM, Signal.SIGINT, Signal.SIGHUP}) {
            SunMiscSignal.signal(signal, number -> {
                if (!demands.take(System.nanoTime(), signal == Signal.SIGHUP)) {
                    Runtime.getRuntime().halt(128 + number);
                }
            });
        }
    }
}
