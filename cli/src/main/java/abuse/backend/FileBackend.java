// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import abuse.libc.Unix;
import java.io.IOException;
import java.nio.ByteBuffer;
import jnr.posix.POSIX;
import jnr.posix.POSIXFactory;

/** Keeps the disk in an image file, or on another block device, by way of the page cache. */
final class FileBackend implements Backend {
    private static final POSIX OS = POSIXFactory.getNativePOSIX();

    private final String path;
    private final int fd;
    private final boolean writeThrough;
    private final long size;

    /**
     * Opens and locks an image.
     *
     * @param create make it, sparse, when there is none
     */
    FileBackend(String path, boolean create, Geometry geometry) throws IOException {
        this.path = path;
        writeThrough = geometry.writeThrough();
        int flags = Unix.O_CLOEXEC | (geometry.readOnly() && !create ? Unix.O_RDONLY : Unix.O_RDWR)
                | (create ? Unix.O_CREAT : 0) | (writeThrough ? Unix.O_DSYNC : 0);
        fd = OS.open(path, flags, 0600);
        if (fd < 0) {
            int errno = Unix.errno();
            throw new IOException(path + ": " + Unix.words(errno)
                    + (errno == Unix.ENOENT && !create ? "; add --create to make it" : ""));
        }
        try {
            int locked = Unix.lock(fd, !geometry.readOnly());
            if (locked == -Unix.EAGAIN || locked == -Unix.EACCES) {
                throw new IOException(path + ": another server has it; two must not write to one image");
            }
            if (locked < 0) {
                throw new IOException(path + ": cannot be locked: " + Unix.words(-locked));
            }
            // Only what was just made: to grow an image that holds something is the administrator's business
            if (create && end() == 0 && OS.ftruncate(fd, geometry.capacity()) < 0) {
                throw failure();
            }
            size = end();
        } catch (IOException | RuntimeException | Error e) {
            OS.close(fd);
            throw e;
        }
    }

    @Override
    public void read(long offset, ByteBuffer into) throws IOException {
        while (into.hasRemaining()) {
            long n = OS.pread(fd, into, into.remaining(), offset);
            if (n == 0) {
                throw new IOException(path + ": the image ends before the disk does");
            }
            offset += advance(into, n);
        }
    }

    @Override
    public void write(long offset, ByteBuffer from) throws IOException {
        while (from.hasRemaining()) {
            offset += advance(from, OS.pwrite(fd, from, from.remaining(), offset));
        }
    }

    @Override
    public void flush() throws IOException {
        while (OS.fdatasync(fd) < 0) {
            throwUnlessInterrupted();
        }
    }

    @Override
    public void discard(long offset, long length) throws IOException {
        punch(offset, length);
    }

    @Override
    public void writeZeroes(long offset, long length) throws IOException {
        if (!punch(offset, length)) {
            Backend.super.writeZeroes(offset, length);
        }
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public void close() {
        OS.close(fd);
    }

    /** Makes a hole, which reads as zeros; false when the image's filesystem has none. */
    private boolean punch(long offset, long length) throws IOException {
        while (Unix.LIBC.fallocate(fd, Unix.FALLOC_FL_PUNCH_HOLE | Unix.FALLOC_FL_KEEP_SIZE, offset, length) < 0) {
            if (Unix.errno() == Unix.EOPNOTSUPP) {
                return false;
            }
            throwUnlessInterrupted();
        }
        if (writeThrough) {
            flush();
        }
        return true;
    }

    private long advance(ByteBuffer buffer, long n) throws IOException {
        if (n < 0) {
            throwUnlessInterrupted();
            return 0;
        }
        buffer.position(buffer.position() + (int) n);
        return n;
    }

    private long end() throws IOException {
        long end = OS.lseekLong(fd, 0, Unix.SEEK_END);
        if (end < 0) {
            throw failure();
        }
        return end;
    }

    private void throwUnlessInterrupted() throws IOException {
        if (Unix.errno() != Unix.EINTR) {
            throw failure();
        }
    }

    private IOException failure() {
        return new IOException(path + ": " + Unix.words(Unix.errno()));
    }
}
