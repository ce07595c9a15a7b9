// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.libc.Unix;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * Bytes of a disk that are bytes of a block device, or of memory, as the kernel tells them.
 *
 * @param offset the first byte, of the disk
 * @param length bytes
 * @param target path of the block device, or its number if it has none; "memory:", the number of
 *     the filesystem that has its file, and the inode of that
 * @param targetOffset the first byte, of that device or file
 * @param writable writes go there, too, and not only reads
 * @param discards discards go there, too
 * @param zeroes writes of zeroes go there, too
 * @param memory it is no block device
 */
public record Extent(long offset, long length, String target, long targetOffset, boolean writable, boolean discards,
        boolean zeroes, boolean memory) {
    /** Reads one; the paths are those of the numbers that were met before. */
    static Extent decode(ByteBuffer from, int at, Map<Long, String> paths) {
        int flags = from.getInt(at + Abi.Extent.FLAGS);
        boolean memory = (flags & Abi.ABUSE_EXTENT_MEMORY) != 0;
        long target = from.getLong(at + Abi.Extent.TARGET);
        long filesystem = Integer.toUnsignedLong(from.getInt(at + Abi.Extent.FILESYSTEM));
        return new Extent(from.getLong(at + Abi.Extent.OFFSET), from.getLong(at + Abi.Extent.LENGTH),
                memory ? memory(filesystem, target) : paths.computeIfAbsent(target, DiskNode::path),
                from.getLong(at + Abi.Extent.TARGET_OFFSET), (flags & Abi.ABUSE_EXTENT_WRITE) != 0,
                (flags & Abi.ABUSE_EXTENT_DISCARD) != 0, (flags & Abi.ABUSE_EXTENT_WRITE_ZEROES) != 0, memory);
    }

    /** What a file in memory is called: its inode alone may be that of a file of another filesystem, too. */
    static String memory(long filesystem, long inode) {
        return "memory:" + Unix.deviceNumber(filesystem) + ":" + inode;
    }

    /** The target that an extent has which was mapped to the block device that a path leads to; the path itself if it leads to none. */
    public static String target(String path) {
        try {
            Map<String, Object> stat = Files.readAttributes(Path.of(path), "unix:mode,rdev");
            return DiskNode.isBlockDevice((int) stat.get("mode")) ? DiskNode.path((long) stat.get("rdev")) : path;
        } catch (IOException e) {
            return path;
        }
    }

    /** Where the first byte of the target would be on the disk. */
    public long start() {
        return offset - targetOffset;
    }
}
