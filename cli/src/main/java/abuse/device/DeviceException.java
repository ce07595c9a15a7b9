// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.libc.Unix;
import java.io.IOException;

/** A call on a control node that the kernel refused. The message is the C library's. */
public class DeviceException extends IOException {
    private static final long serialVersionUID = 1;

    /** What was tried. */
    public enum Call { OPEN, STATUS, SETUP, RECONNECT, RESET, REMOVE, REQUEUE, SERVE, TRANSFER, POLL }

    /** Why, as far as it matters what to do next. */
    public enum Cause { MISSING, DENIED, NOT_ABUSE, NOT_SET_UP, BUSY, INVALID, INTERRUPTED, OTHER }

    private final String device;
    private final Call call;
    private final int errno;

    /** A refusal of the call on the device, with the kernel's reason. */
    public DeviceException(String device, Call call, int errno) {
        super(Unix.strerror(errno));
        this.device = device;
        this.call = call;
        this.errno = errno;
    }

    /** The path of the control node. */
    public String device() {
        return device;
    }

    /** What was tried. */
    public Call call() {
        return call;
    }

    /** The reason in one word. */
    public Cause reason() {
        return switch (errno) {
            case Unix.ENOENT, Unix.ENXIO -> Cause.MISSING;
            case Unix.EPERM, Unix.EACCES -> Cause.DENIED;
            case Unix.ENODEV -> call == Call.OPEN ? Cause.MISSING : Cause.NOT_SET_UP;
            case Unix.ENOTTY -> Cause.NOT_ABUSE;
            case Unix.EINVAL -> call == Call.STATUS ? Cause.NOT_ABUSE : Cause.INVALID;
            case Unix.EBUSY -> Cause.BUSY;
            case Unix.EINTR -> Cause.INTERRUPTED;
            default -> Cause.OTHER;
        };
    }
}
