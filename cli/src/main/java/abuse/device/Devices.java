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

    /** Whether the kernel module is there. */
    boolean isModuleLoaded();
}
