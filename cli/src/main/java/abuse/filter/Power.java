// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

/** Whether a disk has power. One thread at a time. */
final class Power {
    private enum State { ON, CUTTING, OFF }

    private final Selection selection;
    private final long off;
    private State state = State.ON;
    private long cutAt;
    private long cuts;

    /** @param off for how long it is off, in nanoseconds; negative for as long as the file is there that the selection waits for */
    Power(Selection selection, long off) {
        this.selection = selection;
        this.off = off;
    }

    boolean isOn() {
        comeBack();
        return state == State.ON;
    }

    /** Whether it is off, and not only about to be. */
    boolean isOff() {
        comeBack();
        return state == State.OFF;
    }

    /** Whether what was not flushed is to meet its fate. */
    boolean isCutting() {
        return state == State.CUTTING;
    }

    void cut() {
        state = State.CUTTING;
        cuts++;
    }

    /** How often it was cut. */
    long cuts() {
        return cuts;
    }

    void goOff() {
        cutAt = System.nanoTime();
        state = State.OFF;
    }

    private void comeBack() {
        if (state == State.OFF
                && (off >= 0 ? System.nanoTime() - cutAt >= off : selection.hasTrigger() && !selection.isOpen())) {
            state = State.ON;
        }
    }
}
