// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.cache.CachePlace;
import abuse.device.Device;
import abuse.device.Extent;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What the cache of a server has left mapped that was killed. It must go before anybody else answers a write, as that would
 * not change it; and it can, as the backend has the same bytes.
 */
public final class CacheLeft {
    /** Whether a block device is a cache. */
    private final Map<String, Boolean> known = new HashMap<>();
    /** Where it begins and ends: as few as can be, with nothing of others, because each call that unmaps one waits. */
    private final List<long[]> ranges = new ArrayList<>();
    /** Whether the last range goes on. */
    private boolean open;
    private boolean others;

    private CacheLeft() {}

    /**
     * Whether a part of a disk is mapped to a cache. Only caches lend memory for reads alone.
     *
     * @throws IOException when that cannot be known
     */
    private boolean isOne(Extent extent) throws IOException {
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

    /** Whether nothing else of the disk is mapped. */
    public static boolean isAll(Device device) throws IOException {
        return !look(device).others;
    }

    /** Unmaps all of it. */
    static void unmap(Device device) throws IOException {
        for (long[] range : look(device).ranges) {
            device.unmap(range[0], range[1] - range[0]);
        }
    }

    private static CacheLeft look(Device device) throws IOException {
        var left = new CacheLeft();
        try {
            device.forEachExtent(left::note);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
        return left;
    }

    private void note(Extent extent) {
        try {
            if (!isOne(extent)) {
                others = true;
                open = false;
                return;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (!open) {
            ranges.add(new long[] {extent.offset(), 0});
            open = true;
        }
        ranges.get(ranges.size() - 1)[1] = extent.offset() + extent.length();
    }
}
