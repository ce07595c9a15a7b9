// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Device;
import abuse.device.FileErrors;
import abuse.device.RequestFlag;
import abuse.device.Status;
import abuse.device.TraceEvent;
import abuse.device.TraceEvent.Kind;
import abuse.device.Tracer;
import java.io.IOException;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Shows what happens to requests. */
final class TraceCommand extends Command {
    /** The longest time until a stop is noticed. */
    private static final int PATIENCE_MS = 200;

    private final PositionalParamSpec name = deviceWord();
    private final OptionSpec events = option("-e,--events", "EVENTS", "Show these only, separated by commas; default all.");
    private final OptionSpec count = option("-n,--count", "N", "End after N events; default never.");

    private volatile boolean stopped;
    private volatile Tracer begun;
    private long start = -1;

    TraceCommand(Context context) {
        super(context, "trace", "Shows what happens to requests, one event in a line.",
                "When, what, to which request, and in which process: who submitted it, which server got it and answered it,"
                + " how long that took, and what became of it otherwise.");
        exitStatus(Map.of(ServerCommand.KILLED, "ended at once by a third SIGTERM or SIGINT, whose number is N"));
        helpTable("Events:", TraceCommand::help);
    }

    @Override
    void execute() throws Exception {
        long wanted = limit(count);
        Set<Kind> kinds = kinds();
        Status status;
        String path;
        try (Device device = open(name.getValue())) {
            status = device.status();
            path = device.path();
        }
        context.signals.onStop(() -> stopped = true, this::abandon);
        try (Tracer tracer = context.devices.trace(status, kinds)) {
            begun = tracer;
            trace(tracer, path, wanted);
        }
    }

    /** Leaves nothing behind even while nobody takes the output, for which the command waits. */
    private void abandon() {
        Tracer tracer = begun;
        if (tracer != null) {
            try {
                tracer.close();
            } catch (IOException e) {
                context.complain(FileErrors.words(e));
            }
        }
    }

    private Set<Kind> kinds() throws UsageException {
        if (events.getValue() == null) {
            return EnumSet.allOf(Kind.class);
        }
        var kinds = EnumSet.noneOf(Kind.class);
        for (String word : events.<String>getValue().split(",", -1)) {
            kinds.add(kind(word.strip()));
        }
        return kinds;
    }

    private static Kind kind(String word) throws UsageException {
        Optional<Kind> kind = Kind.of(word);
        if (kind.isPresent()) {
            return kind.get();
        }
        List<String> words = Arrays.stream(Kind.values()).map(Kind::word).toList();
        String near = Similar.to(word, words);
        throw new UsageException("unknown event '" + word + "'"
                + (near.isEmpty() ? "; there are " + String.join(", ", words) : near));
    }

    /** The events by their words. */
    static Map<String, String> help() {
        var help = new LinkedHashMap<String, String>();
        for (Kind kind : Kind.values()) {
            help.put(kind.word(), switch (kind) {
                case SUBMIT -> "a request of the disk's user is pending";
                case GET -> "a server got it";
                case PUT -> "a server answered it";
                case REQUEUE -> "its server lost it, and it is pending again";
                case STALE -> "an answer was refused as too late";
                case EXPIRE -> "it failed, as it was not answered in time";
                case CANCEL -> "it failed by a reset, a failure of the device, or as nobody serves";
                case MAPPED -> "the kernel carries out a read or write by itself";
                case MAP -> "a part of the disk is mapped";
                case UNMAP -> "a part of the disk is not mapped any more";
                case SETUP -> "the device was set up or changed";
                case RESET -> "the disk goes away";
            });
        }
        return help;
    }

    private void trace(Tracer tracer, String path, long wanted) throws IOException {
        line("TIME", "EVENT", "OPERATION", "SECTOR", "BYTES", "REQ", "LATENCY", "PID", "COMMAND", "DETAILS");
        context.flush();
        boolean ending = false;
        for (long shown = 0; shown < wanted;) {
            if (stopped && !ending) {
                tracer.stop();
                ending = true;
            }
            Optional<TraceEvent> next = tracer.next(ending ? 0 : PATIENCE_MS);
            long lost = tracer.lost();
            if (lost > 0) {
                context.flush();
                context.complain(path + ": " + lost + " events are missing here, as they came too fast; with --events fewer come");
            }
            if (next.isPresent()) {
                show(next.get());
                shown++;
                context.checkOutput();
            } else if (ending) {
                break;
            } else {
                context.flush();
            }
        }
    }

    private void show(TraceEvent event) {
        if (start < 0) {
            start = event.nanoseconds();
        }
        boolean placed = event.length() > 0;
        line(seconds(event.nanoseconds() - start), event.kind().word(),
                event.operation() == null ? "-" : event.operation().name().toLowerCase(Locale.ROOT),
                placed ? Long.toString(event.sector()) : "-", placed ? Long.toString(event.length()) : "-",
                event.queue() < 0 ? "-" : event.queue() + "." + (event.tag() < 0 ? "-" : event.tag()),
                event.latency() == 0 ? "-" : TopCommand.time(event.latency() / 1000),
                Integer.toString(event.pid()), Printable.text(event.command()), details(event));
    }

    private static String details(TraceEvent event) {
        if (event.flags().isEmpty() || event.operation() == null) {
            return event.rest();
        }
        var details = new StringBuilder(event.rest());
        for (RequestFlag flag : event.flags()) {
            details.append(details.isEmpty() ? "" : " ").append(flag.word());
        }
        return details.toString();
    }

    private static String seconds(long nanoseconds) {
        String micros = Long.toString(1_000_000 + nanoseconds / 1000 % 1_000_000);
        return nanoseconds / 1_000_000_000 + "." + micros.substring(1);
    }

    /** By hand, as a formatter cannot keep up with a fast disk. */
    private void line(String time, String event, String operation, String sector, String bytes, String request,
            String latency, String pid, String command, String details) {
        var line = new StringBuilder();
        right(line, time, 11);
        left(line, event, 7);
        left(line, operation, 12);
        right(line, sector, 10);
        right(line, bytes, 7);
        right(line, request, 6);
        right(line, latency, 7);
        right(line, pid, 7);
        left(line, command, 15);
        int end = line.append(' ').append(details).length();
        while (line.charAt(end - 1) == ' ') {
            end--;
        }
        line.setLength(end);
        context.out.println(line);
    }

    private static void right(StringBuilder line, String text, int width) {
        line.append(line.isEmpty() ? "" : " ").append(" ".repeat(Math.max(0, width - text.length()))).append(text);
    }

    private static void left(StringBuilder line, String text, int width) {
        line.append(' ').append(text).append(" ".repeat(Math.max(0, width - text.length())));
    }
}
