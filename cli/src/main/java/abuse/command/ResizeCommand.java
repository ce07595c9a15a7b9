// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import abuse.device.Status;
import java.util.List;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Changes the size of a disk in use. */
final class ResizeCommand extends Command {
    private final PositionalParamSpec first = words("0", "DEVICE", DeviceName.HELP);
    private final PositionalParamSpec second = words("1", "SIZE", "New size, or with a + how much more; K, M, G and T");

    ResizeCommand(Context context) {
        super(context, "resize", "Makes a disk larger while it is used.",
                "Everything else stays as it is. What it is served from must have grown before.");
        spec.usageMessage().customSynopsis("abusectl resize [DEVICE] SIZE");
    }

    @Override
    void execute() throws Exception {
        boolean named = second.getValue() != null;
        String size = named ? second.getValue() : first.getValue();
        if (size == null) {
            throw new UsageException("which size?");
        }
        boolean more = size.startsWith("+");
        long bytes;
        try {
            bytes = Sizes.parse(more ? size.substring(1) : size, true);
        } catch (UsageException e) {
            throw new UsageException(size + " " + e.getMessage());
        }
        try (Device device = open(named ? first.getValue() : null)) {
            Status current = device.status();
            if (!current.isSetUp()) {
                throw new FailedException(device.path() + ": not set up; try 'abusectl setup " + device.path() + " sz="
                        + size + "'");
            }
            long capacity = more ? current.capacity() + bytes : bytes;
            if (capacity < 0) {
                throw new UsageException(size + " is beyond 2^63 - 1");
            }
            device.setup(new SetupKeys(List.of("reconnect", "sz=" + capacity)).config(current));
        }
    }
}
