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

    /** Fails if a range is not within the disk, which may have grown. */
    void check(Device device, long offset, long length) throws IOException {
        if (!contains(offset, length)) {
            grow(device);
            if (!contains(offset, length)) {
                throw new IOException("a request beyond the end of the disk");
            }
        }
    }

    private boolean contains(long offset, long length) {
        return offset <= capacity - length;
    }

    /** If the disk has grown, the backend must grow, too. */
    private synchronized void grow(Device device) throws IOException {
        Status status = device.status();
        if (status.capacity() > capacity) {
            backend.grow(status.capacity());
            capacity = status.capacity();
        }
    }
}
