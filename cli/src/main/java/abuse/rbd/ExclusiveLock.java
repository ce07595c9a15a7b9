// SPDX-License-Identifier: Apache-2.0
package abuse.rbd;

import java.io.IOException;
import java.nio.file.Path;

/**
 * Takes the exclusive lock of an image. If its owner was killed, only this machine knows that at once: each owner keeps a
 * lock of the kernel on a file that names it, which ends with its process.
 */
final class ExclusiveLock implements AutoCloseable {
    private static final Path FOLDER = Path.of("/run/abuse/rbd");

    private final RbdImage image;
    private final OwnerFile file;
    /** This client. */
    private final String owner;

    private ExclusiveLock(RbdImage image, OwnerFile file, String owner) {
        this.image = image;
        this.file = file;
        this.owner = owner;
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
        OwnerFile file = OwnerFile.open(FOLDER.resolve(image.fsid() + "." + image.id()));
        try {
            String before = image.lockOwner();
            if (before != null) {
                if (file.isAlone() && before.equals(file.owner())) {
                    image.breakLock(before);
                } else if (image.isUsedBy(before)) {
                    throw new IOException(text + ": the client " + before + " uses the image, and has its exclusive lock; if it"
                            + " was killed, the cluster notices that in half a minute");
                }
            }
            image.lock();
            String owner = image.lockOwner();
            if (file.isAlone() && owner != null) {
                file.name(owner);
            }
            return new ExclusiveLock(image, file, owner);
        } catch (Throwable e) {
            file.close();
            throw e;
        }
    }

    /** Whether this client still has it, while the image is open. */
    boolean isHeld() throws IOException {
        return owner != null && owner.equals(image.lockOwner());
    }

    /** After the image was closed. */
    @Override
    public void close() {
        file.close();
    }
}
