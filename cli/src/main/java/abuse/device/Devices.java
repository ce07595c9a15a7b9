// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.io.IOException;
import java.nio.file.Path;
import java.nio.file.attribute.UserPrincipal;
import java.util.List;
import java.util.Set;

/** The machine's control nodes. */
public interface Devices {
    /** Opens a control node by its path. */
    Device open(String path) throws DeviceException;

    /** The paths of all control nodes, by number. */
    List<String> list();

    /**
     * Makes another device, which is there until the module is unloaded.
     *
     * @param number N of its control node, /dev/abctlN; negative for the lowest that is free
     * @return the path of that node
     * @throws DeviceException of the call ADD, for the reason MISSING if this /dev does not have the node of every device,
     *     so that the new one could not be opened; or of OPEN, if there is no control node that can be opened
     */
    String make(int number) throws DeviceException;

    /** Whether a node belongs to somebody who is neither this user nor root, and could serve the disk, too. */
    default boolean isForeign(String path) {
        return false;
    }

    /** Makes a user the owner of a node. */
    void give(String path, UserPrincipal user) throws IOException;

    /** The kernel's counters of a disk that is set up. */
    DiskStatistics statistics(Status status) throws IOException;

    /** Traces a device, set up or not. */
    Tracer trace(Status status, Set<TraceEvent.Kind> kinds) throws IOException;

    /** Who uses a disk, in words such as "mounted on /mnt"; empty when this process cannot see it. */
    List<String> users(Status status);

    /** Whether a file lies on a disk that is set up, or is the disk, as far as this process can see. It asks nothing of the disk. */
    boolean holds(Status status, Path file);

    /**
     * Reads a block of a disk that is set up, to find out whether its server can. A disk that cannot be opened, or
     * that nobody answers for some seconds, counts as good.
     *
     * @throws IOException when the read fails
     */
    void probe(Status status, long offset) throws IOException;

    /** Something for so many threads to wait with for open control nodes of these devices. */
    Poller poller(int threads) throws IOException;

    /** Whether the kernel module is there. */
    boolean isModuleLoaded();
}
