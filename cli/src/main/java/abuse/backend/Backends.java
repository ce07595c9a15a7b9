// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import abuse.backend.BackendFactory.Option;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.Set;

/** The backends by name. */
public final class Backends {
    private final List<BackendFactory> factories = new ArrayList<>();

    /**
     * The backends that a class loader or its parents know.
     *
     * @throws java.util.ServiceConfigurationError when one of them is broken
     */
    public Backends(ClassLoader loader) {
        ServiceLoader.load(BackendFactory.class, loader).forEach(factories::add);
    }

    /** null, mem and file, and others. */
    public Backends(List<BackendFactory> others) {
        factories.addAll(List.of(new NullBackend.Factory(), new MemBackend.Factory(), new FileBackend.Factory()));
        factories.addAll(others);
    }

    /** The backends that come with the program. */
    public Backends() {
        this(Backends.class.getClassLoader());
    }

    /** Whether this is a backend's name, with its argument if it wants one. */
    public boolean isName(String name) {
        return find(name) != null;
    }

    /** The names of all backends, as in "null, mem and file:PATH". */
    public String names() {
        List<String> names = factories.stream().map(Backends::nameOf).toList();
        int last = names.size() - 1;
        return String.join(", ", names.subList(0, last)) + " and " + names.get(last);
    }

    /** How the name of each backend begins, with a colon if an argument follows. */
    public List<String> words() {
        return factories.stream().map(factory -> factory.name() + (factory.argument() == null ? "" : ":")).toList();
    }

    /** The names of the backends whose factories are of this loader, and not of a parent of it, with their help. */
    public Map<String, String> helpOf(ClassLoader loader) {
        var help = new LinkedHashMap<String, String>();
        for (BackendFactory factory : factories) {
            if (factory.getClass().getClassLoader() == loader) {
                help.put(nameOf(factory), factory.help());
            }
        }
        return help;
    }

    /** The names of the backends that know an option. */
    public String namesWith(Option option) {
        return String.join(", ", factories.stream().filter(factory -> factory.options().contains(option))
                .map(Backends::nameOf).toList());
    }

    /** Whether a backend knows an option. */
    public boolean knows(String name, Option option) {
        return find(name).options().contains(option);
    }

    /** A name as it may be shown, without a password, even if it is not one of a backend. */
    public String shown(String name) {
        BackendFactory factory = find(name);
        if (factory == null) {
            // It may be meant as one that has them
            return name.replaceFirst("(?s)^([^:@]*:)?(?:.*@|(?<=:).*\\?).*", "$1...");
        }
        return factory.argument() == null ? name : factory.name() + ":" + factory.shown(argumentOf(name));
    }

    /** Whether a backend may be opened in a process whose memory is locked. */
    public boolean canBePinned(String name) {
        return find(name).canBePinned();
    }

    /** Looks at what a backend would open, as {@link BackendFactory#look} does. */
    public Image look(String name) throws IOException {
        return find(name).look(argumentOf(name));
    }

    /**
     * Opens a backend.
     *
     * @param name as {@link #isName} knows it
     * @throws IOException when it cannot hold the disk; the message names it
     */
    public Backend open(String name, Set<Option> options, Geometry geometry) throws IOException {
        try {
            return find(name).open(argumentOf(name), options, geometry);
        } catch (LinkageError e) {
            throw new IOException(shown(name) + ": " + e, e);
        }
    }

    private BackendFactory find(String name) {
        for (BackendFactory factory : factories) {
            boolean found = factory.argument() == null ? name.equals(factory.name())
                    : name.startsWith(factory.name() + ":") && name.length() > factory.name().length() + 1;
            if (found) {
                return factory;
            }
        }
        return null;
    }

    private static String argumentOf(String name) {
        int colon = name.indexOf(':');
        return colon < 0 ? null : name.substring(colon + 1);
    }

    /** The name of a backend as in the help, such as "file:PATH". */
    public String label(String name) {
        return nameOf(find(name));
    }

    private static String nameOf(BackendFactory factory) {
        return factory.argument() == null ? factory.name() : factory.name() + ":" + factory.argument();
    }
}
