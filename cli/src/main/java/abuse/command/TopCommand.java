// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Advice;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.DiskStatistics;
import abuse.device.Flag;
import abuse.device.Latency;
import abuse.device.Mapped;
import abuse.device.ServerStatus;
import abuse.device.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.fusesource.jansi.Ansi;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Shows what disks do, live. */
final class TopCommand extends Command {
    private static final int BAR = 10;
    /** Makes a narrow terminal cut lines off instead of wrapping them. */
    private static final String NO_WRAP = "\u001b[?7l";
    private static final String WRAP = "\u001b[?7h";
    /** Fits into 80 columns, but for the bar. */
    private static final String LINE = "%-8s %5s %5s %5s %5s %5s %5s %5s %5s %5s %5s %5s %4s";
    private static final String HEADING = String.format(Locale.ROOT, LINE, "DISK", "R/s", "W/s", "RB/s", "WB/s", "OTH/s",
            "P50", "P99", "P99.9", "PEND", "OWNED", "SERV", "ERR");

    /** Behind them, if a disk may be mapped: how many in 100 reads and writes needed no server. */
    private static final String MAPPED = " %4s";

    private static final String SERVER = "  %7s %-15s %5s %6s %6s %5s ";
    private static final String SERVER_HEADING = String.format(Locale.ROOT, SERVER + "%s", "PID", "COMMAND", "OWNED",
            "GETS/s", "PUTS/s", "STALE", "SERVES");
    private static final int WIDTH = 80;

    private final PositionalParamSpec name = words("0", "DEVICE", DeviceName.ALL_HELP);
    private final OptionSpec interval = option("-d,--interval", "SECONDS", "Time between two updates; default 1.");
    private final OptionSpec servers = flag("-s,--servers", "Show below each disk who serves it.");
    private final OptionSpec count = option("-n,--count", "N", "End after N updates; default never.");

    private final CountDownLatch stopped = new CountDownLatch(1);
    private Map<String, Sample> last = new LinkedHashMap<>();
    /** When that was; a disk that is new was set up since then. */
    private long looked;

    /** What was seen of a disk, and of its servers if they are asked for. */
    private record Sample(long nanoseconds, Status status, DiskStatistics statistics, List<ServerStatus> servers) {
        /** A server as it was; none if it is new. */
        Optional<ServerStatus> server(long number) {
            return servers.stream().filter(server -> server.number() == number).findFirst();
        }
    }

    TopCommand(Context context) {
        super(context, "top", "Shows rates, latencies and queues, live.",
                "What each disk did in the last interval: requests and bytes per second, how long half of the requests, 99 in 100"
                + " and 999 in 1000 took at most, and what waits. On a terminal it draws over itself.");
        exitStatus(Map.of(ServerCommand.KILLED, "ended at once by a second SIGTERM or SIGINT, whose number is N"));
    }

    @Override
    void execute() throws Exception {
        long nanoseconds = interval.getValue() == null ? 1_000_000_000 : Seconds.parse("--interval", interval.getValue());
        if (nanoseconds <= 0) {
            throw new UsageException("--interval=" + interval.getValue() + " must be more than 0");
        }
        long looks = limit(count);
        context.signals.onStop(stopped::countDown);
        boolean drawing = context.drawing();
        looked = System.nanoTime();
        last = look();
        for (long i = 0; i < looks && !stopped.await(nanoseconds, TimeUnit.NANOSECONDS); i++) {
            long start = System.nanoTime();
            Map<String, Sample> now = look();
            List<String> lines = lines(now, drawing);
            if (drawing) {
                draw(lines, i == 0);
            } else {
                lines.subList(i == 0 ? 0 : headings(), lines.size()).forEach(context.out::println);
            }
            context.flush();
            last = now;
            looked = start;
        }
    }

    /** Looks at all disks, which may come and go. */
    private Map<String, Sample> look() throws IOException, FailedException, UsageException {
        var samples = new LinkedHashMap<String, Sample>();
        DeviceException refusal = null;
        int refused = 0;
        List<String> paths = name.getValue() == null ? allPaths() : List.of(path(name.getValue()));
        for (String path : paths) {
            try (Device device = context.devices.open(path)) {
                Status status = device.status();
                if (status.isSetUp()) {
                    samples.put(path, new Sample(System.nanoTime(), status, context.devices.statistics(status),
                            isSet(servers) ? device.servers() : List.of()));
                } else if (name.getValue() != null) {
                    throw new FailedException(Advice.notSetUp(path, ""));
                }
            } catch (DeviceException e) {
                if (name.getValue() != null || e.call() != DeviceException.Call.OPEN) {
                    throw e;
                }
                // Somebody else's
                refusal = e;
                refused++;
            } catch (NoSuchFileException e) {
                // The disk went away after the first call
                if (name.getValue() != null || !Files.isDirectory(Path.of("/sys/block"))) {
                    throw e;
                }
            }
        }
        if (refused == paths.size()) {
            throw refusal;
        }
        return samples;
    }

