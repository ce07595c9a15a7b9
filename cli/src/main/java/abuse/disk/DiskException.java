// SPDX-License-Identifier: Apache-2.0
package abuse.disk;

import abuse.device.Advice;
import abuse.device.Devices;
import abuse.server.SizeMismatchException;
import java.io.IOException;

/**
 * A disk cannot be made, served or taken away. The message is one line that names the device or the backend, says what is
 * wrong, and what to do next.
 */
public final class DiskException extends IOException {
    private static final long serialVersionUID = 1;

    DiskException(String message, Throwable cause) {
        super(message, cause);
    }

    /** In the words of abusectl. */
    static DiskException of(Throwable cause, Devices devices) {
        if (cause instanceof DiskException e) {
            return e;
        }
        String words = cause instanceof SizeMismatchException e ? "the backend holds " + e.size() + " bytes, but the disk has "
                + e.capacity() + "; leave the size to the backend, or make them equal"
                : cause instanceof IOException e ? Advice.words(e, devices) : null;
        return new DiskException(words == null ? cause.toString() : words, cause);
    }
}
