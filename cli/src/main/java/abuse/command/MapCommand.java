// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Advice;
import abuse.device.Device;
import abuse.device.Mapping;
import abuse.device.Status;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Maps a part of a disk to a block device. */
final class MapCommand extends Command {
    private final PositionalParamSpec name = word("0", "DEVICE", DeviceName.NEEDED_HELP);
    private final PositionalParamSpec offset = word("1", "OFFSET", "First byte on the disk; " + Sizes.UNITS_HELP);
    private final PositionalParamSpec length = word("2", "LENGTH", "How much; - for the rest of the disk");
    private final PositionalParamSpec target = word("3", "TARGET[:AT]", "Block device that has these bytes, and where they"
            + " begin there (0)");
    private final OptionSpec readOnly = flag("-r,--read-only", "Map reads only; writes go to the servers.");
    private final OptionSpec discard = flag("--discard", "Map discards, too; the block device must be able to do them.");
    private final OptionSpec zeroes = flag("--write-zeroes", "Map writes of zeroes, too; the block device must be able to do them.");
    private final OptionSpec replace = flag("--replace", "Also where something is mapped already.");

    MapCommand(Context context) {
        super(context, "map", "Lets the kernel itself use a block device for a part of a disk.",
                "No server is asked for what is mapped, nor needed. The rest of the disk is the servers' as before, and so are"
                        + " discards and writes of zeroes unless they are mapped, too. It stays so until 'abusectl unmap' or a reset.");
    }

    @Override
    void execute() throws Exception {
        String path = target.getValue();
        // As a link in /dev/disk/by-path has colons in its name
        int colon = Files.exists(Path.of(path)) ? -1 : path.lastIndexOf(':');
        var range = new Range(offset.getValue(), length.getValue());
        long from = colon < 0 ? 0 : Sizes.bytes("AT ", path.substring(colon + 1));
        path = colon < 0 ? path : path.substring(0, colon);
        if (path.isEmpty()) {
            throw new UsageException("'" + target.getValue() + "' names no block device");
        }
        if (isSet(readOnly) && (isSet(discard) || isSet(zeroes))) {
            throw new UsageException("--discard and --write-zeroes need writes, which --read-only leaves to the servers");
        }
        try (Device device = open(name.getValue())) {
            Status status = device.status();
            if (!status.isSetUp()) {
                throw new FailedException(Advice.notSetUp(device.path(), " mappable"));
            }
            long bytes = range.lengthOn(status);
            if (from % status.blockSize() != 0) {
                throw new UsageException(target.getValue() + ": " + from + " is not a multiple of the block size, "
                        + status.blockSize());
            }
            device.map(new Mapping(range.offset(), bytes, path, from, !isSet(readOnly), isSet(discard),
                    isSet(zeroes), isSet(replace)));
        }
    }
}
