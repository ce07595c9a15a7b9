// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import abuse.libc.Memory;
import abuse.libc.Unix;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The bytes of a disk in a file or on a block device, and the format that tells for which block size they were made:
 * with larger blocks a filesystem cannot be mounted, and with any other size partitions are looked for in the wrong
 * places.
 *
 * @param size bytes
 * @param format null if none is known
 * @param leastBlock bytes of the smallest block that it can be asked for, at least 1
 * @param readOnly nothing can be written
 * @param discards whether discard is of use
 * @param writesZeroes whether it makes zeros without data
 */
public record Image(long size, ImageFormat format, int leastBlock, boolean readOnly, boolean discards, boolean writesZeroes) {
    private static final int SMALLEST_BLOCK = 512;
    private static final int FILE_TYPE = 0170000;
    private static final int BLOCK_DEVICE = 0060000;

    /** One with any blocks, that can be written as far as is known; what else it can is left to the setup. */
    public Image(long size, ImageFormat format) {
        this(size, format, 1, false, false, false);
    }

    /** Whether there is a block device at a path. */
    public static boolean isBlockDevice(String path) throws IOException {
        return Files.exists(Path.of(path)) && ((int) Files.getAttribute(Path.of(path), "unix:mode") & FILE_TYPE) == BLOCK_DEVICE;
    }

    /** Looks at a file or device; null if it has no bytes, or may not be read. */
    static Image at(String path) {
        // Without O_NONBLOCK a pipe would wait for its other end
        int fd = Unix.open(path, Unix.O_RDONLY | Unix.O_CLOEXEC | Unix.O_NONBLOCK);
        if (fd < 0) {
            return null;
        }
        try (Memory memory = Memory.map(ImageFormat.LENGTH)) {
            long size = Unix.lseek(fd, 0, Unix.SEEK_END);
            return size <= 0 || Unix.pread(fd, memory.address(), 1, 0) != 1 ? null : new Image(size, ImageFormat.find(memory.buffer(), size,
                    offset -> Unix.pread(fd, memory.address(), memory.size(), offset)));
        } finally {
            Unix.close(fd);
        }
    }

    /**
     * Looks at what a backend holds, which knows both discard and zeros unless it can only be read.
     */
    public static Image of(Backend backend, boolean readOnly) throws IOException {
        long size = backend.size();
        if (size <= 0) {
            return null;
        }
        try (Memory memory = Memory.map(ImageFormat.LENGTH)) {
            return new Image(size, ImageFormat.find(memory.buffer(), size, offset -> read(backend, offset, memory)), 1, readOnly,
                    !readOnly, !readOnly);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    private static long read(Backend backend, long offset, Memory memory) {
        long length = Math.min(memory.size(), backend.size() - offset);
        try {
            if (length > 0) {
                backend.read(offset, memory.buffer(0, (int) length));
            }
            return length;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Whether it fits a disk with such blocks, as far as its format tells. */
    public boolean fits(int blockSize) {
        return format == null || (format.exact() ? blockSize == format.sectorSize() : blockSize <= format.sectorSize());
    }

    /** The best block size for its disk, which is no larger than the usual one unless the format demands it. */
    public int blockSize(int usual) {
        if (format != null && format.exact()) {
            return format.sectorSize();
        }
        int block = Math.max(leastBlock, format == null ? usual : Math.min(usual, format.sectorSize()));
        while (block > Math.max(leastBlock, SMALLEST_BLOCK) && size % block != 0) {
            block /= 2;
        }
        return block;
    }
}
