// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.backend.Mapper;
import abuse.device.Device;
import abuse.device.Devices;
import abuse.device.Mapping;
import abuse.device.Status;
import java.io.IOException;

/** Maps the disk that a backend serves, and undoes that when the last server ends. */
final class DiskMapper implements Mapper, AutoCloseable {
    private final Devices devices;
    private final String path;
    private volatile boolean used;

    DiskMapper(Devices devices, String path) {
        this.devices = devices;
        this.path = path;
    }

    @Override
    public void map(long offset, long length, String target, long targetOffset, boolean writable) throws IOException {
        try (Device device = devices.open(path)) {
            device.map(new Mapping(offset, length, target, targetOffset, writable, true));
            used = true;
        }
    }

    @Override
    public void unmap(long offset, long length) throws IOException {
        try (Device device = devices.open(path)) {
            device.unmap(offset, length);
        }
    }

    /** After a stop the disk waits for the next server, as it does for what is not mapped. */
    @Override
    public void close() throws IOException {
        if (!used) {
            return;
        }
        try (Device device = devices.open(path)) {
            Status status = device.status();
            if (status.isSetUp() && status.servers() == 0) {
                device.unmap(0, status.capacity());
            }
        }
    }
}
