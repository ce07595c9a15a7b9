// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import java.io.IOException;
import java.util.List;

/**
 * A kind of filter, which {@link java.util.ServiceLoader} finds: a public class with a public constructor without
 * parameters, named in META-INF/services/abuse.filter.FilterFactory.
 */
public interface FilterFactory {
    /** Its name on the command line, where it stands alone or before ":" and its keys. */
    String name();

    /** What it does, in one sentence. */
    String help();

    /** The keys of its own, besides those of every {@link Selection}. */
    List<Key> keys();

    /**
     * Makes a filter for one disk, which is not known yet.
     *
     * @throws IllegalArgumentException when the settings make no sense together; the message says why
     * @throws IOException when a file that they name cannot be used; the message names it
     */
    Filter make(Settings settings) throws IOException;
}
