// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.cache.CachePlace;
import abuse.device.Device;
import abuse.device.Extent;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;

/**
 * What the cache of a server has left mapped that was killed. It must go before anybody else answers a write, as that would
 * not change it; and it can, as the backend has the same bytes.
 */
public final class CacheLeft {
    private CacheLeft() {}

    /** Unmaps all of it. */
    static void unmap(Device device) throws IOException {
        Map<String, Boolean> caches = new HashMap<>();
        long start = -1;
        long end = 0;
        for (Extent extent : device.extents()) {
            boolean one = !extent.writable() && !extent.memory() && caches.containsKey(extent.target())
                    ? caches.get(extent.target()) : isOne(extent);
            if (!extent.writable()) {
                caches.put(extent.target(), one);
            }
            // Each call waits, so all up to the next other extent go at once
            if (one) {
                start = start < 0 ? extent.offset() : start;
                end = extent.offset() + extent.length();
            } else if (start >= 0) {
                device.unmap(start, end - start);
                start = -1;
            }
        }
        if (start >= 0) {
            device.unmap(start, end - start);
        }
    }

    /**
     * Whether a part of a disk is mapped to a cache. Only caches lend memory for reads alone.
     *
     * @throws IOException when that cannot be known
     */
    public static boolean isOne(Extent extent) throws IOException {
        return !extent.writable() && (extent.memory() || CachePlace.isCache(extent.target()));
    }
}
