// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import java.io.IOException;
import java.util.Set;

/**
 * A kind of backend. {@link java.util.ServiceLoader} finds it: it is a public class with a public
 * constructor without parameters, named in META-INF/services/abuse.backend.BackendFactory.
 */
public interface BackendFactory {
    /** What users may ask for. */
    enum Option {
        /** Make the store when there is none. */
        CREATE,
        /** Bypass the page cache. */
        DIRECT,
        /** Allow sharing with other disks' servers. */
        SHARED,
        /** This process' memory is locked: what the store may ever need is there from the start. */
        PINNED
    }

    /** What it is called on the command line, alone or with ":" and an argument. */
    String name();

    /** What stands behind the colon, in one word for the help; null when nothing does. */
    default String argument() {
        return null;
    }

    /** The options that it knows. */
    default Set<Option> options() {
        return Set.of();
    }

    /** Looks at a store before it is opened; null when there is none, or there is nothing to see. */
    default Image look(String argument) {
        return null;
    }

    /**
     * Opens a store.
     *
     * @param argument what stood behind the colon; null when nothing did
     * @param options some of {@link #options}
     * @throws IOException when it cannot hold the disk; the message names it
     */
    Backend open(String argument, Set<Option> options, Geometry geometry) throws IOException;
}
