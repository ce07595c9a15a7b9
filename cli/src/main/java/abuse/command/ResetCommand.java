// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Undoes a setup. */
final class ResetCommand extends Command {
    private final PositionalParamSpec name = deviceWord();
    private final OptionSpec force = flag("-f,--force", "Take the disk away whoever uses it: every request fails, and what is"
            + " not written yet is lost.");

    ResetCommand(Context context) {
        super(context, "reset", "Takes the disk away.",
                "The device can be set up anew then. A disk that is in use stays.");
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
                    throw new FailedException(removal.words() + "; end that first, or add --force, which loses what is not"
                            + " written yet");
                }
                Thread.sleep(Removal.PERIOD_MS);
            }
        }
    }
}
