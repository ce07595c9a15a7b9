// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.backend.Backend;
import abuse.backend.Mapper;
import abuse.cache.CachedBackend;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.Extent;
import abuse.device.Loan;
import abuse.device.Mapping;
import abuse.device.Status;
import abuse.device.UnableException;
import abuse.libc.Memory;
import abuse.libc.MemoryFile;
import abuse.libc.Unix;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Maps the disk that a backend serves, and undoes that when the last server ends; but memory stays, and so does what leads
 * elsewhere, as somebody else has mapped that. After a reset every call fails with the reason NOT_SET_UP, even if the device is
 * set up anew.
 */
final class DiskMapper implements Mapper, AutoCloseable {
    /** What a device may be able to do besides reads and writes. */
    private record Parts(boolean discards, boolean zeroes) {}

    /** In the order in which they are tried. */
    private static final List<Parts> PARTS = List.of(new Parts(true, true), new Parts(false, true), new Parts(true, false));

    private final Device device;
    private final String path;
    private final boolean wanted;
    /** The memory that this server has lent, or has taken over. */
    private final Set<String> lent = new HashSet<>();
    /** How many of the parts were refused for a target, so that they are not tried for each of its ranges. */
    private final Map<String, Integer> refused = new ConcurrentHashMap<>();
    /** The paths of the block devices that the backend has mapped to, and how the kernel tells them. */
    private final Map<String, String> targets = new ConcurrentHashMap<>();
    /** What was mapped before the backend maps all it has, by where it begins; null except meanwhile. */
    private volatile NavigableMap<Long, Extent> found;
    /** Whether the backend is a cache, which undoes all itself. */
    private volatile boolean cached;
    /** Whether the backend has mapped anything, and may have to undo that. */
    private boolean used;
    private boolean ended;

    /**
     * For a disk that may be mapped.
     *
     * @param device a control node that has said what it serves
     * @param wanted whether the backend may do so
     */
    DiskMapper(Device device, boolean wanted) {
        this.device = device;
        path = device.path();
        this.wanted = wanted;
    }

    /** Lets the backend map the disk, without what a cache has left. Memory that is not its own would hide what it has, and may be the last of its bytes. */
    void start(Backend backend) throws IOException {
        CacheLeft.unmap(device);
        if (wanted) {
            found = look();
            cached = backend instanceof CachedBackend;
            try {
                backend.start(this);
            } finally {
                found = null;
            }
        }
        for (Extent extent : device.extents()) {
            if (extent.memory() && !isLent(extent)) {
                throw refusal(extent);
            }
        }
    }

    private NavigableMap<Long, Extent> look() throws DeviceException {
        var extents = new TreeMap<Long, Extent>();
        device.extents().forEach(extent -> extents.put(extent.offset(), extent));
        return extents;
    }

    /** Whether it leads to a device of this backend, or to one that is gone, as when the same has come back with another number. */
    private boolean isOurs(Extent extent) {
        return !extent.memory() && (targets.containsValue(extent.target()) || !extent.target().startsWith("/"));
    }

    private IOException refusal(Extent extent) {
        return new IOException(extent.memory()
                ? path + ": is mapped to memory of an earlier server; serve 'mem' to go on with it, or give it up first with"
                        + " 'abusectl unmap " + path + "'"
                : path + ": is mapped to " + extent.target() + " at " + extent.offset() + ", which this server would hide; unmap that"
                        + " first with 'abusectl unmap " + path + " " + extent.offset() + " " + extent.length() + "'");
    }

    @Override
    public void map(long offset, long length, String target, long targetOffset, boolean writable) throws IOException {
        use(offset, length, target);
        device.map(new Mapping(offset, length, target, targetOffset, writable, true));
    }

    @Override
    public void mapAll(long offset, long length, String target, long targetOffset) throws IOException {
        use(offset, length, target);
        // Only the kernel knows what the device can do for this disk, and it refuses before it changes anything
        for (int refusals = refused.getOrDefault(target, 0); refusals < PARTS.size(); refusals++) {
            try {
                Parts parts = PARTS.get(refusals);
                device.map(new Mapping(offset, length, target, targetOffset, true, parts.discards, parts.zeroes, true));
                return;
            } catch (UnableException e) {
                refused.put(target, refusals + 1);
            }
        }
        map(offset, length, target, targetOffset, true);
    }

