// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.io.IOException;
import java.util.Optional;

/** Reports the requests of one disk as they pass. */
public interface Tracer extends AutoCloseable {
    /** The next event; empty when none came in so many milliseconds. */
    Optional<BlockEvent> next(int milliseconds) throws IOException;

    /** Ends the trace; events from before can still be read. */
    void stop() throws IOException;

    @Override
    void close() throws IOException;
}
