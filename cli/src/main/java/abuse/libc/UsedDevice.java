// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import java.io.IOException;

/** Finds out whether a block device is mounted, or belongs to another device: writing to it would destroy what is there. */
public final class UsedDevice {
    /** What is said of one. */
    public static final String REFUSAL = "is mounted, or used by something else; end that first";

    /** Others may look in this way, too, and it takes them a moment. */
    private static final int TRIES = 10;
    private static final long PAUSE_MS = 50;

    private UsedDevice() {}

    /**
     * Throws when it is used, but not because programs have it open.
     *
     * @param fd an open block device
     * @param exception how the message ends
     */
    public static void refuse(int fd, String path, String exception) throws IOException {
        String again = "/proc/self/fd/" + fd;
        for (int left = TRIES;; left--) {
            int exclusive = Unix.open(again, Unix.O_RDONLY | Unix.O_EXCL | Unix.O_CLOEXEC);
            if (exclusive >= 0) {
                Unix.close(exclusive);
                return;
            }
            int errno = Unix.errno();
            if (errno != Unix.EBUSY || left == 0) {
                throw new IOException(path + ": " + (errno == Unix.EBUSY ? REFUSAL + exception : Unix.strerror(errno)));
            }
            pause();
        }
    }

    private static void pause() throws IOException {
        try {
            Thread.sleep(PAUSE_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }
}
