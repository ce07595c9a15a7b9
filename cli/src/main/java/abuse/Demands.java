// SPDX-License-Identifier: Apache-2.0
package abuse;

/** What signals ask for, one after the other. */
final class Demands {
    /** timeout(1) sends one signal twice, to the process and to its group; nobody means two by that. */
    private static final long ONE_NS = 500_000_000L;

    private final Runnable[] stages;
    private int next;
    private long last;

    Demands(Runnable... stages) {
        this.stages = stages;
    }

    /**
     * Does what the signal asks for.
     *
     * @param hangup the terminal is gone: shell and kernel both say so, several times; it asks once at most
     * @return false when there is nothing left to be asked for but the end
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
