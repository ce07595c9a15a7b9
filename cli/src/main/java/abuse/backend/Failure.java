// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import abuse.libc.ErrnoException;
import abuse.libc.Unix;

/** What the users of the disk are told when a request fails. */
public enum Failure {
    /** EIO: the storage cannot read or write it. */
    IO,
    /** ENOSPC: there is no space left for it. */
    NO_SPACE,
    /** ETIMEDOUT: it took too long. */
    TIMEOUT,
    /** EREMOTEIO: whoever keeps the bytes has refused it. */
    REMOTE;

    /**
     * How a request fails because of a system call.
     *
     * @param errno as errno(3) numbers it
     */
    public static Failure ofErrno(int errno) {
        return switch (errno) {
            case Unix.ENOSPC, Unix.EDQUOT -> NO_SPACE;
            case Unix.ETIMEDOUT -> TIMEOUT;
            default -> IO;
        };
    }

    /** How a request fails because of this: as a {@link BackendException} or the errno of a system call says, else with {@link #IO}. */
    public static Failure of(Throwable cause) {
        return cause instanceof BackendException e ? e.failure() : cause instanceof ErrnoException e ? ofErrno(e.errno()) : IO;
    }
}
