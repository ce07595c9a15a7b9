// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.BackendException;
import abuse.backend.Failure;
import abuse.libc.Memory;
import abuse.libc.Unix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Blocks of a disk in a sparse file that goes with it, in memory or without a name, and which of them are there. Any thread
 * may call; blocks that are read while they are written have old or new bytes. A call allocates nothing.
 */
final class Overlay implements AutoCloseable {
    private final String name;
    private final int fd;
    private int blockSize;
    /** A bit for each block that is here; no heap has room for those of a large disk. */
    private Memory present;
    /** For a filesystem without holes. */
    private final Memory zeros = Memory.map(1 << 16);
    /** Writes under way, which need not wait for each other. */
    private int writes;
    private boolean closed;

    /**
     * Makes an empty one for no disk yet.
     *
     * @param path of a new file; null to keep it in memory
     */
    Overlay(String path) throws IOException {
        name = path == null ? "the overlay" : path;
        fd = path == null ? Unix.memfd("overlay") : Unix.open(path, Unix.O_RDWR | Unix.O_CREAT | Unix.O_EXCL | Unix.O_CLOEXEC, 0600);
        if (fd < 0) {
            BackendException failure = failure(Unix.errno());
            zeros.close();
            throw failure;
        }
        if (path != null) {
            Files.delete(Path.of(path));
        }
    }

    /** Makes room for a disk. */
    void open(long capacity, int block) throws IOException {
        blockSize = block;
        grow(capacity);
    }

    /** Makes room for a larger disk. */
    synchronized void grow(long capacity) throws IOException {
        if (closed) {
            return;
        }
        if (Unix.ftruncate(fd, capacity) < 0) {
            throw failure(Unix.errno());
        }
        Memory larger = map((capacity / blockSize + Long.SIZE - 1) / Long.SIZE * Long.BYTES);
        if (present != null) {
            for (long at = 0; at < Math.min(present.size(), larger.size()); at += Long.BYTES) {
                // To write zeros would take memory
                if (present.getLong(at) != 0) {
                    larger.putLong(at, present.getLong(at));
                }
            }
            present.close();
        }
        present = larger;
    }

    private Memory map(long bytes) throws IOException {
        try {
            return Memory.map(Math.max(Long.BYTES, bytes));
        } catch (OutOfMemoryError e) {
            throw failure(Unix.ENOMEM);
        }
    }

    /** Whether all blocks of a range are here, or it is closed, so that nobody else needs to be asked. */
    synchronized boolean hasAll(long offset, long length) {
        if (closed) {
            return true;
        }
        long end = (offset + length) / blockSize;
        for (long block = offset / blockSize; block < end; block++) {
            if (!has(block)) {
                return false;
            }
        }
        return true;
    }

    private boolean has(long block) {
        return (present.getLong(place(block)) & 1L << block) != 0;
    }

    private static long place(long block) {
        return block / Long.SIZE * Long.BYTES;
    }

    private synchronized void add(long offset, long length) {
        long end = (offset + length) / blockSize;
        for (long block = offset / blockSize; block < end;) {
            if (block % Long.SIZE == 0 && end - block >= Long.SIZE) {
                present.putLong(place(block), -1);
                block += Long.SIZE;
            } else {
                present.putLong(place(block), present.getLong(place(block)) | 1L << block);
                block++;
            }
        }
    }

    /** Brings those blocks of a range to an address that are here; the other bytes there stay. */
    synchronized void read(long offset, long length, long address) throws IOException {
        if (closed) {
            throw new IOException(name + ": is closed");
        }
        long end = offset + length;
        for (long from = offset; from < end;) {
            long to = from;
            while (to < end && has(to / blockSize)) {
                to += blockSize;
            }
            for (long at = from; at < to;) {
                at += moved(Unix.pread(fd, address + at - offset, to - at, at));
            }
            from = to + blockSize;
        }
    }

    void write(long offset, long length, long address) throws IOException {
        if (!begin()) {
            return;
        }
        try {
            for (long at = offset; at < offset + length;) {
                at += moved(Unix.pwrite(fd, address + at - offset, offset + length - at, at));
            }
            add(offset, length);
        } finally {
            end();
        }
    }

    /** A range reads as zeros from now on. */
    void zero(long offset, long length) throws IOException {
        if (!begin()) {
            return;
        }
        try {
            punch(offset, length);
            add(offset, length);
        } finally {
            end();
        }
    }

    /** Keeps the file open for a write, unless it is closed already. */
    private synchronized boolean begin() {
        writes += closed ? 0 : 1;
        return !closed;
    }

    private synchronized void end() {
        writes--;
        notifyAll();
    }

    private void punch(long offset, long length) throws IOException {
        while (Unix.fallocate(fd, Unix.FALLOC_FL_PUNCH_HOLE | Unix.FALLOC_FL_KEEP_SIZE, offset, length) < 0) {
            int errno = Unix.errno();
            if (errno == Unix.EOPNOTSUPP) {
                writeZeros(offset, length);
                break;
            }
            if (errno != Unix.EINTR) {
                throw failure(errno);
            }
        }
    }

    private void writeZeros(long offset, long length) throws IOException {
        for (long at = offset; at < offset + length;) {
            at += moved(Unix.pwrite(fd, zeros.address(), Math.min(zeros.size(), offset + length - at), at));
        }
    }

    private long moved(long n) throws IOException {
        if (n > 0) {
            return n;
        }
        int errno = n == 0 ? Unix.EIO : Unix.errno();
        if (errno == Unix.EINTR) {
            return 0;
        }
        throw failure(errno);
    }

    private BackendException failure(int errno) {
        return new BackendException(errno == Unix.ENOMEM ? Failure.NO_SPACE : Failure.ofErrno(errno), name + ": " + Unix.strerror(errno));
    }

    /** What is abandoned may come or end later. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            while (writes > 0) {
                try {
                    wait();
                } catch (InterruptedException e) {
                    // Nobody has a reason to
                }
            }
            Unix.close(fd);
            zeros.close();
            if (present != null) {
                present.close();
            }
        }
    }
}
