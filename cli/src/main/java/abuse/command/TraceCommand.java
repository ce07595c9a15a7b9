// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.BlockEvent;
import abuse.device.Device;
import abuse.device.Status;
import abuse.device.Tracer;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Shows requests as they pass. */
final class TraceCommand extends Command {
    /** The longest time until a stop is noticed. */
    private static final int PATIENCE_MS = 200;

    private final PositionalParamSpec name = deviceWord();
    private final OptionSpec count = option("-n,--count", "N", "End after N requests; default never.");

    private volatile boolean stopped;
    private long start = -1;

    TraceCommand(Context context) {
        super(context, "trace", "Shows requests as they pass, one in a line.",
                "When it was issued, what it asks, where, how many bytes, how long it took, how it ended, and which process"
                + " issued it. Those not answered yet are shown at the end.");
    }

    @Override
    void execute() throws Exception {
        long wanted = limit(count);
        Status status;
        try (Device device = open(name.getValue())) {
            status = device.status();
            if (!status.isSetUp()) {
                throw Advice.notSetUp(device.path(), "");
            }
        }
        context.signals.onStop(() -> stopped = true);
        try (Tracer tracer = context.devices.trace(status)) {
            trace(tracer, wanted);
        }
    }

    private void trace(Tracer tracer, long wanted) throws IOException {
        Map<String, BlockEvent> issued = new LinkedHashMap<>();
        line("TIME", "OPERATION", "SECTOR", "BYTES", "LATENCY", "PROCESS", "RESULT");
        context.flush();
        boolean ending = false;
        for (long shown = 0; shown < wanted;) {
            if (stopped && !ending) {
                tracer.stop();
                ending = true;
            }
            Optional<BlockEvent> next = tracer.next(ending ? 0 : PATIENCE_MS);
            if (next.isPresent()) {
                shown += take(issued, next.get()) ? 1 : 0;
                context.checkOutput();
            } else if (ending) {
                break;
            } else {
                context.flush();
            }
        }
        issued.values().forEach(event -> show(event, null));
    }

    /** Whether the event ends a request, which is shown then. */
    private boolean take(Map<String, BlockEvent> issued, BlockEvent event) {
        if (start < 0) {
            start = event.nanoseconds();
        }
        if (!event.completed()) {
            issued.put(event.request(), event);
            return false;
        }
        BlockEvent issue = issued.remove(event.request());
        if (issue == null && event.sectors() == 0) {
            // The block layer completes what asked for a flush, which was issued in its place
            return false;
        }
        show(issue, event);
        return true;
    }

    /** One of the two may be missing: a request is older than the trace, or not answered yet. */
    private void show(BlockEvent issue, BlockEvent completion) {
        BlockEvent event = issue != null ? issue : completion;
        boolean placed = event.sectors() > 0;
        line(seconds(event.nanoseconds() - start), event.words(), placed ? Long.toString(event.sector()) : "-",
                placed ? Long.toString(event.sectors() * 512) : "-",
                issue == null || completion == null ? "-"
                        : TopCommand.time((completion.nanoseconds() - issue.nanoseconds()) / 1000),
                issue == null ? "-" : issue.process(), completion == null ? "waiting" : completion.result());
    }

    private static String seconds(long nanoseconds) {
        String micros = Long.toString(1_000_000 + nanoseconds / 1000 % 1_000_000);
        return nanoseconds / 1_000_000_000 + "." + micros.substring(1);
    }

    /** By hand, as a formatter cannot keep up with a fast disk. */
    private void line(String time, String operation, String sector, String bytes, String latency, String process,
            String result) {
        var line = new StringBuilder();
        right(line, time, 12).append("  ").append(operation);
        right(line, sector, 39 - line.length());
        right(line, bytes, 9);
        right(line, latency, 9).append("  ").append(process).append(" ".repeat(Math.max(1, 17 - process.length())));
        context.out.println(line.append(result));
    }

    private static StringBuilder right(StringBuilder line, String text, int width) {
        return line.append(" ".repeat(Math.max(1, width - text.length()))).append(text);
    }
}
