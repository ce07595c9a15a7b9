// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import abuse.device.Removal;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Undoes a setup. */
final class ResetCommand extends Command {
    private final PositionalParamSpec name = deviceWord();
    private final OptionSpec force = flag("-f,--force", "Take the disk away even if it is in use: every request"
            + " fails, and unwritten data is lost.");

    private final OptionSpec lazy = flag("-l,--lazy", "Take the disk away as soon as nobody uses it any more, and do not wait"
            + " for that.");

    ResetCommand(Context context) {
        super(context, "reset", "Takes the disk away.",
                "Then the device can be set up anew. A disk that is in use stays.");
    }

    @Override
    void execute() throws Exception {
        if (isSet(lazy) && isSet(force)) {
            throw new UsageException("'--lazy' and '--force' exclude each other: a disk goes later, or at once");
        }
        try (Device device = open(name.getValue())) {
            if (isSet(force)) {
                device.reset();
                return;
            }
            if (isSet(lazy)) {
                device.removeLazily();
                return;
            }
            var removal = new Removal(context.devices, device);
            while (!removal.tryOnce()) {
                if (removal.isRefused()) {
                    throw new FailedException(removal.words() + "; end that first, or add --lazy, which waits for"
                            + " that, or --force, which loses unwritten data");
                }
                Thread.sleep(Removal.PERIOD_MS);
            }
        }
    }
}
