// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Advice;
import abuse.device.Config;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.FileErrors;
import abuse.device.Status;
import java.io.IOException;
import java.util.List;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Changes the size of a disk in use. */
final class ResizeCommand extends Command {
    private final PositionalParamSpec first = words("0", "DEVICE", DeviceName.HELP);
    private final PositionalParamSpec second = lastWord("1", "SIZE", "New size, or after a + how much to add;"
            + " " + Sizes.UNITS_HELP);

    ResizeCommand(Context context) {
        super(context, "resize", "Makes a disk larger while it is used.",
                "Everything else stays as it is. The image or device that it is served from must have grown before.");
        spec.usageMessage().customSynopsis("abusectl resize [-hV] [DEVICE] SIZE");
    }

    @Override
    void execute() throws Exception {
        boolean named = second.getValue() != null;
        String size = named ? second.getValue() : first.getValue();
        if (size == null) {
            throw new UsageException("SIZE is missing");
        }
        if (!named && isDevice(size)) {
            throw new UsageException("'" + size + "' is a device; SIZE is missing");
        }
        boolean more = size.startsWith("+");
        long bytes = more ? Sizes.bytes("+", size.substring(1)) : Sizes.bytes("", size);
        try (Device device = open(named ? first.getValue() : null)) {
            Status current = device.status();
            if (!current.isSetUp()) {
                throw new FailedException(Advice.notSetUp(device.path(), " sz=" + (more ? size.substring(1) : size)));
            }
            long capacity = more ? current.capacity() + bytes : bytes;
            if (capacity < 0) {
                throw Sizes.tooLarge(size);
            }
            Config config = new SetupKeys(List.of("reconnect")).size(capacity, size).config(current);
            if (capacity < current.capacity()) {
                throw new FailedException(device.path() + ": has " + Sizes.exact(current.capacity()) + ", more than " + size
                        + "; a disk cannot be made smaller while it is set up");
            }
            device.setup(config);
            if (current.servers() > 0 && capacity > current.capacity()) {
                probe(device, capacity);
            }
        }
    }

    /** Whether a word names a device; a number does if it is too small for the size of a disk. */
    private static boolean isDevice(String word) {
        return DeviceName.isOne(word) && !(word.matches("[0-9]+") && Integer.parseInt(word) >= Config.MIN_BLOCK);
    }

    /** Reads the last block as the disk's users would, as the kernel does not know how much the server holds. */
    private void probe(Device device, long capacity) throws DeviceException, FailedException {
        Status grown = device.status();
        try {
            context.devices.probe(grown, capacity - grown.blockSize());
        } catch (IOException e) {
            throw new FailedException(grown.disk() + ": has " + Sizes.exact(capacity) + " now, but its server has less: "
                    + FileErrors.words(e) + "; the image must have " + capacity + " bytes", e);
        }
    }
}
