// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import abuse.device.DeviceException;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Takes requests from whoever has them. */
final class RequeueCommand extends Command {
    private final PositionalParamSpec name = deviceWord();

    RequeueCommand(Context context) {
        super(context, "requeue", "Takes all requests from the servers that have them.",
                "For a server that hangs: its requests wait for another server, and its late answers are refused. A server"
                        + " that moves the data itself must be killed instead, or it may overwrite newer data when it goes on: see"
                        + " SERVERS THAT STOP in abusectl-server(8).");
    }

    @Override
    void execute() throws DeviceException, UsageException {
        try (Device device = open(name.getValue())) {
            device.requeue();
        }
    }
}
