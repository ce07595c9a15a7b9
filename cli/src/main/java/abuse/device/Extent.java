// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.nio.ByteBuffer;
import java.util.Map;

/**
 * Bytes of a disk that are bytes of a block device, as the kernel tells them.
 *
 * @param offset the first byte, of the disk
 * @param length bytes
 * @param target path of the block device, or its number if it has none
 * @param targetOffset the first byte, of that device
 * @param writable writes go there, too, and not only reads
 */
public record Extent(long offset, long length, String target, long targetOffset, boolean writable) {
    /** Reads one; the paths are those of the numbers that were met before. */
    static Extent decode(ByteBuffer from, int at, Map<Long, String> paths) {
        return new Extent(from.getLong(at + Abi.Extent.OFFSET), from.getLong(at + Abi.Extent.LENGTH),
                paths.computeIfAbsent(from.getLong(at + Abi.Extent.TARGET), DiskNode::path), from.getLong(at + Abi.Extent.TARGET_OFFSET),
                (from.getInt(at + Abi.Extent.FLAGS) & Abi.ABUSE_EXTENT_WRITE) != 0);
    }
}
