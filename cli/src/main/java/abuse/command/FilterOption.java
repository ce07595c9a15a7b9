// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Advice;
import abuse.filter.Filter;
import abuse.filter.FilterFactory;
import abuse.filter.Filters;
import abuse.filter.Key;
import abuse.filter.Moment;
import abuse.filter.Settings;
import abuse.filter.Span;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * A filter as it was typed: error:op=write,nth=3 and so on.
 *
 * @param name of its kind
 * @param keys with their values as they were typed
 */
record FilterOption(String name, Map<String, String> keys, Filter filter) {
    /** What helps with a mistake. */
    static final String MORE = "abusectl-filter(8) tells more about filters and their keys.";

    private static final String FILE = "file";

    /**
     * Where filters are made, and how their mistakes are told.
     *
     * @param folder where relative paths begin; null for that of this process
     * @param onDisk whether a file lies on the disk that is served
     */
    record Source(Filters filters, String before, Path folder, Predicate<Path> onDisk) {}

    /** Reads all filters of a command line; fails at the first one that is wrong. */
    static List<FilterOption> parse(List<String> texts, Source source) throws UsageException, IOException {
        var options = new ArrayList<FilterOption>();
        try {
            for (String text : texts) {
                options.add(parse(text, source));
            }
        } catch (UsageException e) {
            throw new UsageException(e.getMessage(), MORE);
        }
        return options;
    }

    /** The same filters as they were at first. */
    static List<FilterOption> again(List<FilterOption> before, Source source) throws UsageException, IOException {
        var options = new ArrayList<FilterOption>();
        try {
            for (FilterOption option : before) {
                options.add(make(option.name, option.keys, source));
            }
        } catch (UsageException | IOException | RuntimeException | Error e) {
            for (FilterOption option : options) {
                option.filter.close();
            }
            throw e;
        }
        return options;
    }

    static FilterOption parse(String text, Source source) throws UsageException, IOException {
        int colon = text.indexOf(':');
        String name = colon < 0 ? text : text.substring(0, colon);
        return make(name, words(source.before() + name + ": ", colon < 0 ? "" : text.substring(colon + 1)), source);
    }

    /** What may be meant if keys stand behind a blank, as in --filter error nth=3; nothing if a word is not one of these. */
    static String behindBlank(List<String> args, String word) {
        int at = args.indexOf(word);
        int end = at;
        while (end >= 0 && end < args.size() && args.get(end).matches("[a-z]+=.*")) {
            end++;
        }
        String before = at < 1 ? "" : args.get(at - 1);
        String filter = before.startsWith("--filter=") ? before.substring(before.indexOf('=') + 1)
                : at > 1 && args.get(at - 2).equals("--filter") ? before : "";
        FilterFactory factory = end <= at ? null : new Filters().find(filter.replaceFirst(":.*", ""));
        return factory == null || Filters.usefulKeys(factory).stream().noneMatch(key -> word.startsWith(key.name() + "=")) ? ""
                : "; did you mean '" + filter + (filter.contains(":") ? "," : ":") + String.join(",", args.subList(at, end)) + "'?";
    }

    /** The same kind of filter with other values for some keys; one without a value is taken away. */
    FilterOption with(String words, Source source) throws UsageException, IOException {
        var all = new LinkedHashMap<>(keys);
        for (var key : words(name + ": ", words).entrySet()) {
            // Also one that is taken away may be misspelt
            key(name + ": ", key.getKey(), source.filters().find(name));
            if ("".equals(key.getValue())) {
                all.remove(key.getKey());
            } else {
                all.put(key.getKey(), key.getValue());
            }
        }
        return make(name, all, source);
    }

    /** Its keys, as they are written behind its name. */
    String text() {
        return keys.entrySet().stream().map(key -> key.getValue() == null ? key.getKey() : key.getKey() + "=" + key.getValue())
                .collect(Collectors.joining(","));
    }

    private static FilterOption make(String name, Map<String, String> keys, Source source) throws UsageException, IOException {
        FilterFactory factory = source.filters().find(name);
        if (factory == null) {
            List<String> names = source.filters().all().stream().map(FilterFactory::name).toList();
            throw new UsageException("'" + name + "' is not a filter; there are " + String.join(", ", names) + Similar.to(name, names));
        }
        String subject = source.before() + name + ": ";
        var values = new LinkedHashMap<String, Object>();
        var texts = new LinkedHashMap<String, String>();
        for (var word : keys.entrySet()) {
            boolean alone = texts.isEmpty() && word.getValue() == null && isFileAlone(word.getKey(), factory);
            if (alone && keys.containsKey(FILE)) {
                throw new UsageException(subject + "'" + FILE + "' is given twice");
            }
            Key key = key(subject, alone ? FILE : word.getKey(), factory);
            String text = alone ? word.getKey() : word.getValue();
            text = text == null ? null : text.strip();
            if (text != null && !text.isEmpty() && key.kind() == Key.Kind.FILE) {
                text = file(subject + key.name() + "=", text, source);
            }
            values.put(key.name(), value(subject, key, text));
            texts.put(key.name(), text);
        }
        try {
            return new FilterOption(name, texts, factory.make(new Settings(values)));
        } catch (IllegalArgumentException e) {
            throw new UsageException(subject + e.getMessage());
        } catch (IOException e) {
            String words = String.valueOf(Advice.words(e, null));
            String key = texts.entrySet().stream().filter(text -> text.getValue() != null && words.startsWith(text.getValue() + ":"))
                    .map(text -> text.getKey() + "=").findFirst().orElse("");
            throw new IOException(subject + key + words, e);
        }
    }

