// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import abuse.backend.BackendException;
import abuse.backend.Failure;
import abuse.libc.FileSync;
import abuse.libc.ImageLock;
import abuse.libc.Memory;
import abuse.libc.QemuLock;
import abuse.libc.Terminal;
import abuse.libc.Unix;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;

/** An open file of a chain: positions in it, and their addresses. */
class ImageFile implements AutoCloseable {
    /** As it may be shown: that of a backing file is written by whoever has made the image. */
    final String path;
    final boolean writable;
    private final int fd;
    /** The size that it must have; somebody may cut it shorter. */
    private volatile long size;
    /** Null until it is mapped, or if it cannot be. */
    private Memory mapping;
    private final FileSync sync;
    private volatile boolean temporary;
    private final Object resizing = new Object();

    /** Opens a file as it is, without a lock. */
    ImageFile(String path, boolean writable) throws IOException {
        this.path = Terminal.printable(path);
        this.writable = writable;
        // Without O_NONBLOCK a pipe would wait for its other end
        fd = Unix.open(path, (writable ? Unix.O_RDWR : Unix.O_RDONLY) | Unix.O_CLOEXEC | Unix.O_NONBLOCK
                | Unix.O_NOCTTY);
        if (fd < 0) {
            throw failure();
        }
        sync = new FileSync(fd, this.path);
        try {
            size = end();
        } catch (IOException e) {
            Unix.close(fd);
            throw e;
        }
    }

    /**
     * Opens a file, and locks it until it is closed.
     *
     * @param disk the number of the disk whose bytes it holds
     */
    static ImageFile open(String path, boolean writable, int disk) throws IOException {
        var file = new ImageFile(path, writable);
        try {
            ImageLock.take(file.fd, file.path, disk, !writable).refuseOthers("");
            QemuLock.take(file.fd, file.path, writable);
            // Whoever had it before may have made it longer
            file.size = file.end();
            return file;
        } catch (IOException | RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    long size() {
        return size;
    }

    /** Has nothing made durable from now on, because nobody can open it later. */
    void makeTemporary() {
        temporary = true;
    }

    boolean isTemporary() {
        return temporary;
    }

    /** The same for all names of one file. */
    Object key() throws IOException {
        return attributes().fileKey();
    }

    /** Whether it can be made longer. */
    boolean isRegular() throws IOException {
        return attributes().isRegularFile();
    }

    private BasicFileAttributes attributes() throws IOException {
        return Files.readAttributes(Path.of("/proc/self/fd/" + fd), BasicFileAttributes.class);
    }

    /** Maps its start; it need not be so long yet. Without memory for that, nothing has an address. */
    void map(long length) {
        if (length > 0) {
            mapping = Memory.mapFile(fd, length, writable);
        }
    }

    /** The address of a part. Whether the file is so long, the kernel finds out. */
    long address(long position, long length) {
        return mapping != null && position + length <= mapping.size() ? mapping.address() + position : Layer.SCATTERED;
    }

    /** A part of the file, until it is closed: many images of large clusters would use up the JVM's own direct memory. */
    Memory table(long position, int length) throws IOException {
        Memory memory = Memory.map(Math.max(1, length));
        try {
            read(position, memory.buffer(0, length), length);
            return memory;
        } catch (Throwable e) {
            memory.close();
            throw e;
        }
    }

    /** Reads bytes to the position of a direct buffer, and moves that; what is missing at the end is an error. */
    void read(long position, ByteBuffer into, int length) throws IOException {
        if (readSome(position, into, length) < length) {
            checkWhole();
            throw new IOException(path + ": the file ends before the data that its tables point to; 'qemu-img check' tells more");
        }
    }

    /** The same, but returns how many bytes there were. */
    int readSome(long position, ByteBuffer into, int length) throws IOException {
        int all = 0;
        while (all < length) {
            long n = Unix.pread(fd, Memory.addressOf(into), length - all, position + all);
            if (n == 0) {
                break;
            }
            if (n < 0) {
                throwUnlessInterrupted();
            } else {
                into.position(into.position() + (int) n);
                all += (int) n;
            }
        }
        return all;
    }

    /** Writes bytes from the position of a direct buffer, and moves that. */
    void write(long position, ByteBuffer from, int length) throws IOException {
        checkWhole();
        for (int all = 0; all < length;) {
            long n = Unix.pwrite(fd, Memory.addressOf(from), length - all, position + all);
            if (n < 0) {
                throwUnlessInterrupted();
            } else {
                from.position(from.position() + (int) n);
                all += (int) n;
            }
        }
    }

    /** Makes it longer or shorter; new bytes are zeros. */
    void resize(long length) throws IOException {
        checkWhole();
        synchronized (resizing) {
            while (Unix.ftruncate(fd, length) < 0) {
                throwUnlessInterrupted();
            }
            size = length;
        }
    }

    /** Makes a hole, which reads as zeros; false if its filesystem has none. */
    boolean punch(long position, long length) throws IOException {
        checkWhole();
        while (Unix.fallocate(fd, Unix.FALLOC_FL_PUNCH_HOLE | Unix.FALLOC_FL_KEEP_SIZE, position, length) < 0) {
            if (Unix.errno() == Unix.EOPNOTSUPP) {
                return false;
            }
            throwUnlessInterrupted();
        }
        return true;
    }

    /** Makes a range read as zeros, with a hole if possible. */
    void zero(long position, long length) throws IOException {
        if (!punch(position, length)) {
            try (Memory zeros = Memory.map(Math.min(length, 1 << 20))) {
                for (long at = 0; at < length; at += zeros.size()) {
                    write(position + at, zeros.buffer(), (int) Math.min(zeros.size(), length - at));
                }
            }
        }
    }

    /** Makes durable all that was written before. */
    void sync() throws IOException {
        if (!temporary) {
            sync.run();
        }
        // A mapping takes writes beyond the end in the last page of the file, and drops them
        checkWhole();
    }

    /** Fails if the file was cut short: a write beyond its end would make it long again, with holes where data was. */
    void checkWhole() throws IOException {
        if (end() >= size) {
            return;
        }
        // Unless it is made longer or shorter by us just now
        synchronized (resizing) {
            if (end() < size) {
                String message = path + ": the image was cut short";
                sync.lose(message);
                throw new IOException(message);
            }
        }
    }

    @Override
    public void close() {
        try {
            if (mapping != null) {
                mapping.close();
            }
        } finally {
            Unix.close(fd);
        }
    }

    private long end() throws IOException {
        long end = Unix.lseek(fd, 0, Unix.SEEK_END);
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
        int errno = Unix.errno();
        return new BackendException(Failure.ofErrno(errno), path + ": " + Unix.strerror(errno));
    }
}
