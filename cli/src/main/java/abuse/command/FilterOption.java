// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.filter.Filter;
import abuse.filter.FilterFactory;
import abuse.filter.Filters;
import abuse.filter.Key;
import abuse.filter.Moment;
import abuse.filter.Settings;
import abuse.filter.Span;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A filter as it was typed: error:op=write,nth=3 and so on.
 *
 * @param name of its kind
 */
record FilterOption(String name, Filter filter) {
    /** Reads all filters of a command line; fails at the first one that is wrong. */
    static List<FilterOption> parse(List<String> texts, Filters filters) throws UsageException, IOException {
        var options = new ArrayList<FilterOption>();
        for (String text : texts) {
            options.add(parse(text, filters));
        }
        return options;
    }

    private static FilterOption parse(String text, Filters filters) throws UsageException, IOException {
        int colon = text.indexOf(':');
        String name = colon < 0 ? text : text.substring(0, colon);
        FilterFactory factory = filters.find(name);
        if (factory == null) {
            List<String> names = filters.all().stream().map(FilterFactory::name).toList();
            throw new UsageException("'" + name + "' is not a filter; there are " + String.join(", ", names) + Similar.to(name, names));
        }
        String subject = "--filter " + name + ": ";
        var values = new LinkedHashMap<String, Object>();
        for (String word : colon < 0 || colon + 1 == text.length() ? new String[0] : text.substring(colon + 1).split(",", -1)) {
            parse(subject, word, factory, values);
        }
        try {
            return new FilterOption(name, factory.make(new Settings(values)));
        } catch (IllegalArgumentException e) {
            throw new UsageException(subject + e.getMessage());
        }
    }

    /** Reads one key with its value. */
    private static void parse(String subject, String word, FilterFactory factory, Map<String, Object> values) throws UsageException {
        int equals = word.indexOf('=');
        String name = equals < 0 ? word : word.substring(0, equals);
        String value = equals < 0 ? null : word.substring(equals + 1);
        List<Key> keys = Filters.keys(factory);
        Key key = keys.stream().filter(one -> one.name().equals(name)).findFirst().orElse(null);
        if (key == null) {
            List<String> names = keys.stream().map(Key::name).toList();
            throw new UsageException(subject + "unknown key '" + name + "'; there are " + String.join(", ", names)
                    + Similar.to(name, names));
        }
        if (values.put(name, value(subject, key, value)) != null) {
            throw new UsageException(subject + "'" + name + "' is given twice");
        }
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
