// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import abuse.libc.ImageLock;
import abuse.libc.Unix;
import java.io.IOException;

/**
 * Keeps qemu and its tools away from an image, and us from theirs. Like them it locks a byte for each thing that it does,
 * and one for each that others must not do meanwhile, and then looks at what others have locked. This also keeps out a
 * second server of the same disk, whose tables in memory would not be ours.
 */
final class QemuLock {
    private static final int DOES = 100;
    private static final int FORBIDS = 200;
    private static final int READ = 0;
    private static final int WRITE = 1;
    private static final int RESIZE = 3;

    private QemuLock() {}

    /** Locks an open file until it is closed; of a file that is only read many may have it. */
    static void take(int fd, String path, boolean writable) throws IOException {
        int[] does = writable ? new int[] {READ, WRITE, RESIZE} : new int[] {READ};
        int[] forbids = {WRITE, RESIZE};
        for (int one : does) {
            ImageLock.check(path, Unix.lockForReading(fd, DOES + one), !writable);
        }
        for (int one : forbids) {
            ImageLock.check(path, Unix.lockForReading(fd, FORBIDS + one), !writable);
        }
        for (int one : does) {
            refuse(fd, path, FORBIDS + one, writable);
        }
        for (int one : forbids) {
            refuse(fd, path, DOES + one, writable);
        }
    }

    private static void refuse(int fd, String path, int position, boolean writable) throws IOException {
        long found = Unix.firstLock(fd, position, 1);
        ImageLock.check(path, found, !writable);
        if (found > 0) {
            throw new IOException(path + ": another server or a program of qemu has it open; one of the two must end");
        }
    }
}
