// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.filter.FilteredBackend;
import abuse.filter.Filters;
import abuse.filter.Marked;
import abuse.server.ControlReply;
import abuse.server.ControlSocket;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The end of the control socket at which the filters are. These are the requests, and the words of each:
 *
 * <pre>
 * list                   a line for each filter, the outermost first: name, requests that matched, keys
 * set NAME KEYS FOLDER   gives a filter other values for some keys
 * add FILTER FOLDER      NAME[:KEYS], behind all others
 * remove NAME
 * cut [NAME]
 * mark TEXT              adds it to what all filters record that are {@link Marked}
 * </pre>
 *
 * FOLDER is where relative paths begin. One request at a time.
 */
final class FilterControl implements ControlSocket.Handler {
    /** What is refused with a cache. */
    private static final Set<String> CHANGES = Set.of("set", "add", "remove");

    private final Context context;
    private final String device;
    private final Filters filters;
    private final List<FilterOption> now;
    private final FilteredBackend backend;
    private final boolean cached;

    /**
     * The filters of a disk, and the backend behind them.
     *
     * @param device the path of its control node
     * @param cached whether a cache has what passed the filters
     */
    FilterControl(Context context, String device, Filters filters, List<FilterOption> now, FilteredBackend backend, boolean cached) {
        this.context = context;
        this.device = device;
        this.filters = filters;
        this.now = new ArrayList<>(now);
        this.backend = backend;
        this.cached = cached;
    }

    /** Where the socket of a disk is, for its server. */
    static Path path(Context context, int number) {
        String given = context.environment.getOrDefault("RUNTIME_DIRECTORY", "").split(":")[0];
        // One of another service is not where anybody looks
        Path folder = Path.of(given).startsWith(context.sockets) ? Path.of(given) : context.sockets;
        return folder.resolve("abctl" + number);
    }

    /** Where it may be, for others; that of the newest server comes first. */
    static List<Path> paths(Context context, int number) {
        String name = "abctl" + number;
        // A service has a folder of its own, for one disk or for many
        var paths = new LinkedHashSet<>(List.of(path(context, number), context.sockets.resolve(name), context.sockets.resolve(number + "/" + name),
                context.sockets.resolve("all/" + name)));
        try (Stream<Path> folders = Files.list(context.sockets)) {
            folders.filter(Files::isDirectory).forEach(folder -> paths.add(folder.resolve(name)));
        } catch (IOException | UncheckedIOException e) {
            // There is none, or others may not look
        }
        return paths.stream().sorted(Comparator.comparing(FilterControl::made).reversed()).toList();
    }

    /** When a socket was made, which nobody changes later; the beginning of time if it is not there or may not be seen. */
    private static FileTime made(Path socket) {
        try {
            return Files.getLastModifiedTime(socket);
        } catch (IOException e) {
            return FileTime.fromMillis(0);
        }
    }

    @Override
    public ControlReply answer(List<String> words) {
        try {
            var lines = new ArrayList<String>();
            if (cached && CHANGES.contains(words.get(0))) {
                throw new IOException("the server has a cache of what passed these filters, so they stay; stop it, and start it with others");
            }
            switch (words.get(0) + " " + words.size()) {
                case "list 1" -> now.forEach(one -> lines.add(new FilterRow(name(one), one.text(), one.filter().matched()).line()));
                case "set 4" -> set(words.get(1), words.get(2), source(words.get(3)));
                case "add 3" -> add(FilterOption.parse(words.get(1), source(words.get(2))));
                case "remove 2" -> remove(find(words.get(1)));
                case "cut 1" -> cut(find("powerfail"));
                case "cut 2" -> cut(find(words.get(1)));
                case "mark 2" -> mark(words.get(1));
                default -> throw new UsageException("this server does not know '" + String.join(" ", words) + "'");
            }
            return ControlReply.done(lines);
        } catch (UsageException e) {
            return ControlReply.refused(ControlReply.Kind.USAGE, e.getMessage());
        } catch (Exception | Error e) {
            return ControlReply.refused(ControlReply.Kind.FAILED, Cli.words(e, context));
        }
    }

    @Override
    public void look() {
        backend.look();
    }

    @Override
    public void awaited(List<String> words, long seconds) {
        context.complain(device + ": the server ends when '" + String.join(" ", words) + "' of 'abusectl filter' has ended, or in "
                + seconds + " seconds");
    }

    private FilterOption.Source source(String folder) {
        return new FilterOption.Source(filters, "", Path.of(folder), DiskFilters.onDisk(context, device));
    }

    private void set(String name, String keys, FilterOption.Source source) throws UsageException, FailedException, IOException {
        FilterOption old = find(name);
        var next = new ArrayList<>(now);
        next.set(now.indexOf(old), old.with(keys, source));
        change(next);
    }

    private void add(FilterOption fresh) throws IOException {
        var next = new ArrayList<>(now);
        next.add(fresh);
        change(next);
    }

    private void remove(FilterOption old) throws IOException {
        var next = new ArrayList<>(now);
        next.remove(old);
        change(next);
    }

    private void change(List<FilterOption> next) throws IOException {
        backend.change(next.stream().map(FilterOption::filter).toList());
        now.clear();
        now.addAll(next);
    }

    private void cut(FilterOption filter) throws IOException, FailedException {
        if (!backend.cut(filter.filter())) {
            throw new FailedException("'" + filter.name() + "' cannot cut the power; 'powerfail' can");
        }
    }

    private void mark(String text) throws IOException, FailedException {
        boolean marked = false;
        for (FilterOption option : now) {
            if (option.filter() instanceof Marked filter) {
                try {
                    filter.mark(text);
                } catch (IOException e) {
                    throw marked ? new IOException(e.getMessage() + "; another record has the mark", e) : e;
                }
                marked = true;
            }
        }
        if (!marked) {
            throw new FailedException("nothing is recorded; try 'abusectl filter " + device + " add record:FILE'");
        }
    }

    /** The filter with a name, as {@link #name} makes it. */
    private FilterOption find(String name) throws FailedException {
        var names = new ArrayList<String>();
        for (FilterOption option : now) {
            names.add(name(option));
            if (name(option).equals(name)) {
                return option;
            }
        }
        throw new FailedException("there is no filter '" + name + "'; there "
                + (names.isEmpty() ? "is none" : names.size() == 1 ? "is " + names.get(0) : "are " + String.join(", ", names))
                + Similar.to(name, names));
    }

    /** The name of a filter, with a number if there are several of its kind. */
    private String name(FilterOption option) {
        int number = 0;
        int all = 0;
        for (FilterOption one : now) {
            all += one.name().equals(option.name()) ? 1 : 0;
            number = one == option ? all : number;
        }
        return all == 1 ? option.name() : option.name() + "#" + number;
    }
}
