// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;

/**
 * Reserves an image for one disk. Servers of the same disk may share it, as the kernel gives no request to two of
 * them; servers of two disks would overwrite each other. Each first locks one byte far beyond any image, whose
 * position tells the disk, and then looks for other locks: so of two at once at least one notices the other. The lock
 * belongs to the open image, and ends with the process no matter how that ends.
 */
public final class ImageLock {
    /** Where the bytes of servers that write begin. */
    private static final long WRITERS = 1L << 62;
    /** Where those of servers that only read begin; readers do not exclude each other. */
    private static final long READERS = 3L << 61;
    private static final long ALL = 1L << 61;
    /** The byte of those who add text. */
    private static final long TEXT = WRITERS - 1;
    /** Bits of a disk's number; those above tell machines apart, which may share a filesystem. */
    private static final int NUMBER_BITS = 20;
    /** Instead of a disk's number, for a program that uses an image without a disk. */
    private static final int NO_DISK = (1 << NUMBER_BITS) - 1;

    /** What a call says where there are no such locks, as on some network filesystems, or where they are switched off. */
    private static final Set<Integer> IMPOSSIBLE = Set.of(Unix.EINVAL, Unix.ENOLCK, Unix.ENOSYS, Unix.EOPNOTSUPP);

    private final int fd;
    private final String path;
    private final boolean readOnly;
    private final long machine;
    private final long disk;

    private ImageLock(int fd, String path, int number, boolean readOnly) throws IOException {
        this.fd = fd;
        this.path = path;
        this.readOnly = readOnly;
        // Never 0, because a lock of length 0 reaches to the end
        machine = 1L << 32 | Long.parseLong(Files.readString(Path.of("/proc/sys/kernel/random/boot_id")), 0, 8, 16);
        disk = machine << NUMBER_BITS | number;
    }

    /**
     * Locks an open image until it is closed.
     *
     * @param number of the disk, which distinguishes it from the others of this machine
     */
    public static ImageLock take(int fd, String path, int number, boolean readOnly) throws IOException {
        var lock = new ImageLock(fd, path, number, readOnly);
        lock.check(Unix.lockForReading(fd, (lock.readOnly ? READERS : WRITERS) + lock.disk));
        refuseText(fd, path);
        return lock;
    }

    /**
     * Locks an open image, for a program that reads or writes it itself, until it is closed.
     *
     * @throws IOException when it is a disk's, or another program's; one that only reads may share it with others that do
     */
    public static void takeWithoutDisk(int fd, String path, boolean readOnly) throws IOException {
        var lock = new ImageLock(fd, path, NO_DISK, readOnly);
        lock.check(Unix.lockForReading(fd, (readOnly ? READERS : WRITERS) + lock.disk));
        refuseText(fd, path);
        lock.refuse(WRITERS, WRITERS, ALL, "; end that first");
        if (!readOnly) {
            lock.refuse(READERS, READERS, ALL, "; end that first");
        }
    }

    /**
     * Tells others that text is added to a file, until the descriptor that this returns is closed.
     *
     * @return -1 if the caller may only write the file, and so serves no image with it
     * @throws IOException when it is an image, or the record of one
     */
    public static int lockText(String path) throws IOException {
        int fd = Unix.open(path, Unix.O_RDONLY | Unix.O_CLOEXEC | Unix.O_NONBLOCK | Unix.O_NOCTTY);
        if (fd < 0) {
            return -1;
        }
        try {
            Unix.lockForReading(fd, TEXT);
            var lock = new ImageLock(fd, path, NO_DISK, true);
            lock.refuse(WRITERS, WRITERS, ALL, "; name another file");
            lock.refuse(READERS, READERS, ALL, "; name another file");
            return fd;
        } catch (IOException | RuntimeException | Error e) {
            Unix.close(fd);
            throw e;
        }
    }

    /** Throws when text is added to an open file. */
    public static void refuseText(int fd, String path) throws IOException {
        if (Unix.firstLock(fd, TEXT, 1) > 0) {
            throw new IOException(path + ": a filter writes lines to it; name another file");
        }
    }

    /**
     * Throws when the image is another disk's, too.
     *
     * @param exception how the message ends
     */
    public void refuseOthers(String exception) throws IOException {
        refuseOthers(WRITERS, exception);
        if (!readOnly) {
            refuseOthers(READERS, exception);
        }
    }

    private void refuseOthers(long kind, String exception) throws IOException {
        String hint = " already; two disks must not write to one image" + exception;
        refuse(kind, kind, disk, hint);
        refuse(kind, kind + disk + 1, ALL - disk - 1, hint);
    }

    private void refuse(long kind, long start, long length, String hint) throws IOException {
        long found = Unix.firstLock(fd, start, length);
        check(found);
        if (found > 0) {
            long other = found - kind;
            throw new IOException(path + ": it is " + user(other) + hint);
        }
    }

    private String user(long other) {
        long number = other & (1 << NUMBER_BITS) - 1;
        return other == 0 ? "written by a 'record' filter" : other >>> NUMBER_BITS != machine ? "served as another machine's disk"
                : number == NO_DISK ? "used by abusectl replay or crashes" : "served as /dev/abuse" + number;
    }

    private void check(long result) throws IOException {
        check(path, result, readOnly);
    }

    /**
     * Throws if a call that locks an image has failed, but not if the image is only read and there can be no lock.
     *
     * @param result what the call returned, a negative errno if it has failed
     */
    public static void check(String path, long result, boolean readOnly) throws IOException {
        boolean impossible = IMPOSSIBLE.contains((int) -result);
        if (result < 0 && !(impossible && readOnly)) {
            throw new IOException(path + ": cannot be locked: " + Unix.strerror((int) -result)
                    + (impossible ? "; its filesystem has no locks, so others could write to it, too; put it on another one" : ""));
        }
    }
}
