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

    /** Whether a range lies within the size that is known. */
    boolean contains(long offset, long length) {
        return offset <= capacity - length;
    }

    /** Called after a request beyond the known end: if the disk has grown, the backend must grow, too. */
    synchronized void grow(Device device) throws IOException {
        Status status = device.status();
        if (status.capacity() > capacity) {
            backend.grow(status.capacity());
            capacity = status.capacity();
        }
    }
}
