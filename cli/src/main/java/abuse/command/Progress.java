// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import java.util.Timer;
import java.util.TimerTask;
import java.util.function.LongSupplier;
import org.fusesource.jansi.Ansi;

/** Shows on a terminal the progress of something that takes seconds, and erases it at the end. */
final class Progress {
    /** Milliseconds until the first output, and between two. */
    private static final long PERIOD = 500;

    private final Context context;
    private final Timer timer; // null: there is no terminal
    private boolean shown;
    private boolean ended;

    /**
     * Starts to show the progress.
     *
     * @param what   what is being done
     * @param total  how many bytes there are to do
     * @param done   returns how many of them are done
     */
    Progress(Context context, String what, long total, LongSupplier done) {
        this(context, what, total, Sizes.exact(total), done);
    }

    /** The same of something that is not bytes; all of it in words. */
    Progress(Context context, String what, long total, String all, LongSupplier done) {
        this.context = context;
        timer = context.drawing() ? new Timer("progress", true) : null;
        if (timer == null) {
            return;
        }
        timer.schedule(new TimerTask() {
            @Override
            public void run() {
                show("\r" + what + ": " + Math.min(100 * done.getAsLong() / total, 100) + " % of " + all);
            }
        }, PERIOD, PERIOD);
    }

    private synchronized void show(String line) {
        if (!ended) {
            context.out.print(line);
            context.out.flush();
            shown = true;
        }
    }

    /** Erases the line; nothing more is shown when this returns. */
    synchronized void end() {
        ended = true;
        if (timer != null) {
            timer.cancel();
        }
        if (shown) {
            context.out.print("\r" + Ansi.ansi().eraseLine(Ansi.Erase.FORWARD));
            context.out.flush();
        }
    }
}
