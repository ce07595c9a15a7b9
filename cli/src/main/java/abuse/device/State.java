// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.util.Locale;

/** What a device is at present. */
public enum State {
    /** Not set up. */
    NONE(Abi.ABUSE_STATE_NONE),
    /** Set up. */
    LIVE(Abi.ABUSE_STATE_LIVE),
    /** Set up, but a server declared it failed: every request fails until a reset or a reconnect. */
    FAILED(Abi.ABUSE_STATE_FAILED),
    /** Set up, but nobody has served it for too long: every request fails until somebody does. */
    ORPHANED(Abi.ABUSE_STATE_ORPHANED);

    final int code;

    State(int code) {
        this.code = code;
    }

    /** In one word, such as "live". */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** A state that only later kernels know counts as set up. */
    static State of(int code) {
        for (State state : values()) {
            if (state.code == code) {
                return state;
            }
        }
        return LIVE;
    }
}
