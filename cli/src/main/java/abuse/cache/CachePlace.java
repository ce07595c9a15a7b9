// SPDX-License-Identifier: Apache-2.0
package abuse.cache;

import abuse.backend.Geometry;
import java.io.IOException;

/**
 * Where a cache is to be.
 *
 * @param device path of a block device; null for memory
 * @param size bytes of memory
 * @param piece bytes that are kept together: a power of two, and at least a block of the disk
 */
public record CachePlace(String device, long size, int piece) {
    /** The least number of pieces. */
    public static final int LEAST_PIECES = 16;

    Store open(Geometry geometry) {
        return device != null ? new DeviceStore(device, piece, geometry.number(), geometry.capacity()) : new MemoryStore(size, piece);
    }

    /**
     * Whether a block device is one, or is gone.
     *
     * @throws IOException when that cannot be known
     */
    public static boolean isCache(String path) throws IOException {
        return Label.isOn(path);
    }

    @Override
    public String toString() {
        return device != null ? device : "in memory";
    }
}
