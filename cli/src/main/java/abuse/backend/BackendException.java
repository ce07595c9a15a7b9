// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import java.io.IOException;

/** Fails a request with more than an I/O error. */
public class BackendException extends IOException {
    private static final long serialVersionUID = 1;

    private final Failure failure;

    /**
     * Fails it so.
     *
     * @param cause told to the administrator; null if that was done already
     */
    public BackendException(Failure failure, String cause) {
        super(cause);
        this.failure = failure;
    }

    /** What the users of the disk are told. */
    public Failure failure() {
        return failure;
    }
}
