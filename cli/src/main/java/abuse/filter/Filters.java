// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;

/** The filters by name. */
public final class Filters {
    private final List<FilterFactory> factories = new ArrayList<>();

    /**
     * The filters that a class loader or its parents know.
     *
     * @throws java.util.ServiceConfigurationError when one of them is broken
     */
    public Filters(ClassLoader loader) {
        ServiceLoader.load(FilterFactory.class, loader).forEach(factories::add);
    }

    /** The filters that come with the program. */
    public Filters() {
        this(Filters.class.getClassLoader());
    }

    /** All of them. */
    public List<FilterFactory> all() {
        return List.copyOf(factories);
    }

    /** The one with a name; null if there is none. */
    public FilterFactory find(String name) {
        for (FilterFactory factory : factories) {
            if (factory.name().equals(name)) {
                return factory;
            }
        }
        return null;
    }

    /** The keys of a filter without those that it refuses. */
    public static List<Key> usefulKeys(FilterFactory factory) {
        return factory instanceof TakesAll ? factory.keys() : keys(factory);
    }

    /** All keys of a filter: those of its own, then those that select requests. */
    public static List<Key> keys(FilterFactory factory) {
        var keys = new ArrayList<>(factory.keys());
        keys.addAll(Selection.KEYS);
        return keys;
    }
}
