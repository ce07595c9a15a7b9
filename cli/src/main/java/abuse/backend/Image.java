// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import static abuse.libc.Libc.LIBC;

import abuse.libc.Memory;
import abuse.libc.Unix;

/**
 * A disk's bytes as they are found in a file or on a block device, and what in them tells of the
 * blocks of the disk that they were made for: under larger ones a filesystem cannot be mounted, and
 * under any others partitions are looked for in other places.
 *
 * @param size bytes
 * @param format null when nothing tells of blocks
 */
public record Image(long size, ImageFormat format) {
    private static final int SMALLEST_BLOCK = 512;

    /** Looks at what has this path; null when there is nothing with bytes, or it must not be read. */
    static Image at(String path) {
        // A pipe would wait for its other end
        int fd = Unix.open(path, Unix.O_RDONLY | Unix.O_CLOEXEC | Unix.O_NONBLOCK);
        if (fd < 0) {
            return null;
        }
        try (Memory memory = Memory.map(ImageFormat.LENGTH)) {
            long size = LIBC.lseek(fd, 0, Unix.SEEK_END);
            return size <= 0 || LIBC.pread(fd, memory.address(), 1, 0) != 1 ? null : new Image(size, ImageFormat.find(memory.buffer(), size,
                    offset -> LIBC.pread(fd, memory.address(), memory.size(), offset)));
        } finally {
            Unix.close(fd);
        }
    }

    /** Whether it can be used on a disk with such blocks, as far as it tells. */
    public boolean fits(int blockSize) {
        return format == null || (format.exact() ? blockSize == format.sectorSize() : blockSize <= format.sectorSize());
    }

    /** The blocks of the disk that it is best used on, which are no larger than usual unless it wants them. */
    public int blockSize(int usual) {
        if (format != null && format.exact()) {
            return format.sectorSize();
        }
        int block = format == null ? usual : Math.min(usual, format.sectorSize());
        while (block > SMALLEST_BLOCK && size % block != 0) {
            block /= 2;
        }
        return block;
    }
}
