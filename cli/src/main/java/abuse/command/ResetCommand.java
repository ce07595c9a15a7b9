// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Undoes a setup. */
final class ResetCommand extends Command {
    private final PositionalParamSpec name = deviceWord();
    private final OptionSpec force = flag("-f,--force", "Take the disk away even if it is in use: every request"
            + " fails, and unwritten data is lost.");

    ResetCommand(Context context) {
        super(context, "reset", "Takes the disk away.",
                "Then the device can be set up anew. A disk that is in use stays.");
    }

    @Override
    void execute() throws Exception {
        try (Device device = open(name.getValue())) {
            if (isSet(force)) {
                device.reset();
                return;
            }
            var removal = new Removal(context, device);
            while (!removal.tryOnce()) {
                if (removal.isRefused()) {
                    throw new FailedException(removal.words() + "; end that first, or add --force, which loses"
                            + " unwritten data");
                }
                Thread.sleep(Removal.PERIOD_MS);
            }
        }
    }
}
