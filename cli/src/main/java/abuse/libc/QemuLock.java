// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import java.io.IOException;

/**
 * Keeps qemu and its tools away from an image, and us from theirs. Like them it locks a byte for each thing that it does,
 * and one for each that others must not do meanwhile, and then looks at what others have locked. The locks belong to the open
 * image.
 */
public final class QemuLock {
    private static final int DOES = 100;
    private static final int FORBIDS = 200;
    private static final int READ = 0;
    private static final int WRITE = 1;
    private static final int RESIZE = 3;
    private static final int[] NOTHING = {};
    private static final int[] READS = {READ};

    private QemuLock() {}

    /**
     * Locks an image until it is closed; of one that is only read many may have it. This also keeps out a second server of the
     * same disk.
     */
    public static void take(int fd, String path, boolean writable) throws IOException {
        take(fd, path, writable, writable ? new int[] {READ, WRITE, RESIZE} : READS, new int[] {WRITE, RESIZE}, "");
    }

    /**
     * Locks an image until it is closed, which others of ours may write, too.
     *
     * @param exception how the message ends if somebody else has it
     */
    public static void share(int fd, String path, boolean writable, String exception) throws IOException {
        take(fd, path, writable, writable ? new int[] {READ, WRITE} : READS, NOTHING, exception);
    }

    private static void take(int fd, String path, boolean writable, int[] does, int[] forbids, String exception) throws IOException {
        for (int one : does) {
            ImageLock.check(path, Unix.lockForReading(fd, DOES + one), !writable);
        }
        for (int one : forbids) {
            ImageLock.check(path, Unix.lockForReading(fd, FORBIDS + one), !writable);
        }
        for (int one : does) {
            refuse(fd, path, FORBIDS + one, writable, exception);
        }
        for (int one : forbids) {
            refuse(fd, path, DOES + one, writable, exception);
        }
    }

    private static void refuse(int fd, String path, int position, boolean writable, String exception) throws IOException {
        long found = Unix.firstLock(fd, position, 1);
        ImageLock.check(path, found, !writable);
        if (found > 0) {
            throw new IOException(path + ": another server or a program of qemu has it open; one of the two must end" + exception);
        }
    }
}
