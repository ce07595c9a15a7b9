// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.Flag;
import abuse.device.Status;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import org.fusesource.jansi.Ansi;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Shows one device, or all. */
final class InfoCommand extends Command {
    private static final List<String> COLUMNS =
            List.of("DEVICE", "SIZE", "BLOCK", "DEPTH", "QUEUES", "RO", "PENDING", "OWNED", "ERRORS");

    private final PositionalParamSpec name = deviceWord();
    private final OptionSpec json = flag("--json", "Print JSON: one object, or without DEVICE a list of them in 'devices'.");

    InfoCommand(Context context) {
        super(context, "info", "Shows a device, or all of them.",
                "How it is set up, and what it did since; without DEVICE, a table of all devices.");
    }

    @Override
    void execute() throws Exception {
        if (name.getValue() != null) {
            String path = path(name.getValue());
            Status status = status(path);
            if (isSet(json)) {
                context.out.println(Json.text(members(path, status)));
            } else {
                context.out.print(lines(status));
            }
            return;
        }
        showAll();
    }

    private void showAll() throws FailedException {
        List<String> paths = context.devices.list();
        if (paths.isEmpty()) {
            throw new FailedException(context.devices.isModuleLoaded()
                    ? "the module has no devices; it was loaded with max_abuse=0"
                    : "there are no devices in /dev; is the module loaded? try 'modprobe abuse'");
        }
        var statuses = new LinkedHashMap<String, Status>();
        DeviceException refusal = null;
        for (String path : paths) {
            try {
                statuses.put(path, status(path));
            } catch (DeviceException e) {
                refusal = e;
            }
        }
        if (isSet(json)) {
            var devices = new ArrayList<Map<String, Object>>();
            statuses.forEach((path, status) -> devices.add(members(path, status)));
            context.out.println(Json.text(Map.of("devices", devices)));
        } else if (!statuses.isEmpty()) {
            table(statuses);
        }
        if (refusal != null) {
            // One line for all of them: the cause is hardly ever another
            throw new FailedException(Advice.line(refusal, context.devices.isModuleLoaded()), refusal);
        }
    }

    private Status status(String path) throws DeviceException {
        try (Device device = context.devices.open(path)) {
            return device.status();
        }
    }

    /** First what the abusectl of 2009 printed, in its words and order; then what is new. */
    private static String lines(Status status) {
        var text = new StringBuilder();
        line(text, "ab_size", status.capacity());
        line(text, "ab_number", status.number());
        line(text, "ab_flags", Integer.toHexString(Flag.oldBits(status.flags())));
        line(text, "ab_blocksize", status.blockSize());
        line(text, "ab_max_queue", status.queueDepth());
        line(text, "ab_queue_size", status.unanswered());
        line(text, "ab_errors", status.errors());
        line(text, "flags", words(status));
        line(text, "queues", status.queues());
        line(text, "max_request", status.maxRequest());
        line(text, "timeout", status.timeout());
        line(text, "pending", status.pending());
        line(text, "owned", status.owned());
        line(text, "gets", status.gets());
        line(text, "puts", status.puts());
        line(text, "redelivered", status.redelivered());
        line(text, "stale", status.stale());
        line(text, "timeouts", status.timeouts());
        return text.toString();
    }

    private static void line(StringBuilder text, String key, Object value) {
        text.append(key).append(" = ").append(value).append('\n');
    }

    private static String words(Status status) {
        var words = new StringJoiner(" ");
        status.flags().forEach(flag -> words.add(flag.words()));
        return status.isSetUp() ? words.length() == 0 ? "none" : words.toString() : "not-set-up";
    }

    private static Map<String, Object> members(String path, Status status) {
        var members = new LinkedHashMap<String, Object>();
        members.put("device", path);
        members.put("disk", status.disk());
        members.put("number", status.number());
        members.put("set_up", status.isSetUp());
        members.put("size", status.capacity());
        members.put("block_size", status.blockSize());
        members.put("queue_depth", status.queueDepth());
        members.put("queues", status.queues());
        members.put("max_request", status.maxRequest());
        members.put("timeout", status.timeout());
        members.put("flags", status.flags().stream().map(Flag::words).toList());
        members.put("pending", status.pending());
        members.put("owned", status.owned());
        members.put("gets", status.gets());
        members.put("puts", status.puts());
        members.put("redelivered", status.redelivered());
        members.put("stale", status.stale());
        members.put("timeouts", status.timeouts());
        members.put("errors", status.errors());
        return members;
    }

    private void table(Map<String, Status> statuses) {
        var rows = new ArrayList<List<String>>();
        rows.add(COLUMNS);
        statuses.forEach((path, status) -> rows.add(row(path, status)));
        int[] widths = new int[COLUMNS.size()];
        for (List<String> row : rows) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        for (List<String> row : rows) {
            var line = new StringBuilder();
            for (int i = 0; i < widths.length; i++) {
                String padding = " ".repeat(widths[i] - row.get(i).length());
                // Names to the left, numbers to the right
                line.append(i == 0 ? row.get(i) + padding : " " + padding + row.get(i));
            }
            boolean bold = row == COLUMNS && context.colour();
            context.out.println(bold ? Ansi.ansi().bold().a(line).reset().toString() : line.toString());
        }
    }

    private static List<String> row(String path, Status status) {
        if (!status.isSetUp()) {
            return List.of(path, "-", "-", "-", "-", "-", "-", "-", "-");
        }
        return List.of(path, Sizes.brief(status.capacity()), Sizes.brief(status.blockSize()),
                String.valueOf(status.queueDepth()), String.valueOf(status.queues()),
                status.flags().contains(Flag.READ_ONLY) ? "1" : "0", String.valueOf(status.pending()),
                String.valueOf(status.owned()), String.valueOf(status.errors()));
    }
}
