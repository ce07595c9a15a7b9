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
    /** Whether a block device is a cache. */
    private final Map<String, Boolean> known = new HashMap<>();

    /**
     * Whether a part of a disk is mapped to a cache. Only caches lend memory for reads alone.
     *
     * @throws IOException when that cannot be known
     */
    public boolean isOne(Extent extent) throws IOException {
        if (extent.writable() || extent.memory()) {
            return !extent.writable();
        }
        Boolean is = known.get(extent.target());
        if (is == null) {
            is = CachePlace.isCache(extent.target());
            known.put(extent.target(), is);
        }
        return is;
    }

    /** Unmaps all of it. */
    static void unmap(Device device) throws IOException {
        var left = new CacheLeft();
        long start = -1;
        long end = 0;
        for (Extent extent : device.extents()) {
            // Each call waits, so all up to the next other extent go at once
            if (left.isOne(extent)) {
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
}
