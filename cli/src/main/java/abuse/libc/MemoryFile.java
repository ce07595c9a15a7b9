// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

import java.io.IOException;

/** Memory that the kernel knows as a file, so that a disk can be mapped to it. It cannot be cut. */
public final class MemoryFile implements AutoCloseable {
    private final int fd;
    private final Memory memory;

    private MemoryFile(int fd, Memory memory) {
        this.fd = fd;
        this.memory = memory;
    }

    /**
     * Takes fresh memory, all of it at once.
     *
     * @param size bytes, more than 0
     * @throws IOException when there is no room for it
     */
    public static MemoryFile allocate(long size) throws IOException {
        if (size > Memory.available()) {
            throw new IOException("no room for " + size + " bytes; " + Memory.available() + " are available");
        }
        int fd = Unix.memfd("abuse");
        try {
            // Whoever finds it later must not find it cut
            if (fd < 0 || Unix.fallocate(fd, 0, 0, size) < 0 || !Unix.sealLength(fd)) {
                throw new IOException("no room for " + size + " bytes: " + Unix.strerror(Unix.errno()));
            }
            return new MemoryFile(fd, Memory.share(fd, 0, size));
        } catch (IOException | RuntimeException | Error e) {
            Unix.close(fd);
            throw e;
        }
    }

    /** The open file. */
    public int fd() {
        return fd;
    }

    /** All of it. */
    public Memory memory() {
        return memory;
    }

    /** What is mapped to it keeps it. */
    @Override
    public void close() {
        Unix.close(fd);
        memory.close();
    }
}
