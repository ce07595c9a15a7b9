// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.io.IOException;
import java.util.Optional;

/** Tells the requests of one disk as they pass. */
public interface Tracer extends AutoCloseable {
    /** The next event; empty when none came in so many milliseconds. */
    Optional<BlockEvent> next(int milliseconds) throws IOException;

    /** Traces nothing from now on; what was traced before may still be asked for. */
    void stop() throws IOException;

    @Override
    void close() throws IOException;
}
