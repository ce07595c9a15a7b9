// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Advice;
import abuse.device.Device;
import abuse.device.Status;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Undoes what was mapped. */
final class UnmapCommand extends Command {
    private final PositionalParamSpec name = word("0", "DEVICE", DeviceName.NEEDED_HELP);
    private final PositionalParamSpec offset = words("1", "OFFSET", "First byte on the disk (0); " + Sizes.UNITS_HELP);
    private final PositionalParamSpec length = words("2", "LENGTH", "How much (the rest of the disk)");

    UnmapCommand(Context context) {
        super(context, "unmap", "Gives a part of a disk, or all of it, back to its servers.",
                "When it returns, what was written to the block device is on it, and nobody uses it any more unless more is mapped to it.");
    }

    @Override
    void execute() throws Exception {
        var range = new Range(offset.getValue() == null ? "0" : offset.getValue(), length.getValue() == null ? "-" : length.getValue());
        try (Device device = open(name.getValue())) {
            Status status = device.status();
            if (!status.isSetUp()) {
                throw new FailedException(Advice.notSetUp(device.path(), " mappable"));
            }
            device.unmap(range.offset(), range.lengthOn(status));
        }
    }
}
