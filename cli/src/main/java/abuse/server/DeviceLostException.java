// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.device.DeviceException;

/**
 * The kernel takes no more answers; after a reset that is no failure, as nothing is left to answer. This is not a
 * DeviceException, because a backend may throw one about a device of its own.
 */
final class DeviceLostException extends Exception {
    private static final long serialVersionUID = 1;

    final DeviceException reason;

    DeviceLostException(DeviceException reason) {
        super(reason);
        this.reason = reason;
    }
}
