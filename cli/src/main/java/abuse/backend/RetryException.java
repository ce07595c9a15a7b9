// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import java.io.IOException;

/**
 * In place of an answer: the backend has {@linkplain Mapper mapped} the bytes of a request, and the kernel carries it
 * out anew, so that no byte passes this process. Thrown by methods of {@link Backend} that have a range, and by
 * {@link AsyncBackend#submit}; a backend that answers later calls {@link AsyncRequest#retry}.
 *
 * <p>What is still not mapped then comes to the backend once more, so a backend that maps nothing sees the same request for
 * ever. Of a disk that cannot be mapped the request fails, and so does a flush.
 */
public final class RetryException extends IOException {
    private static final long serialVersionUID = 1;

    /** It has no stack trace, as it is nobody's fault. */
    public RetryException() {
        super("submitted anew");
    }

    @Override
    public synchronized Throwable fillInStackTrace() {
        return this;
    }
}
