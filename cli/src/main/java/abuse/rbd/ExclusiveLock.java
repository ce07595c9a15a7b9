// SPDX-License-Identifier: Apache-2.0
package abuse.rbd;

import abuse.libc.Unix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Takes the exclusive lock of an image. If its owner was killed, only this machine knows that at once: each owner keeps a
 * lock of the kernel on a file that names it, which ends with its process.
 */
final class ExclusiveLock implements AutoCloseable {
    private static final Path FOLDER = Path.of("/run/abuse/rbd");
    /** Any byte but the first one. */
    private static final long BYTE = 1;

    private final Path file;
    /** Negative if there can be no such file; then the cluster has to notice who is dead. */
    private final int fd;

    private ExclusiveLock(Path file) {
        this.file = file;
        int opened = -1;
        try {
            Files.createDirectories(FOLDER);
            opened = Unix.open(file.toString(), Unix.O_RDWR | Unix.O_CREAT | Unix.O_CLOEXEC, 0600);
        } catch (IOException e) {
            // Likewise
        }
        fd = opened;
    }

    /**
     * Takes it for an image that is written.
     *
     * @return null if the image has none
     * @throws IOException when another client uses the image
     */
    static ExclusiveLock take(RbdImage image, String text) throws IOException {
        if (!image.hasExclusiveLock()) {
            return null;
        }
        var lock = new ExclusiveLock(FOLDER.resolve(image.fsid() + "." + image.id()));
        try {
            boolean alone = lock.fd >= 0 && Unix.lockForReading(lock.fd, BYTE) == 0 && Unix.firstLock(lock.fd, BYTE, 1) == 0;
            String owner = image.lockOwner();
            if (owner != null) {
                if (alone && owner.equals(Files.readString(lock.file))) {
                    image.breakLock(owner);
                } else if (image.isUsedBy(owner)) {
                    throw new IOException(text + ": the client " + owner + " uses the image, and has its exclusive lock; if it"
                            + " was killed, the cluster notices that in half a minute");
                }
            }
            image.lock();
            if (alone) {
                Files.writeString(lock.file, image.lockOwner());
            }
            return lock;
        } catch (Throwable e) {
            Unix.close(lock.fd);
            throw e;
        }
    }

    /** After the image was closed. */
    @Override
    public void close() {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            // It names a client that has no lock any more
        }
        Unix.close(fd);
    }
}
