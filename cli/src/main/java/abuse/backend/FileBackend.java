// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import abuse.backend.BackendFactory.Option;
import abuse.libc.FileSync;
import abuse.libc.ImageLock;
import abuse.libc.Memory;
import abuse.libc.QemuLock;
import abuse.libc.Unix;
import abuse.libc.UsedDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** Keeps the disk in an image file, or on another block device, which it reads and writes. */
class FileBackend implements Backend {
    private static final Set<String> TIMED = Set.of("ext2", "ext3", "ext4", "xfs", "btrfs");
    private static final long TICK_MS = 50;
    private static final long SECOND_MS = 1000;
    private static final String EXCEPTION = ", unless you add --shared";
    private static final Path BOOT = Path.of("/proc/sys/kernel/random/boot_id");

    final int fd;
    private final String path;
    private final String identity;
    private final boolean writable;
    /** The size that the image must have; somebody may cut it shorter. */
    private volatile long size;
    private final FileSync sync;

    /** file. */
    public static final class Factory implements BackendFactory {
        @Override
        public String name() {
            return "file";
        }

        @Override
        public String argument() {
            return "PATH";
        }

        @Override
        public Set<Option> options() {
            return Set.of(Option.CREATE, Option.DIRECT, Option.SHARED);
        }

        @Override
        public Image look(String path) {
            return Image.at(path);
        }

        @Override
        public Backend open(String path, Set<Option> options, Geometry geometry) throws IOException {
            if (geometry.mappable() && Image.isBlockDevice(path)) {
                // The kernel bypasses the page cache there, so both must
                options = EnumSet.copyOf(options);
                options.add(Option.DIRECT);
            }
            var image = new FileBackend(path, options, geometry);
            return options.contains(Option.DIRECT) ? image : MappedFileBackend.of(image, geometry);
        }
    }

    /** Opens and locks an image. */
    FileBackend(String path, Set<Option> options, Geometry geometry) throws IOException {
        this.path = path;
        writable = !geometry.readOnly();
        boolean create = options.contains(Option.CREATE);
        boolean direct = options.contains(Option.DIRECT);
        int flags = Unix.O_CLOEXEC | (geometry.readOnly() && !create ? Unix.O_RDONLY : Unix.O_RDWR)
                | (create && !isNode(path) ? Unix.O_CREAT : 0) | (direct ? Unix.O_DIRECT : 0);
        fd = Unix.open(path, flags, 0600);
        if (fd < 0) {
            int errno = Unix.errno();
            throw new IOException(path + ": " + Unix.strerror(errno)
                    + (errno == Unix.ENOENT && !create && !isNode(path) ? "; add --create to make it" : "")
                    + (errno == Unix.EINVAL && direct ? "; its filesystem has no direct I/O; leave out --direct and"
                    + " --pin" : ""));
        }
        sync = new FileSync(fd, path);
        try {
            int block = direct ? blockSize() : 1;
            if (geometry.blockSize() % block != 0) {
                throw new IOException(path + ": direct I/O with blocks of " + geometry.blockSize() + ", but its disk"
                        + " has blocks of "
                        + block + "; set up with bs=" + block + ", or leave out --direct");
            }
            var lock = ImageLock.take(fd, path, geometry.number(), geometry.readOnly());
            if (!options.contains(Option.SHARED)) {
                lock.refuseOthers(EXCEPTION);
                QemuLock.share(fd, path, writable, EXCEPTION);
                // The kernel looks itself before it maps a disk to it, and an earlier server may have had that done
                if (writable && Image.isBlockDevice("/proc/self/fd/" + fd) && !geometry.mappable()) {
                    UsedDevice.refuse(fd, path, " ('abusectl unmap' if a disk is mapped to it)" + EXCEPTION);
                }
            }
            // Only a new image: growing one that holds something is up to the administrator
            if (create && end() == 0 && Unix.ftruncate(fd, geometry.capacity()) < 0) {
                throw failure();
            }
            size = end();
            identity = isDevice() ? "file " + stat("rdev") : "file " + stat("dev") + " " + stat("ino");
        } catch (IOException | RuntimeException | Error e) {
            Unix.close(fd);
            throw e;
        }
    }

    /** Whether it names a device, in whose place, while it is missing, a file would be kept in memory, and in its way. */
    private static boolean isNode(String path) {
        Path whole = Path.of(path).toAbsolutePath().normalize();
        return whole.startsWith("/dev") && !whole.startsWith("/dev/shm");
    }

    FileBackend(FileBackend other) {
        fd = other.fd;
        path = other.path;
        identity = other.identity;
        writable = other.writable;
        size = other.size;
        sync = other.sync;
    }

    @Override
    public void read(long offset, ByteBuffer into) throws IOException {
        while (into.hasRemaining()) {
            long n = Unix.pread(fd, Memory.addressOf(into), into.remaining(), offset);
            if (n == 0) {
                checkReaches(size);
                throw new IOException(endsBefore());
            }
            offset += advance(into, n);
        }
    }

    @Override
    public void write(long offset, ByteBuffer from) throws IOException {
        checkReaches(offset + from.remaining());
        while (from.hasRemaining()) {
            offset += advance(from, Unix.pwrite(fd, Memory.addressOf(from), from.remaining(), offset));
        }
    }

    @Override
    public void flush() throws IOException {
        sync.run();
        // A mapping takes writes beyond the end in the last page of the image, and drops them
        checkReaches(size);
    }

