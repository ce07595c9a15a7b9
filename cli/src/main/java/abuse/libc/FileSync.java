// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;

/** Makes durable what was written to an open file. */
public final class FileSync {
    private final int fd;
    private final String path;
    /** How many syncs were asked for, and how many of them are done. */
    private final AtomicLong asked = new AtomicLong();
    private long done;
    private volatile ErrnoException lost;

    /** The name is for messages. */
    public FileSync(int fd, String path) {
        this.fd = fd;
        this.path = path;
    }

    /** Returns when all that was written before is durable; one fdatasync serves all who asked before it began. */
    public void run() throws IOException {
        long mine = asked.incrementAndGet();
        synchronized (this) {
            if (mine > done) {
                long all = asked.get();
                syncNow();
                done = all;
            }
        }
    }

    /** From now on it fails, because something that was written is not there any more. */
    public void lose(String message) {
        lost = new ErrnoException(Unix.EIO, message);
    }

    /** Remembers a failure: the kernel reports it once, and nobody knows which writes were lost. */
    private void syncNow() throws IOException {
        while (lost == null && Unix.fdatasync(fd) < 0) {
            int errno = Unix.errno();
            if (errno != Unix.EINTR) {
                lost = new ErrnoException(errno, path + ": " + Unix.strerror(errno));
            }
        }
        if (lost != null) {
            // A new one, because each thread has its own trace
            throw new ErrnoException(lost.errno(), lost.getMessage());
        }
    }
}
