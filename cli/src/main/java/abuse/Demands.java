// SPDX-License-Identifier: Apache-2.0
package abuse;

/** Turns signals into stages: each demand of the user runs the next one. */
final class Demands {
    /** timeout(1) sends each signal twice, to the process and to its group; within this time they count as one. */
    private static final long ONE_NS = 500_000_000L;

    private final Runnable[] stages;
    private int next;
    private long last;

    Demands(Runnable... stages) {
        this.stages = stages;
    }

    /**
     * Runs the next stage.
     *
     * @param hangup whether it is SIGHUP, which counts as a first signal only: a terminal that goes away sends several
     * @return false when all stages have run, and the process should end at once
     */
    boolean take(long nanoseconds, boolean hangup) {
        Runnable stage;
        synchronized (this) {
            if (next > 0 && (hangup || nanoseconds - last < ONE_NS)) {
                return true;
            }
            if (next == stages.length) {
                return false;
            }
            last = nanoseconds;
            stage = stages[next++];
        }
        stage.run();
        return true;
    }
}