    @Override
    public void discard(long offset, long length) throws IOException {
        if (isDevice()) {
            discardBlocks(offset, length);
        } else {
            punch(offset, length);
        }
    }

    @Override
    public void writeZeroes(long offset, long length) throws IOException {
        if (!punch(offset, length)) {
            Backend.super.writeZeroes(offset, length);
        }
    }

    /** All of another block device is the kernel's; a file's I/O cannot be begun in the submitter's place. */
    @Override
    public void start(Mapper mapper) throws IOException {
        if (isDevice()) {
            if (writable) {
                mapper.mapAll(0, size, path, 0);
            } else {
                mapper.map(0, size, path, 0, false);
            }
        }
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public void grow(long capacity) throws IOException {
        if (end() < capacity) {
            throw new IOException(path + ": the disk has become larger, so the image must have " + capacity + " bytes, too");
        }
        size = capacity;
    }

    /** Names the file itself, no matter by which path it was opened. */
    @Override
    public String identity() {
        return identity;
    }

    /**
     * The times of a file tell of every change, where they change with those by mapped memory, too, and a moment has passed.
     * After a power failure they may be older than the bytes, so with another boot all is another.
     */
    @Override
    public String stamp() throws IOException {
        if (isDevice() || !TIMED.contains(Files.getFileStore(Path.of(path)).type())) {
            return null;
        }
        try {
            // Two changes within one tick of the clock leave the same time, and small inodes have whole seconds
            boolean whole = ((FileTime) stat("ctime")).to(TimeUnit.NANOSECONDS) % 1_000_000_000 == 0;
            Thread.sleep(whole ? SECOND_MS + TICK_MS : TICK_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return null;
        }
        return stat("lastModifiedTime") + " " + stat("ctime") + " " + Files.readString(BOOT).strip();
    }

    /** As many as keep most storage busy. */
    @Override
    public int threads() {
        return 8;
    }

    @Override
    public void close() {
        Unix.close(fd);
    }

    /** A hole would have to be written with zeros where the device cannot make one. */
    private void discardBlocks(long offset, long length) throws IOException {
        checkReaches(offset + length);
        if (tryDiscard(offset, length) == Unix.EINVAL) {
            // The device may have larger blocks than the disk
            int block = blockSize();
            long start = (offset + block - 1) / block * block;
            long end = (offset + length) / block * block;
            if (start < end && end - start < length) {
                tryDiscard(start, end - start);
            }
        }
    }

    /** Returns 0, or why the device discards nothing there. */
    private int tryDiscard(long offset, long length) throws IOException {
        try (Memory range = Memory.map(2 * Long.BYTES)) {
            range.putLong(0, offset);
            range.putLong(Long.BYTES, length);
            while (Unix.ioctl(fd, Unix.BLKDISCARD, range.address()) < 0) {
                if (isUnable()) {
                    return Unix.errno();
                }
                throwUnlessInterrupted();
            }
            return 0;
        }
    }

    /** Whether a call has failed because the filesystem has no holes, or the device none or not for less than its blocks. */
    private static boolean isUnable() {
        return Unix.errno() == Unix.EOPNOTSUPP || Unix.errno() == Unix.EINVAL;
    }

    /** Makes a hole, which reads as zeros; false if the image can have none there. */
    private boolean punch(long offset, long length) throws IOException {
        checkReaches(offset + length);
        while (Unix.fallocate(fd, Unix.FALLOC_FL_PUNCH_HOLE | Unix.FALLOC_FL_KEEP_SIZE, offset, length) < 0) {
            if (isUnable()) {
                return false;
            }
            throwUnlessInterrupted();
        }
        return true;
    }

    /** Fails if the image was cut short: a write beyond its end would make it long again, with holes where data was. */
    private void checkReaches(long position) throws IOException {
        // In this order, because the image is made larger before the disk
        long least = Math.min(position, size);
        if (end() < least) {
            // What was written there is gone, even if the image becomes long again
            sync.lose(endsBefore());
            throw new IOException(endsBefore());
        }
    }

    private String endsBefore() {
        return path + ": the image ends before the disk does";
    }

    private long advance(ByteBuffer buffer, long n) throws IOException {
        if (n < 0) {
            throwUnlessInterrupted();
            return 0;
        }
        buffer.position(buffer.position() + (int) n);
        return n;
    }

    /** The size of the logical blocks of the disk that the image is, or lies on; 512 if it is unknown. */
    private int blockSize() throws IOException {
        String disk = "/sys/dev/block/" + Unix.deviceNumber((long) stat(isDevice() ? "rdev" : "dev"));
        // The second one is a partition's
        for (String queue : new String[] {"/queue/", "/../queue/"}) {
            try {
                return Integer.parseInt(Files.readString(Path.of(disk + queue + "logical_block_size")).strip());
            } catch (IOException e) {
                // There is no such disk, or we may not look at it
            }
        }
        return 512;
    }

    private boolean isDevice() throws IOException {
        return (boolean) stat("isOther");
    }

    /** An attribute of the open file, no matter what its name is by now. */
    private Object stat(String attribute) throws IOException {
        return Files.getAttribute(Path.of("/proc/self/fd/" + fd), "unix:" + attribute);
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

    final IOException failure() {
        int errno = Unix.errno();
        return new BackendException(Failure.ofErrno(errno), path + ": " + Unix.strerror(errno));
    }
}
