// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.DeviceException.Reason;
import abuse.device.Status;
import java.util.List;

/** Takes a disk away once nobody uses it. */
final class Removal {
    /** How often to try. */
    static final long PERIOD_MS = 50;

    /** udev opens a disk for a moment after a writer has closed it; that does not count as use. */
    private static final long MOMENT_NS = 2_000_000_000L;

    private final Context context;
    private final Device device;
    private final long start = System.nanoTime();

    Removal(Context context, Device device) {
        this.context = context;
        this.device = device;
    }

    /** Returns true when there is no disk any more, and false while somebody uses it. */
    boolean tryOnce() throws DeviceException {
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

    /** Whether the disk has been in use for longer than udev needs. */
    boolean isRefused() {
        return System.nanoTime() - start > MOMENT_NS;
    }

    /** What is in use and how, such as "/dev/abuse0: in use, mounted on /mnt". */
    String words() throws DeviceException {
        Status status = device.status();
        List<String> users = context.devices.users(status);
        return status.disk() + ": in use" + (users.isEmpty() ? "" : ", " + String.join(", ", users));
    }
}
