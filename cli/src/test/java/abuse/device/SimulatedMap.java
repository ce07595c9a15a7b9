// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.device.DeviceException.Call;
import abuse.libc.Unix;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** What of a simulated disk is mapped. Nothing moves data there. */
final class SimulatedMap {
    private final SimulatedDisk disk;
    private List<Extent> extents = new ArrayList<>();

    SimulatedMap(SimulatedDisk disk) {
        this.disk = disk;
    }

    void add(Mapping mapping) throws DeviceException {
        synchronized (disk) {
            check(Call.MAP, mapping.offset(), mapping.length());
            long end = mapping.offset() + mapping.length();
            if (!mapping.replace() && extents.stream().anyMatch(e -> e.offset() < end && e.offset() + e.length() > mapping.offset())) {
                throw new DeviceException(disk.path, Call.MAP, Unix.EEXIST);
            }
            remove(mapping.offset(), mapping.length());
            extents.add(new Extent(mapping.offset(), mapping.length(), mapping.target(), mapping.targetOffset(), mapping.writable()));
            extents.sort(Comparator.comparingLong(Extent::offset));
        }
    }

    void remove(long offset, long length) throws DeviceException {
        synchronized (disk) {
            check(Call.UNMAP, offset, length);
            var left = new ArrayList<Extent>();
            for (Extent e : extents) {
                keep(left, e, e.offset(), Math.min(e.offset() + e.length(), offset));
                keep(left, e, Math.max(e.offset(), offset + length), e.offset() + e.length());
            }
            extents = left;
        }
    }

    List<Extent> extents() throws DeviceException {
        synchronized (disk) {
            check(Call.EXTENTS, 0, 0);
            return List.copyOf(extents);
        }
    }

    private static void keep(List<Extent> left, Extent e, long start, long end) {
        if (start < end) {
            left.add(new Extent(start, end - start, e.target(), e.targetOffset() + start - e.offset(), e.writable()));
        }
    }

    private void check(Call call, long offset, long length) throws DeviceException {
        if (disk.config == null) {
            throw new DeviceException(disk.path, call, Unix.ENODEV);
        }
        if (!disk.config.flags().contains(Flag.MAPPABLE)) {
            throw new DeviceException(disk.path, call, Unix.EOPNOTSUPP);
        }
        if ((offset | length) % disk.config.blockSize() != 0 || offset + length > disk.config.capacity()) {
            throw new DeviceException(disk.path, call, Unix.EINVAL);
        }
    }
}
