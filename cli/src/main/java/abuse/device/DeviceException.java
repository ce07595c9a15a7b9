// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.libc.Unix;
import java.io.IOException;

/** A call on a control node that the kernel refused. The message is the C library's. */
public class DeviceException extends IOException {
    private static final long serialVersionUID = 1;

    /** What was tried. */
    public enum Call { OPEN, STATUS, SETUP, RECONNECT, RESET, REMOVE, REQUEUE, QUIESCE, SERVE, SERVERS, REQUESTS, ADD, MAP, UNMAP, LEND, LENT, EXTENTS,
        TRANSFER, POLL }

    /** Why it failed, as far as that decides what to do next. */
    public enum Reason { MISSING, DENIED, FENCED, NOT_ABUSE, NOT_SET_UP, BUSY, TAKEN, NO_MEMORY, UNSUPPORTED, INVALID, INTERRUPTED, OTHER }

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
    public Reason reason() {
        return switch (errno) {
            case Unix.ENOENT, Unix.ENXIO -> Reason.MISSING;
            // The mode of a node is EACCES, a device cgroup EPERM
            case Unix.EPERM -> call == Call.OPEN ? Reason.FENCED : Reason.DENIED;
            case Unix.EACCES -> Reason.DENIED;
            case Unix.ENODEV -> call == Call.OPEN ? Reason.MISSING : Reason.NOT_SET_UP;
            case Unix.ENOTTY -> Reason.NOT_ABUSE;
            case Unix.EINVAL -> call == Call.STATUS ? Reason.NOT_ABUSE : Reason.INVALID;
            case Unix.EBUSY -> Reason.BUSY;
            case Unix.EEXIST -> Reason.TAKEN;
            case Unix.ENOMEM -> Reason.NO_MEMORY;
            case Unix.EOPNOTSUPP -> Reason.UNSUPPORTED;
            case Unix.EINTR -> Reason.INTERRUPTED;
            default -> Reason.OTHER;
        };
    }
}