    private List<String> lines(Map<String, Sample> now, boolean drawing) {
        var lines = new ArrayList<String>();
        boolean mappable = now.values().stream().anyMatch(sample -> isMappable(sample.status));
        lines.add(HEADING + (mappable ? String.format(Locale.ROOT, MAPPED, "MAP%") : ""));
        if (isSet(servers)) {
            lines.add(SERVER_HEADING);
        }
        now.forEach((path, sample) -> {
            Sample before = last.get(path);
            Status status = sample.status;
            double seconds = (sample.nanoseconds - (before == null ? looked : before.nanoseconds)) / 1e9;
            DiskStatistics done = sample.statistics.since(before == null ? DiskStatistics.NONE : before.statistics);
            Latency latency = status.latency().since(before == null ? Latency.NONE : before.status.latency());
            lines.add(String.format(Locale.ROOT, LINE, status.disk().substring("/dev/".length()),
                    count(done.reads() / seconds), count(done.writes() / seconds),
                    Sizes.briefer(done.readBytes() / seconds), Sizes.briefer(done.writtenBytes() / seconds),
                    count((done.discards() + done.flushes()) / seconds), time(latency.percentile(50)),
                    time(latency.percentile(99)), time(latency.percentile(99.9)), count(status.pending()),
                    count(status.owned()), count(status.servers()), count(status.errors()))
                    + (mappable ? mapped(status, before) : "") + (drawing ? " " + bar(status) : ""));
            for (ServerStatus server : sample.servers) {
                lines.add(line(server, Optional.ofNullable(before).flatMap(old -> old.server(server.number())), seconds));
            }
        });
        return lines;
    }

    private static boolean isMappable(Status status) {
        return status.flags().contains(Flag.MAPPABLE);
    }

    private static String mapped(Status status, Sample before) {
        int percent = status.mapped().since(before == null ? Mapped.NONE : before.status.mapped()).percent();
        return String.format(Locale.ROOT, MAPPED, isMappable(status) && percent >= 0 ? percent : "-");
    }

    private static String line(ServerStatus server, Optional<ServerStatus> before, double seconds) {
        String line = String.format(Locale.ROOT, SERVER, server.pid() == 0 ? "-" : server.pid(),
                server.command().isEmpty() ? "-" : Printable.text(server.command()), count(server.owned()),
                count((server.gets() - before.map(ServerStatus::gets).orElse(0L)) / seconds),
                count((server.puts() - before.map(ServerStatus::puts).orElse(0L)) / seconds), count(server.stale()));
        String text = server.text().isEmpty() ? "-" : Printable.text(server.text());
        // The end of a path tells more than its beginning
        int room = WIDTH - line.length();
        return line + (text.length() <= room ? text : "..." + text.substring(text.length() - room + 3));
    }

    private int headings() {
        return isSet(servers) ? 2 : 1;
    }

    private void draw(List<String> lines, boolean first) {
        Ansi ansi = Ansi.ansi().a(NO_WRAP);
        if (first) {
            ansi.eraseScreen();
        }
        ansi.cursor(1, 1);
        for (int i = 0; i < lines.size(); i++) {
            if (i < headings() && context.colour()) {
                ansi.bold().a(lines.get(i)).reset();
            } else {
                ansi.a(lines.get(i));
            }
            ansi.eraseLine(Ansi.Erase.FORWARD).newline();
        }
        context.out.print(ansi.eraseScreen(Ansi.Erase.FORWARD).a(WRAP));
    }

    /** How full the queues are: what is owned, what is pending, and the room. */
    private String bar(Status status) {
        long room = (long) status.queueDepth() * status.queues();
        int owned = share(status.owned(), room);
        int all = Math.max(owned, share(status.unanswered(), room));
        String taken = "#".repeat(owned);
        String waiting = "+".repeat(all - owned);
        return "[" + (context.colour() ? Ansi.ansi().fgGreen().a(taken).fgYellow().a(waiting).reset() : taken + waiting)
                + " ".repeat(BAR - all) + "]";
    }

    private static int share(long requests, long room) {
        return (int) Math.min(BAR, (requests * BAR + room - 1) / room);
    }

    /** A count in four characters, five below 100000: 99999, 123k, 45M. */
    private static String count(double number) {
        long whole = Math.round(number);
        return whole < 100_000 ? Long.toString(whole)
                : whole < 10_000_000 ? whole / 1000 + "k"
                : whole < 10_000_000_000L ? whole / 1_000_000 + "M" : whole / 1_000_000_000 + "G";
    }

    /** Microseconds as 850us, 12ms or 3.2s. */
    static String time(long microseconds) {
        if (microseconds < 0) {
            return "-";
        }
        if (microseconds < 1000) {
            return microseconds + "us";
        }
        double value = microseconds / 1000.0;
        String unit = "ms";
        if (value >= 999.5) {
            value /= 1000;
            unit = "s";
        }
        long tenths = Math.round(value * 10);
        return (tenths < 100 ? tenths / 10 + "." + tenths % 10 : Long.toString(Math.round(value))) + unit;
    }
}
