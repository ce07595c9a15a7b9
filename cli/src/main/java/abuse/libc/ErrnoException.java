// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import java.io.IOException;

/** A system call that has failed. */
public final class ErrnoException extends IOException {
    private static final long serialVersionUID = 1;

    private final int errno;

    /** The message names what the call was for. */
    public ErrnoException(int errno, String message) {
        super(message);
        this.errno = errno;
    }

    /** As errno(3) numbers it. */
    public int errno() {
        return errno;
    }
}
