// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import abuse.device.Extent;
import java.util.List;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Shows what is mapped. */
final class MapsCommand extends Command {
    private final PositionalParamSpec name = deviceWord();
    private final Table<Extent> table = new Table<>(this, List.of(MapColumn.values()), List.of(MapColumn.values()), true);

    MapsCommand(Context context) {
        super(context, "maps", "Shows which parts of a disk are mapped, and where to.",
                "One line for each part, in the order of their places on the disk; neighbours that continue each other are shown as one part.");
    }

    @Override
    void execute() throws Exception {
        List<? extends Field<Extent>> columns = table.columns();
        try (Device device = open(name.getValue())) {
            table.print(columns, "maps", device.extents());
        }
    }
}
