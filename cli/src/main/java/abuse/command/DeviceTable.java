// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.Limits;
import abuse.device.Status;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.fusesource.jansi.Ansi;
import picocli.CommandLine.Model.OptionSpec;

/** Shows devices in a table or as JSON, as the tools of util-linux do. */
final class DeviceTable {
    private final Command command;
    private final Context context;
    private final List<Column> usual;
    private final boolean limits;
    private final OptionSpec json;
    private final OptionSpec output;
    private final OptionSpec outputAll;
    private final OptionSpec noHeadings;
    private final OptionSpec bytes;

    /**
     * Gives a command the options.
     *
     * @param limits whether JSON of all columns has the kernel's limits, too
     */
    DeviceTable(Command command, List<Column> usual, boolean limits) {
        this.command = command;
        context = command.context;
        this.usual = usual;
        this.limits = limits;
        json = command.flag("-J,--json", "Print JSON: all columns unless -o selects some, and sizes in bytes.");
        output = command.option("-o,--output", "COLUMNS", "Show these columns, separated by commas; +COLUMNS adds"
                + " them to the usual ones.");
        outputAll = command.flag("-O,--output-all", "Show all columns.");
        noHeadings = command.flag("-n,--noheadings", "Print no headings.");
        bytes = command.flag("-b,--bytes", "Print sizes in bytes.");
        command.helpTable("Columns:", Column::help);
    }

    /** Whether an option asks for the table instead of the command's own format. */
    boolean isAskedFor() {
        return Command.isSet(json) || output.getValue() != null || Command.isSet(outputAll);
    }

    /** Shows all devices that are set up, and if wanted those that are free. */
    void printAll(boolean free) throws UsageException, FailedException, DeviceException {
        List<Column> columns = columns();
        print(columns, command.allPaths(), free);
    }

    /** Shows one device. */
    void print(String path) throws UsageException, DeviceException {
        print(columns(), List.of(path), true);
    }

    private List<Column> columns() throws UsageException {
        if (output.getValue() != null) {
            return Column.parse(output.getValue(), usual);
        }
        return Command.isSet(outputAll) || Command.isSet(json) ? List.of(Column.values()) : usual;
    }

    /** Prints those that can be opened, then fails for those that cannot. */
    private void print(List<Column> columns, List<String> paths, boolean free) throws DeviceException {
        var statuses = new LinkedHashMap<String, Status>();
        DeviceException refusal = null;
        for (String path : paths) {
            try (Device device = context.devices.open(path)) {
                Status status = device.status();
                if (free || status.isSetUp()) {
                    statuses.put(path, status);
                }
            } catch (DeviceException e) {
                refusal = e;
            }
        }
        if (Command.isSet(json)) {
            printJson(columns, statuses);
        } else if (!statuses.isEmpty()) {
            printLines(columns, statuses);
        }
        if (refusal != null) {
            // One refusal stands for all, as the others hardly ever have another cause
            throw refusal;
        }
    }

    private void printJson(List<Column> columns, Map<String, Status> statuses) {
        var devices = new ArrayList<Map<String, Object>>();
        statuses.forEach((path, status) -> {
            var members = new LinkedHashMap<String, Object>();
            for (Column column : columns) {
                members.put(column.key(), column.value(path, status));
            }
            if (limits && output.getValue() == null) {
                members.put("limits", members(status.limits()));
            }
            devices.add(members);
        });
        context.out.println(Json.text(Map.of("devices", devices)));
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

    private void printLines(List<Column> columns, Map<String, Status> statuses) {
        var rows = new ArrayList<List<String>>();
        if (!Command.isSet(noHeadings)) {
            rows.add(columns.stream().map(Column::name).toList());
        }
        statuses.forEach((path, status) -> rows.add(
                columns.stream().map(column -> column.text(path, status, Command.isSet(bytes))).toList()));
        boolean bold = !Command.isSet(noHeadings) && context.colour();
        for (List<String> row : rows) {
            var line = new StringBuilder();
            for (int i = 0; i < row.size(); i++) {
                int column = i;
                int width = rows.stream().mapToInt(other -> other.get(column).length()).max().orElse(0);
                String padding = " ".repeat(width - row.get(i).length());
                line.append(i == 0 ? "" : ""
                        + " ").append(columns.get(i).isNumber() ? padding + row.get(i) : row.get(i) + padding);
            }
            String text = line.toString().stripTrailing();
            context.out.println(bold && row == rows.get(0) ? Ansi.ansi().bold().a(text).reset().toString() : text);
        }
    }
}
