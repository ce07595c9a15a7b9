// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import java.util.Map;
import java.util.Set;

/** The values of a filter's keys; each has the type that its {@link Key.Kind} names. */
public final class Settings {
    private final Map<String, Object> values;

    /** The values by the names of the keys. */
    public Settings(Map<String, Object> values) {
        this.values = Map.copyOf(values);
    }

    /** Whether a key was given. */
    public boolean has(String key) {
        return values.containsKey(key);
    }

    /** A size, a count, a number or a time. */
    public long number(String key, long fallback) {
        return (long) values.getOrDefault(key, fallback);
    }

    /** A part of all. */
    public double share(String key, double fallback) {
        return (double) values.getOrDefault(key, fallback);
    }

    /** Whether a switch is on. */
    public boolean isOn(String key) {
        return (boolean) values.getOrDefault(key, false);
    }

    /** A word or a path. */
    public String word(String key, String fallback) {
        return (String) values.getOrDefault(key, fallback);
    }

    /** Some words; empty without the key. */
    @SuppressWarnings("unchecked")
    public Set<String> words(String key) {
        return (Set<String>) values.getOrDefault(key, Set.of());
    }

    /** A part of the disk; null without the key. */
    public Span span(String key) {
        return (Span) values.get(key);
    }

    /** A moment; null without the key. */
    public Moment moment(String key) {
        return (Moment) values.get(key);
    }
}
