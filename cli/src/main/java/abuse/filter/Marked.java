// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import java.io.IOException;

/** A filter that keeps an order of events, to which others may add a word. */
public interface Marked {
    /**
     * Adds a mark after all that has ended before.
     *
     * @throws IOException when it was not added; the message says why
     */
    void mark(String text) throws IOException;

    /**
     * Looks whether nothing is missing.
     *
     * @throws IOException when something could not be added; the message says why
     */
    void checkWhole() throws IOException;
}
