// SPDX-License-Identifier: Apache-2.0
package abuse.writelog;

import abuse.libc.ImageLock;
import abuse.libc.Memory;
import abuse.libc.QemuLock;
import abuse.libc.Unix;
import abuse.libc.UsedDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** The bytes of a file or a block device. One thread at a time, but any number may read. */
public final class Storage implements AutoCloseable {
    private static final int PIECE = 1 << 18;
    private static final int QCOW2_MAGIC = 0x514649fb;

    private final String path;
    private final int fd;
    private final boolean readOnly;
    private final long size;
    /** Twice a piece. */
    private Memory buffer;

    private Storage(String path, int flags) throws IOException {
        this.path = path.isEmpty() ? "''" : path;
        readOnly = flags == Unix.O_RDONLY;
        fd = Unix.open(path, flags | Unix.O_CLOEXEC, 0600);
        if (fd < 0) {
            throw new IOException(this.path + ": " + (Unix.errno() == Unix.EBUSY ? UsedDevice.REFUSAL : Unix.strerror(Unix.errno())));
        }
        try {
            size = sizeNow();
        } catch (IOException e) {
            Unix.close(fd);
            throw e;
        }
    }

    /** Opens what is only read. */
    public static Storage toRead(String path) throws IOException {
        return new Storage(path, Unix.O_RDONLY);
    }

    /** Opens what is there already, unless it is a block device that is used. */
    public static Storage toChange(String path) throws IOException {
        return new Storage(path, Unix.O_RDWR | Unix.O_EXCL);
    }

    /** Makes a file of zeros, which must not be there yet. */
    public static Storage create(String path, long size) throws IOException {
        try (var file = new Storage(path, Unix.O_RDWR | Unix.O_CREAT | Unix.O_EXCL)) {
            file.cut(size);
        }
        return toChange(path);
    }

    /** Fails if it is the image of a disk that is served, so that it would change or must not be changed; until the end no server takes it. */
    public Storage alone() throws IOException {
        ImageLock.takeWithoutDisk(fd, path, readOnly);
        QemuLock.take(fd, path, !readOnly);
        return this;
    }

    /** Fails if it is not the bytes of a disk, but a record, or an image that holds them in another order. */
    public Storage raw() throws IOException {
        buffer().zero(0, Long.BYTES);
        read(0, buffer.address(), Math.min(size, Long.BYTES));
        if (buffer.buffer().order(ByteOrder.BIG_ENDIAN).getInt(0) == QCOW2_MAGIC) {
            throw new IOException(path + ": is a qcow2 image, and only a raw one can be used; 'abusectl run qcow2:" + path + "' serves the disk in it; name that");
        }
        if (buffer.buffer().order(ByteOrder.LITTLE_ENDIAN).getLong(Format.MAGIC_AT) == Format.MAGIC) {
            throw new IOException(path + ": is a record, and not the image of a disk");
        }
        return this;
    }

    /** Fails if another one is the same file or block device, by whatever name. */
    void refuse(Storage other) throws IOException {
        if (identity().equals(other.identity())) {
            throw new IOException(other.path + ": is the record itself" + (path.equals(other.path) ? "" : ", " + path));
        }
    }

    private String identity() throws IOException {
        Map<String, Object> stat = Files.readAttributes(Path.of("/proc/self/fd/" + fd), "unix:rdev,dev,ino");
        // Only a device has a number of its own
        return (long) stat.get("rdev") != 0 ? "device " + stat.get("rdev") : stat.get("dev") + " " + stat.get("ino");
    }

    /** Bytes when it was opened. */
    public long size() {
        return size;
    }

    /** Bytes of a file that may have grown. */
    long sizeNow() throws IOException {
        long now = Unix.lseek(fd, 0, Unix.SEEK_END);
        if (now < 0) {
            throw new IOException(path + ": " + Unix.strerror(Unix.errno()));
        }
        return now;
    }

    void read(long offset, long address, long length) throws IOException {
        for (long done = 0; done < length;) {
            long n = Unix.pread(fd, address + done, length - done, offset + done);
            if (n == 0) {
                throw new IOException(path + ": has become shorter");
            }
            done += counted(n);
        }
    }

    private void write(long offset, long address, long length) throws IOException {
        for (long done = 0; done < length;) {
            done += counted(Unix.pwrite(fd, address + done, length - done, offset + done));
        }
    }

    /** Copies bytes that are elsewhere in something else, where what is a hole becomes one. */
    public void copyFrom(Storage source, long from, long to, long length) throws IOException {
        for (long done = 0; done < length;) {
            long hole = Math.min(source.nextData(from + done) - from, length) - done;
            if (hole > 0) {
                zero(to + done, hole);
                done += hole;
                continue;
            }
            long piece = Math.min(PIECE, length - done);
            source.read(from + done, buffer().address(), piece);
            write(to + done, buffer.address(), piece);
            done += piece;
        }
    }

    /** Has the bytes of another one, which is not smaller, from then on; what is the same already is not written. */
    public void become(Storage other) throws IOException {
        cut(size);
        ByteBuffer mine = buffer().buffer(0, PIECE);
        ByteBuffer others = buffer.buffer(PIECE, PIECE);
        for (long at = 0; at < size; at += PIECE) {
            at = Math.min(nextData(at), other.nextData(at)) / PIECE * PIECE;
            int piece = (int) Math.min(PIECE, size - at);
            if (at < size) {
                read(at, buffer.address(), piece);
                other.read(at, buffer.address() + PIECE, piece);
                if (!mine.limit(piece).equals(others.limit(piece))) {
                    write(at, buffer.address() + PIECE, piece);
                }
            }
        }
    }

    /** Where there may be something else than zeros next; the size if there is nothing. */
    private long nextData(long at) {
        long next = Unix.lseek(fd, at, Unix.SEEK_DATA);
        return next >= 0 ? next : Unix.errno() == Unix.ENXIO ? size : at;
    }

    private void cut(long bytes) throws IOException {
        while (Unix.ftruncate(fd, bytes) < 0) {
            counted(-1);
        }
    }

    /** Makes a range zeros, and gives back its space where that is possible. */
    void zero(long offset, long length) throws IOException {
        while (length > 0 && Unix.fallocate(fd, Unix.FALLOC_FL_PUNCH_HOLE | Unix.FALLOC_FL_KEEP_SIZE, offset, length) < 0) {
            // A disk with larger blocks refuses a part of one
            if (Unix.errno() == Unix.EOPNOTSUPP || Unix.errno() == Unix.EINVAL) {
                buffer().zero(0, PIECE);
                for (long done = 0; done < length; done += PIECE) {
                    write(offset + done, buffer.address(), Math.min(PIECE, length - done));
                }
                return;
            }
            counted(-1);
        }
    }

    /** Returns when all that was written is durable. */
    public void sync() throws IOException {
        while (Unix.fdatasync(fd) < 0) {
            counted(-1);
        }
    }

    private Memory buffer() {
        if (buffer == null) {
            buffer = Memory.map(2 * PIECE);
        }
        return buffer;
    }

    /** How many bytes a call did; none if it was interrupted. */
    private long counted(long n) throws IOException {
        if (n < 0 && Unix.errno() != Unix.EINTR) {
            throw new IOException(path + ": " + Unix.strerror(Unix.errno()));
        }
        return Math.max(n, 0);
    }

    @Override
    public void close() {
        Unix.close(fd);
        if (buffer != null) {
            buffer.close();
        }
    }
}
