// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import java.io.IOException;

/** The backend and the device differ in size. */
public final class SizeMismatchException extends IOException {
    private static final long serialVersionUID = 1;

    private final long size;
    private final long capacity;

    SizeMismatchException(long size, long capacity) {
        super(size + " bytes for a device of " + capacity);
        this.size = size;
        this.capacity = capacity;
    }

    /** Bytes of the backend. */
    public long size() {
        return size;
    }

    /** Bytes of the device. */
    public long capacity() {
        return capacity;
    }
}
