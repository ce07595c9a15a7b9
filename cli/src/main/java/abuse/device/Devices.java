// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.io.IOException;
import java.util.List;

/** The machine's control nodes. */
public interface Devices {
    /** Opens a control node by its path. */
    Device open(String path) throws DeviceException;

    /** The paths of all control nodes, by number. */
    List<String> list();

    /** What the kernel counted of a disk that is set up. */
    DiskStatistics statistics(Status status) throws IOException;

    /** Traces a disk that is set up. */
    Tracer trace(Status status) throws IOException;

    /** Who uses a disk, in words such as "mounted on /mnt"; empty when that is not to be seen from here. */
    List<String> users(Status status);

    /**
     * Reads a block of a disk that is set up, to see whether whoever serves it can. Where the disk cannot be
     * opened, or nobody answers for some seconds, there is nothing to be seen.
     *
     * @throws IOException when the read fails
     */
    void probe(Status status, long offset) throws IOException;

    /** Whether the kernel module is there. */
    boolean isModuleLoaded();
}
