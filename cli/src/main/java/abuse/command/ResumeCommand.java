// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import abuse.device.DeviceException;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Undoes a quiesce. */
final class ResumeCommand extends Command {
    private final PositionalParamSpec name = deviceWord();

    ResumeCommand(Context context) {
        super(context, "resume", "Lets servers have requests again.",
                "Ends what 'abusectl quiesce' began, no matter who called it or how often.");
    }

    @Override
    void execute() throws DeviceException, UsageException {
        try (Device device = open(name.getValue())) {
            device.resume();
        }
    }
}
