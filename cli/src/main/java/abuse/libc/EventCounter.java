// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import java.io.IOException;

/** An eventfd(2): one thread waits until others, or a native library, have raised it. That allocates nothing. */
public final class EventCounter implements AutoCloseable {
    private static final int EFD_CLOEXEC = 0x80000;
    private static final NativeFunction EVENTFD = new NativeFunction("eventfd", 2);
    private static final NativeFunction WRITE = new NativeFunction("write", 3);
    private static final int WRITTEN = 0;
    private static final int READ = Long.BYTES;

    private final Memory memory = Memory.map(2 * Long.BYTES);
    private final int fd;

    /** Is not raised yet. */
    public EventCounter() throws IOException {
        memory.putLong(WRITTEN, 1);
        fd = (int) EVENTFD.call(0, EFD_CLOEXEC);
        if (fd < 0) {
            int errno = Unix.errno();
            memory.close();
            throw new IOException("eventfd: " + Unix.strerror(errno));
        }
    }

    /** For others, who write to it as eventfd(2) says. */
    public int descriptor() {
        return fd;
    }

    /** Ends one {@link #await}, which may begin later. */
    public void raise() {
        WRITE.call(fd, memory.address() + WRITTEN, Long.BYTES);
    }

    /** Waits until it was raised since the last call has returned. One thread at a time. */
    public void await() throws IOException {
        while (Unix.read(fd, memory.address() + READ, Long.BYTES) < 0) {
            int errno = Unix.errno();
            if (errno != Unix.EINTR) {
                throw new IOException("eventfd: " + Unix.strerror(errno));
            }
        }
    }

    /** Nobody may wait or raise any more. */
    @Override
    public void close() {
        Unix.close(fd);
        memory.close();
    }
}
