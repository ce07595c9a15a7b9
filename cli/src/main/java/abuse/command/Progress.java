// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import java.util.function.LongSupplier;
import org.fusesource.jansi.Ansi;

/** Shows on a terminal how far something has come that takes seconds; nothing of it is left at the end. */
final class Progress {
    /** Milliseconds until the first word, and between two. */
    private static final long PERIOD = 500;

    private final Thread thread;

    /**
     * Starts to show it.
     *
     * @param what   what is done
     * @param total  bytes that there are to be done
     * @param done   bytes that are done by now
     */
    Progress(Context context, String what, long total, LongSupplier done) {
        thread = new Thread(() -> show(context, what, total, done), "progress");
        thread.setDaemon(true);
        if (context.colour()) {
            thread.start();
        }
    }

    private static void show(Context context, String what, long total, LongSupplier done) {
        String line = "";
        try {
            while (true) {
                Thread.sleep(PERIOD);
                line = "\r" + what + ": " + Math.min(100 * done.getAsLong() / total, 100) + " % of " + Sizes.exact(total);
                context.out.print(line);
                context.out.flush();
            }
        } catch (InterruptedException e) {
            context.out.print(line.isEmpty() ? "" : "\r" + Ansi.ansi().eraseLine(Ansi.Erase.FORWARD));
            context.out.flush();
        }
    }

    /** No more is shown when this returns. */
    void end() {
        thread.interrupt();
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