    /** Whether a word is the file of a filter that must have one, as in record:PATH. */
    private static boolean isFileAlone(String word, FilterFactory factory) {
        return !word.isEmpty() && factory.keys().stream().anyMatch(key -> key.name().equals(FILE) && key.fallback() == null)
                && Filters.keys(factory).stream().noneMatch(key -> key.name().equals(word));
    }

    /** Takes KEY=VALUE,... apart; the value of a key without "=" is null. */
    private static Map<String, String> words(String subject, String text) throws UsageException {
        if (text.matches("(?s).*[\t\n\r].*")) {
            throw new UsageException(subject + "tabs and line breaks are not possible in '" + text.replaceAll("\\s", " ") + "'");
        }
        var words = new LinkedHashMap<String, String>();
        for (String word : text.isEmpty() ? new String[0] : text.split(",", -1)) {
            int equals = word.indexOf('=');
            String name = (equals < 0 ? word : word.substring(0, equals)).strip();
            if (!name.isEmpty() && words.containsKey(name)) {
                throw new UsageException(subject + "'" + name + "' is given twice");
            }
            words.put(name, equals < 0 ? null : word.substring(equals + 1));
        }
        return words;
    }

    private static Key key(String subject, String name, FilterFactory factory) throws UsageException {
        List<Key> keys = Filters.keys(factory);
        for (Key key : keys) {
            if (key.name().equals(name)) {
                return key;
            }
        }
        List<String> names = Filters.usefulKeys(factory).stream().map(Key::name).toList();
        throw new UsageException(subject + "unknown key '" + name + "'; there " + (names.size() == 1 ? "is only " : "are ") + String.join(", ", names)
                + Similar.to(name, names));
    }

    private static Object value(String subject, Key key, String value) throws UsageException {
        if (key.kind() == Key.Kind.SWITCH) {
            return isOn(subject, key, value);
        }
        if (value == null || value.isEmpty()) {
            throw new UsageException(subject + "'" + key.name() + "' needs a value, as in " + key.form());
        }
        String before = subject + key.name() + "=";
        return switch (key.kind()) {
            case SIZE -> Sizes.bytes(before, value);
            case NUMBER -> Sizes.number(before, value);
            case COUNT -> count(before, value);
            case TIME -> Seconds.nanoseconds(before, value);
            case MOMENT -> moment(before, value);
            case SHARE -> share(before, value);
            case WORD -> word(before, key, value);
            case WORDS -> words(before, key, value);
            case SPAN -> span(before, value);
            case FILE -> value;
            case SWITCH -> throw new IllegalStateException(value);
        };
    }

    private static String file(String before, String text, Source source) throws UsageException {
        Path file = source.folder() == null ? Path.of(text) : source.folder().resolve(text);
        if (source.onDisk().test(file)) {
            throw new UsageException(before + file + " is on the disk itself, which would wait for its own requests; name a file"
                    + " elsewhere");
        }
        return file.toString();
    }

    private static boolean isOn(String subject, Key key, String value) throws UsageException {
        if (value != null && !value.equals("on") && !value.equals("off")) {
            throw new UsageException(subject + key.name() + "=" + value + " is neither on nor off");
        }
        return !"off".equals(value);
    }

    private static long count(String before, String value) throws UsageException {
        long count = Sizes.number(before, value);
        if (count == 0) {
            throw new UsageException(before + value + " must be at least 1");
        }
        return count;
    }

    private static Moment moment(String before, String value) throws UsageException {
        if (value.matches("[0-9]+")) {
            return Moment.ofCount(count(before, value));
        }
        if (!value.endsWith("s")) {
            throw new UsageException(before + value + " is neither a number of requests nor a time with its unit, as 10s or 500ms");
        }
        return Moment.ofTime(Seconds.nanoseconds(before, value));
    }

    private static double share(String before, String value) throws UsageException {
        boolean percent = value.endsWith("%");
        String number = percent ? value.substring(0, value.length() - 1) : value;
        double share = number.matches("[0-9]{1,9}(\\.[0-9]{1,9})?") ? Double.parseDouble(number) / (percent ? 100 : 1) : -1;
        if (share < 0 || share > 1) {
            throw new UsageException(before + value + " is not a part of all, from 0 to 1 or from 0% to 100%");
        }
        return share;
    }

    private static String word(String before, Key key, String value) throws UsageException {
        if (!key.words().contains(value)) {
            throw new UsageException(before + value + " is none of " + String.join(", ", key.words())
                    + Similar.to(value, key.words()));
        }
        return value;
    }

    private static Set<String> words(String before, Key key, String value) throws UsageException {
        var words = new LinkedHashSet<String>();
        for (String word : value.split("\\+", -1)) {
            words.add(word(before, key, word));
        }
        return words;
    }

    private static Span span(String before, String value) throws UsageException {
        int dash = value.indexOf('-');
        if (dash < 1) {
            throw new UsageException(before + value + " is not a range, as 4K-1M or 1M-");
        }
        String first = value.substring(0, dash);
        String last = value.substring(dash + 1);
        long start = Sizes.bytes(before, first);
        long end = last.isEmpty() ? Long.MAX_VALUE : Sizes.bytes(before, last);
        if (start >= end) {
            throw new UsageException(before + value + " ends before it begins");
        }
        return new Span(start, end);
    }
}
