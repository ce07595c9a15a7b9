// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static abuse.command.Column.BS;
import static abuse.command.Column.ERRORS;
import static abuse.command.Column.NODE;
import static abuse.command.Column.NQ;
import static abuse.command.Column.OWNED;
import static abuse.command.Column.PENDING;
import static abuse.command.Column.PID;
import static abuse.command.Column.PROBLEM;
import static abuse.command.Column.QD;
import static abuse.command.Column.SERVES;
import static abuse.command.Column.SIZE;
import static abuse.command.Column.STATE;

import abuse.device.Device;
import abuse.device.Flag;
import abuse.device.Mapped;
import abuse.device.Status;
import java.util.List;
import java.util.StringJoiner;
import java.util.stream.Collectors;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Shows one device, or all. */
final class InfoCommand extends Command {
    private final PositionalParamSpec name = words("0", "DEVICE", DeviceName.ALL_HELP);
    private final DeviceTable table =
            new DeviceTable(this, List.of(NODE, SIZE, BS, QD, NQ, PENDING, OWNED, ERRORS, STATE, PID, SERVES, PROBLEM), true);

    InfoCommand(Context context) {
        super(context, "info", "Shows a device, or all of them.",
                "Its setup, and its counters since then; without DEVICE, a table of all devices.");
    }

    @Override
    void execute() throws Exception {
        if (name.getValue() == null) {
            table.printAll(true);
        } else if (table.isAskedFor()) {
            table.print(path(name.getValue()));
        } else {
            try (Device device = open(name.getValue())) {
                context.out.print(lines(DeviceRow.of(device.path(), device, device.status())));
            }
        }
    }

    /** First what the abusectl of 2009 printed, in its words and order; then what is new. */
    private static String lines(DeviceRow device) {
        Status status = device.status();
        var text = new StringBuilder();
        line(text, "ab_size", status.capacity());
        line(text, "ab_number", status.number());
        line(text, "ab_flags", Integer.toHexString(Flag.oldBits(status.flags())));
        line(text, "ab_blocksize", status.blockSize());
        line(text, "ab_max_queue", status.queueDepth());
        line(text, "ab_queue_size", status.unanswered());
        line(text, "ab_errors", status.errors());
        line(text, "state", status.state().word());
        line(text, "flags", words(status));
        line(text, "physical_block_size", status.physicalBlockSize());
        line(text, "queues", status.queues());
        line(text, "max_request", status.maxRequest());
        bytes(text, "io_min", status.hints().ioMin());
        bytes(text, "io_opt", status.hints().ioOpt());
        bytes(text, "discard_granularity", status.hints().discardGranularity());
        bytes(text, "max_discard", status.hints().maxDiscard());
        bytes(text, "max_write_zeroes", status.hints().maxWriteZeroes());
        line(text, "timeout", Seconds.of(status.timeoutMs()));
        line(text, "unserved", Seconds.of(status.unservedMs()));
        line(text, "orphan", Seconds.of(status.orphanMs()));
        line(text, "servers", status.servers());
        list(text, "pid", device.pids());
        list(text, "serves", device.serves());
        line(text, "openers", status.openers());
        line(text, "pending", status.pending());
        line(text, "owned", status.owned());
        if (device.oldestMs() >= 0) {
            line(text, "oldest", Seconds.of(device.oldestMs()));
        }
        line(text, "gets", status.gets());
        line(text, "puts", status.puts());
        line(text, "redelivered", status.redelivered());
        line(text, "stale", status.stale());
        line(text, "timeouts", status.timeouts());
        if (status.flags().contains(Flag.MAPPABLE)) {
            Mapped mapped = status.mapped();
            line(text, "mapped_reads", mapped.reads());
            line(text, "mapped_writes", mapped.writes());
            line(text, "mapped_read_bytes", mapped.readBytes());
            line(text, "mapped_written_bytes", mapped.writtenBytes());
            line(text, "misses", mapped.misses());
            line(text, "faults", mapped.faults());
            line(text, "extents", mapped.extents());
        }
        if (status.latency().count() > 0) {
            line(text, "p50", status.latency().percentile(50) + " us");
            line(text, "p99", status.latency().percentile(99) + " us");
        }
        if (device.problem() != null) {
            line(text, "problem", device.problem());
        }
        return text.toString();
    }

    private static void bytes(StringBuilder text, String key, long value) {
        if (value != 0) {
            line(text, key, value);
        }
    }

    private static void list(StringBuilder text, String key, List<?> values) {
        if (!values.isEmpty()) {
            line(text, key, values.stream().map(Object::toString).collect(Collectors.joining(" ")));
        }
    }

    private static void line(StringBuilder text, String key, Object value) {
        text.append(key).append(" = ").append(Printable.text(value.toString())).append('\n');
    }

    private static String words(Status status) {
        var words = new StringJoiner(" ");
        status.flags().forEach(flag -> words.add(flag.words()));
        return status.isSetUp() ? words.length() == 0 ? "none" : words.toString() : "not-set-up";
    }
}
