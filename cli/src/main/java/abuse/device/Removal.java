// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.device.DeviceException.Reason;
import java.util.List;

/** Takes a disk away once nobody uses it. */
public final class Removal {
    /** How often to try. */
    public static final long PERIOD_MS = 50;

    /** udev opens a disk for a moment after a writer has closed it; that does not count as use. */
    private static final long MOMENT_NS = 2_000_000_000L;

    private final Devices devices;
    private final Device device;
    private final long start = System.nanoTime();
    private long tried = start;

    /** Does nothing yet. */
    public Removal(Devices devices, Device device) {
        this.devices = devices;
        this.device = device;
    }

    /** Returns true when there is no disk any more, and false while somebody uses it. */
    public boolean tryOnce() throws DeviceException {
        tried = System.nanoTime();
        try {
            device.remove();
        } catch (DeviceException e) {
            if (e.reason() == Reason.BUSY) {
                return false;
            }
            if (e.reason() != Reason.NOT_SET_UP) {
                throw e;
            }
        }
        return true;
    }

    /**
     * Whether somebody else took the disk away that the open node serves. A poll of it tells, as it never concerns a later
     * disk.
     */
    public boolean isGone() throws DeviceException {
        try {
            device.pollUnanswered(0);
            return false;
        } catch (DeviceException e) {
            if (e.reason() != Reason.NOT_SET_UP) {
                throw e;
            }
            return true;
        }
    }

    /** Whether the disk was still in use at a try for which udev had time enough to end. */
    public boolean isRefused() {
        return tried - start > MOMENT_NS;
    }

    /** What is in use and how, such as "/dev/abuse0: in use, mounted on /mnt". */
    public String words() throws DeviceException {
        Status status = device.status();
        List<String> users = devices.users(status);
        return status.disk() + ": in use" + (users.isEmpty() ? "" : ", " + String.join(", ", users));
    }
}
