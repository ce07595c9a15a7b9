// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.libc.Unix;

/** Another server already serves something else. */
public final class OtherContentException extends DeviceException {
    private static final long serialVersionUID = 1;

    private final int pid;
    private final String text;

    /** A refusal because of that server. */
    public OtherContentException(String device, int pid, String text) {
        super(device, Call.SERVE, Unix.EBUSY);
        this.pid = pid;
        this.text = text;
    }

    /** The process of that server, or 0 if it is not visible from here. */
    public int pid() {
        return pid;
    }

    /** What it says it serves; may be empty. */
    public String text() {
        return text;
    }
}
