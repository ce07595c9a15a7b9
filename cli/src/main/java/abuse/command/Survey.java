// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.Devices;
import abuse.device.Status;
import java.util.ArrayList;
import java.util.List;

/**
 * A look at several devices.
 *
 * @param rows those that could be opened
 * @param refusal why others could not; null when there are none
 */
record Survey(List<DeviceRow> rows, DeviceException refusal) {
    /**
     * Looks at each.
     *
     * @param free whether at those, too, that are not set up
     */
    static Survey of(Devices devices, List<String> paths, boolean free) {
        var rows = new ArrayList<DeviceRow>();
        DeviceException refusal = null;
        for (String path : paths) {
            try (Device device = devices.open(path)) {
                Status status = device.status();
                if (free || status.isSetUp()) {
                    rows.add(DeviceRow.of(path, device, status));
                }
            } catch (DeviceException e) {
                refusal = e;
            }
        }
        return new Survey(rows, refusal);
    }

    /** Fails for those that could not be opened, once the others are shown. */
    void checkAll() throws DeviceException {
        if (refusal != null) {
            // One refusal stands for all, as the others hardly ever have another cause
            throw refusal;
        }
    }
}
