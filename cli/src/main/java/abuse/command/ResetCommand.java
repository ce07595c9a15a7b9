// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import abuse.device.DeviceException;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Undoes a setup. */
final class ResetCommand extends Command {
    private final PositionalParamSpec name = deviceWord();

    ResetCommand(Context context) {
        super(context, "reset", "Takes the disk away.",
                "Every request fails, and the device can be set up anew.");
    }

    @Override
    void execute() throws DeviceException {
        try (Device device = open(name.getValue())) {
            device.reset();
        }
    }
}
