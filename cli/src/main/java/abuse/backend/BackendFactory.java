// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import java.io.IOException;
import java.util.Set;

/**
 * A kind of backend, which {@link java.util.ServiceLoader} finds: a public class with a public constructor without
 * parameters, named in META-INF/services/abuse.backend.BackendFactory.
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
        /** This process's memory is locked; provide at the start all memory that the store may ever need. */
        PINNED,
        /** Requests may fail at a deadline, because the backend is an {@link AsyncBackend}. */
        DEADLINE
    }

    /** Its name on the command line, where it stands alone or before ":" and an argument. */
    String name();

    /** The name of its argument in the help; null if it takes none. */
    default String argument() {
        return null;
    }

    /** What it is, and what its argument may say, such as options of its own, for the help of the tool. */
    default String help() {
        return "";
    }

    /** The argument without what nobody may see, such as a password. */
    default String shown(String argument) {
        return argument;
    }

    /** The options that it knows. */
    default Set<Option> options() {
        return Set.of();
    }

    /** Whether it may be opened in a process that keeps all that it maps in memory. */
    default boolean canBePinned() {
        return true;
    }

    /**
     * Looks at a store before it is opened; null when there is none, or there is nothing to see.
     *
     * @throws IOException when it cannot be reached; the message names it
     */
    default Image look(String argument) throws IOException {
        return null;
    }

    /**
     * Opens a store.
     *
     * @param argument what follows the colon; null without one
     * @param options some of {@link #options}
     * @throws IOException when it cannot hold the disk; the message names it
     */
    Backend open(String argument, Set<Option> options, Geometry geometry) throws IOException;
}
