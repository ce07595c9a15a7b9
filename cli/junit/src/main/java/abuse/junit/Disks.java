// SPDX-License-Identifier: Apache-2.0
package abuse.junit;

import abuse.disk.Disk;
import abuse.disk.DiskException;
import java.util.ArrayDeque;
import java.util.Deque;

/** The disks of a test, or of a class of tests. */
final class Disks {
    private final Deque<Disk> disks = new ArrayDeque<>();

    synchronized void add(Disk disk) {
        disks.push(disk);
    }

    /** Takes all of them away, the last one first; one that fails keeps none of the others. */
    synchronized void close() throws DiskException {
        DiskException failure = null;
        for (Disk disk : disks) {
            try {
                disk.close();
            } catch (DiskException e) {
                if (failure == null) {
                    failure = e;
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        disks.clear();
        if (failure != null) {
            throw failure;
        }
    }
}
