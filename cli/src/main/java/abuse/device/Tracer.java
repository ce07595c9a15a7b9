// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.io.IOException;
import java.util.Optional;

/** Reports what happens to one device and its requests. */
public interface Tracer extends AutoCloseable {
    /** The next event; empty when none came in so many milliseconds, and after the end. */
    Optional<TraceEvent> next(int milliseconds) throws IOException;

    /** How many events were lost since the last call, as they came faster than they were read. */
    long lost();

    /** Ends the trace; events from before can still be read. */
    void stop() throws IOException;

    /** Leaves nothing behind. Any thread may call it, and more than once. */
    @Override
    void close() throws IOException;
}
