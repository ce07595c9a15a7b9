// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.backend.Backend;
import abuse.device.Device;
import abuse.device.Status;
import java.io.IOException;

/** The size of a disk. A reconnect may make it larger while it is served. */
final class DiskSize {
    private final Backend backend;
    private volatile long capacity;

    DiskSize(Backend backend, long capacity) {
        this.backend = backend;
        this.capacity = capacity;
    }

    /** Whether the backend has these bytes, as far as is known. */
    boolean contains(long offset, long length) {
        return offset <= capacity - length;
    }

    /** Takes a disk that has grown for what it is, if the backend can; after a request beyond its known end. */
    synchronized void grow(Device device) throws IOException {
        Status status = device.status();
        if (status.capacity() > capacity) {
            backend.grow(status.capacity());
            capacity = status.capacity();
        }
    }
}
