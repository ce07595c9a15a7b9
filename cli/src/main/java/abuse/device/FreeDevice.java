// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.device.DeviceException.Call;
import abuse.device.DeviceException.Reason;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/** Finds a device that nobody uses, and makes its disk. */
public final class FreeDevice {
    /** How long to wait for a node. */
    private static final long NODE_NS = 3_000_000_000L;
    /** How long to wait for the kernel's look at the partition table. */
    private static final long SCAN_NS = 10_000_000_000L;
    private static final long PERIOD_MS = 20;

    private FreeDevice() {}

    /**
     * Sets up a free device, or another one. If two programs try at once, the kernel gives the device to one.
     *
     * @return the open node, which the caller closes
     * @throws IOException when there is none, or none is free; the message says why
     */
    public static Device setUp(Devices devices, Config config) throws IOException {
        int busy = 0;
        var refusals = new ArrayList<DeviceException>();
        List<String> paths = devices.list();
        if (paths.isEmpty()) {
            throw new IOException(Advice.noDevices(devices.isModuleLoaded()));
        }
        for (String path : paths) {
            try {
                if (devices.isForeign(path)) {
                    // Its owner could take the requests of this disk
                    busy++;
                    continue;
                }
                return setUp(devices, path, config);
            } catch (DeviceException e) {
                if (e.reason() == Reason.BUSY) {
                    busy++;
                } else if (e.call() == Call.OPEN || e.reason() == Reason.NOT_ABUSE) {
                    refusals.add(e);
                } else {
                    throw e;
                }
            }
        }
        if (busy == 0) {
            throw refusals.get(0);
        }
        while (true) {
            try {
                return setUp(devices, devices.make(-1), config);
            } catch (DeviceException e) {
                if (e.call() == Call.ADD) {
                    throw noneIsFree(busy, refusals, e);
                }
                if (e.reason() != Reason.BUSY) {
                    throw e;
                }
            }
        }
    }

    /**
     * Returns if there is a device that this program may use, no matter whether it is free.
     *
     * @throws IOException when there is none, or it may open none
     */
    public static void checkAvailable(Devices devices) throws IOException {
        DeviceException refusal = null;
        for (String path : devices.list()) {
            try (Device device = devices.open(path)) {
                device.status();
                return;
            } catch (DeviceException e) {
                refusal = refusal == null ? e : refusal;
            }
        }
        throw refusal == null ? new IOException(Advice.noDevices(devices.isModuleLoaded())) : refusal;
    }

    private static IOException noneIsFree(int busy, List<DeviceException> refusals, DeviceException noMore) {
        String advice = "; 'abusectl reset' frees one, and " + switch (noMore.reason()) {
            case DENIED -> "root can make more";
            case MISSING -> "others have no node in this /dev, such as " + noMore.device();
            default -> "max_abuse allows no more";
        };
        return new IOException(refusals.isEmpty() ? "no device is free, all " + busy + " are set up" + advice
                : "no device is free: " + busy + (busy == 1 ? " is" : " are") + " set up, " + refusals.size()
                        + " cannot be used, such as " + refusals.get(0).device() + ":"
                        + " " + refusals.get(0).getMessage() + advice);
    }

    @SuppressWarnings("resource") // what is returned is open
    private static Device setUp(Devices devices, String path, Config config) throws DeviceException {
        Device device = devices.open(path);
        try {
            device.setup(config);
            return device;
        } catch (DeviceException e) {
            device.close();
            throw e;
        }
    }

    /**
     * Waits for the disk's node, which the kernel makes at once, or a daemon soon.
     *
     * @param cancelled ends the wait
     * @throws IOException when the path does not lead to the disk after some seconds
     */
    public static void awaitNode(Device device, BooleanSupplier cancelled) throws IOException, InterruptedException {
        long start = System.nanoTime();
        for (String problem = device.nodeProblem(); problem != null && !cancelled.getAsBoolean();
                problem = device.nodeProblem()) {
            if (System.nanoTime() - start >= NODE_NS) {
                throw new IOException(device.status().disk() + ": " + problem);
            }
            Thread.sleep(PERIOD_MS);
        }
    }

    /** Waits, but not for ever, until the kernel has read the partition table of a disk that is served. */
    public static void awaitScan(Device device) throws DeviceException, InterruptedException {
        long start = System.nanoTime();
        while (!device.rescan() && System.nanoTime() - start < SCAN_NS) {
            Thread.sleep(PERIOD_MS);
        }
        // The kernel had begun then, and has the disk open until it has ended
        while (device.status().openers() > 0 && System.nanoTime() - start < SCAN_NS) {
            Thread.sleep(PERIOD_MS);
        }
    }
}
