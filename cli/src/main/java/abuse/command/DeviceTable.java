// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.DeviceException;
import abuse.device.Limits;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Shows devices in a table or as JSON, as the tools of util-linux do. */
final class DeviceTable {
    private final Command command;
    private final boolean limits;
    private final Table<DeviceRow> table;

    /**
     * Gives a command the options.
     *
     * @param limits whether JSON of all columns has the kernel's limits, too
     */
    DeviceTable(Command command, List<Column> usual, boolean limits) {
        this.command = command;
        this.limits = limits;
        table = new Table<>(command, List.of(Column.values()), usual, true);
    }

    /** Whether an option asks for the table instead of the command's own format. */
    boolean isAskedFor() {
        return table.isAskedFor();
    }

    /** Shows all devices that are set up, and if wanted those that are free. */
    void printAll(boolean free) throws UsageException, FailedException, DeviceException {
        List<? extends Field<DeviceRow>> columns = table.columns();
        print(columns, command.allPaths(), free);
    }

    /** Shows one device. */
    void print(String path) throws UsageException, DeviceException {
        print(table.columns(), List.of(path), true);
    }

    /** Prints those that can be opened, then fails for those that cannot. */
    private void print(List<? extends Field<DeviceRow>> columns, List<String> paths, boolean free) throws DeviceException {
        Survey survey = Survey.of(command.context.devices, paths, free);
        table.print(columns, "devices", survey.rows(), (row, members) -> {
            if (limits && !table.areColumnsGiven()) {
                members.put("limits", members(row.status().limits()));
            }
        });
        survey.checkAll();
    }

    /** By the names of the columns that they limit. */
    private static Map<String, Object> members(Limits limits) {
        var members = new LinkedHashMap<String, Object>();
        members.put("size", limits.capacity());
        members.put("bs", limits.blockSize());
        members.put("qd", limits.queueDepth());
        members.put("nq", limits.queues());
        members.put("requests", limits.requests());
        members.put("mr_least", limits.maxRequestLeast());
        members.put("mr", limits.maxRequest());
        members.put("timeout", Seconds.of(limits.timeoutMs()));
        members.put("batch", limits.batch());
        members.put("pieces", limits.pieces());
        return members;
    }
}