    /** At the start, only what was mapped to the same device is replaced: an earlier server of it may have been killed. */
    private void use(long offset, long length, String target) throws IOException {
        NavigableMap<Long, Extent> before = found;
        if (before != null) {
            String name = Extent.target(target);
            Long first = before.floorKey(offset);
            for (Extent extent : before.tailMap(first == null ? offset : first).values()) {
                if (extent.offset() >= offset + length) {
                    break;
                }
                if (extent.offset() + extent.length() > offset && !extent.target().equals(name) && !isOurs(extent)
                        && !isLent(extent)) {
                    throw refusal(extent);
                }
            }
        }
        use();
        targets.computeIfAbsent(target, Extent::target);
    }

    @Override
    public synchronized Memory lend(long offset, long length) throws IOException {
        use();
        List<Extent> there = device.extents().stream().filter(extent -> extent.offset() < offset + length
                && extent.offset() + extent.length() > offset).toList();
        for (Extent extent : there) {
            if (!extent.memory()) {
                throw refusal(extent);
            }
        }
        Memory memory = there.isEmpty() ? lendNew(offset, length) : takeOver(there, offset, length);
        device.extents().stream().filter(extent -> extent.memory() && extent.offset() <= offset
                && offset < extent.offset() + extent.length()).forEach(extent -> lent.add(extent.target()));
        return memory;
    }

    private Memory lendNew(long offset, long length) throws IOException {
        try (MemoryFile file = MemoryFile.allocate(length)) {
            return lend(new Loan(offset, length, file.fd(), 0));
        }
    }

    /** Parts of it may have been unmapped meanwhile. */
    private Memory takeOver(List<Extent> there, long offset, long length) throws IOException {
        Extent first = there.get(0);
        for (Extent other : there) {
            if (!other.target().equals(first.target()) || other.start() != first.start()) {
                throw new IOException(path + ": is mapped to several pieces of memory; give them up first with 'abusectl unmap "
                        + path + "'");
            }
        }
        int fd = device.lent(first.offset());
        try {
            // Touching what is beyond its end would end this process
            if (!Unix.sealLength(fd) || Unix.lseek(fd, 0, Unix.SEEK_END) < offset - first.start() + length) {
                throw new IOException(path + ": is mapped to memory that is cut, or may be; give it up first with 'abusectl unmap "
                        + path + "'");
            }
            return there.size() == 1 && first.offset() <= offset && first.offset() + first.length() >= offset + length
                    && first.writable() && first.discards() && first.zeroes() ? Memory.share(fd, offset - first.start(), length)
                            : lend(new Loan(offset, length, fd, offset - first.start()));
        } finally {
            Unix.close(fd);
        }
    }

    private Memory lend(Loan loan) throws IOException {
        Memory memory = Memory.share(loan.fd(), loan.fileOffset(), loan.length());
        try {
            device.lend(loan);
            return memory;
        } catch (DeviceException | RuntimeException | Error e) {
            memory.close();
            throw e;
        }
    }

    private synchronized boolean isLent(Extent extent) {
        return lent.contains(extent.target());
    }

    @Override
    public void map(long offset, long length, MemoryFile target, long targetOffset, boolean writable) throws IOException {
        use();
        device.lend(new Loan(offset, length, target.fd(), targetOffset, writable, false));
    }

    @Override
    public void unmap(long offset, long length) throws IOException {
        unmap(length, new long[] {offset});
    }

    @Override
    public void unmap(long length, long[] offsets) throws IOException {
        use();
        device.unmap(length, offsets);
        if (found != null) {
            found = look();
        }
    }

    /** After a stop the disk waits for the next server, as it does for what is not mapped. Memory is all there is of its bytes. */
    void undo() throws IOException {
        if (cached || !isUsed()) {
            return;
        }
        try {
            Status status = device.status();
            if (!status.isSetUp() || status.servers() != 0) {
                return;
            }
            for (Extent extent : device.extents()) {
                if (isOurs(extent)) {
                    device.unmap(extent.offset(), extent.length());
                }
            }
        } catch (DeviceException e) {
            if (e.reason() != DeviceException.Reason.NOT_SET_UP) {
                throw e;
            }
            // A reset has undone it
        }
    }

    private synchronized void use() throws DeviceException {
        if (ended) {
            throw new DeviceException(path, DeviceException.Call.MAP, Unix.ENODEV);
        }
        used = true;
    }

    private synchronized boolean isUsed() {
        return used;
    }

    /** After the backend, which may use it until its end, and before the control node. */
    @Override
    public synchronized void close() {
        ended = true;
    }
}
