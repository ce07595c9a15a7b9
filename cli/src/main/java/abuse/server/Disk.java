// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static java.nio.charset.StandardCharsets.US_ASCII;

import abuse.backend.AddressedBackend;
import abuse.backend.Backend;
import abuse.backend.Geometry;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.DeviceException.Call;
import abuse.device.Devices;
import abuse.device.Flag;
import abuse.device.Serving;
import abuse.device.Status;
import abuse.libc.Unix;
import java.io.FileInputStream;
import java.io.IOException;
import java.util.HashSet;
import java.util.Set;

/**
 * A device that is set up, with the open backend that serves it.
 *
 * @param identity what the backend's bytes are told apart by; null if it is not to be compared with others
 * @param claim a control node that keeps other content away until the backend is closed
 * @param mapper null if the disk cannot be mapped
 */
record Disk(Devices devices, String path, String text, Status status, Backend backend, DiskSize size, String identity,
        Device claim, DiskMapper mapper) implements AutoCloseable {
    /** Another UUID each time. Java's own generator is a hundred classes, for which the first request would wait. */
    private static final String RANDOM = "/proc/sys/kernel/random/uuid";

    /**
     * Opens the backend for a device with this status.
     *
     * @param shared whether other servers may serve something else there
     * @param map whether the backend may map the disk, if it was set up for that
     * @throws SizeMismatchException when the two differ in size
     */
    static Disk open(Devices devices, String path, String text, Status status, boolean shared, boolean map,
            Server.BackendOpener opener) throws IOException {
        boolean mappable = status.flags().contains(Flag.MAPPABLE);
        Backend backend = opener.open(new Geometry(status.number(), status.capacity(), status.blockSize(),
                status.maxRequest(), status.flags().contains(Flag.READ_ONLY), mappable && map));
        try {
            if (backend.size() >= 0 && backend.size() != status.capacity()) {
                throw new SizeMismatchException(backend.size(), status.capacity());
            }
            String identity = shared ? null : backend.identity() != null ? backend.identity() : random();
            var size = new DiskSize(backend, status.capacity());
            Device claim = node(devices, path, status, new Serving(Device.ANY_QUEUE, identity, text));
            return new Disk(devices, path, text, status, backend, size, identity, claim, mappable ? new DiskMapper(claim, map) : null);
        } catch (IOException | RuntimeException | Error e) {
            backend.close();
            throw e;
        }
    }

    /** What no other server has, in 32 characters. */
    private static String random() throws IOException {
        try (var uuid = new FileInputStream(RANDOM)) {
            return new String(uuid.readAllBytes(), US_ASCII).strip().replace("-", "");
        }
    }

    /** Whether the kernel can reach the backend's bytes by itself. */
    boolean isAddressed() {
        return backend instanceof AddressedBackend;
    }

    /**
     * Opens a control node, and says what is served there.
     *
     * @param queue the hardware queue, or {@link Device#ANY_QUEUE}
     */
    Device node(int queue) throws DeviceException {
        return node(devices, path, status, new Serving(queue, identity, text));
    }

    private static Device node(Devices devices, String path, Status status, Serving serving) throws DeviceException {
        Device device = devices.open(path);
        try {
            device.serve(serving);
            if (!isSameSetup(status, device.status())) {
                throw new DeviceException(path, Call.SERVE, Unix.ENODEV);
            }
            return device;
        } catch (DeviceException | RuntimeException | Error e) {
            device.close();
            throw e;
        }
    }

    /** Whether others serve it, too, beside so many control nodes of ours, of which this is one. */
    static boolean isServedByOthers(Device device, int ours) {
        try {
            return device.status().servers() > ours;
        } catch (DeviceException | OutOfMemoryError e) {
            return true;
        }
    }

    /** Lets the backend map the disk, once it is known that it may serve it. */
    void map() throws IOException {
        if (mapper != null) {
            mapper.start(backend);
        }
    }

    /** Whether the device still has the setup that the backend was opened for, and not one made after a reset. */
    private static boolean isSameSetup(Status before, Status now) {
        return now.capacity() >= before.capacity() && now.blockSize() == before.blockSize()
                && now.queues() == before.queues() && now.maxRequest() == before.maxRequest()
                && fixedFlags(now).equals(fixedFlags(before));
    }

    /** Those that a reconnect cannot change. */
    private static Set<Flag> fixedFlags(Status status) {
        var flags = new HashSet<>(status.flags());
        flags.remove(Flag.READ_ONLY);
        flags.remove(Flag.AUTOREMOVE);
        return flags;
    }

    /** Only now a backend may write what it has kept, or a filter: other content that was written before would be lost. */
    @Override
    public void close() throws IOException {
        try (claim; mapper; backend) {
            if (mapper != null) {
                mapper.undo();
            }
        }
    }
}
