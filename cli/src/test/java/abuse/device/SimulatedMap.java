// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.device.DeviceException.Call;
import abuse.libc.Unix;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What of a simulated disk is mapped. A block device may be a file here. */
final class SimulatedMap {
    private final SimulatedDisk disk;
    private final Map<String, Integer> memory = new HashMap<>();
    private List<Extent> extents = new ArrayList<>();
    /** Whether the limit of what may stay in memory is reached. */
    boolean noMemory;
    /** What block devices can do. */
    boolean discards = true;
    boolean zeroes = true;
    /** How many extents there may be. */
    int mostExtents = Integer.MAX_VALUE;
    /** How often a block device could not do something. */
    int refusals;

    SimulatedMap(SimulatedDisk disk) {
        this.disk = disk;
    }

    void add(Mapping mapping) throws IOException {
        synchronized (disk) {
            check(Call.MAP, mapping.offset(), mapping.length());
            if (mapping.discards() && !discards || mapping.zeroes() && !zeroes) {
                refusals++;
                throw mapping.refusal(Unix.EOPNOTSUPP);
            }
            long end = mapping.offset() + mapping.length();
            if (!mapping.replace() && extents.stream().anyMatch(e -> e.offset() < end && e.offset() + e.length() > mapping.offset())) {
                throw new DeviceException(disk.path, Call.MAP, Unix.EEXIST);
            }
            List<Extent> with = without(mapping.offset(), mapping.length());
            with.add(new Extent(mapping.offset(), mapping.length(), mapping.target(), mapping.targetOffset(), mapping.writable(),
                    mapping.discards(), mapping.zeroes(), false));
            with.sort(Comparator.comparingLong(Extent::offset));
            change(Call.MAP, merged(with));
        }
    }

    private void change(Call call, List<Extent> now) throws DeviceException {
        if (now.size() > extents.size() && now.size() > mostExtents) {
            throw new DeviceException(disk.path, call, Unix.EPERM);
        }
        extents = now;
    }

    /** Neighbours on a block device that lead on are one extent. */
    private static List<Extent> merged(List<Extent> parts) {
        var merged = new ArrayList<Extent>();
        for (Extent e : parts) {
            Extent last = merged.isEmpty() ? null : merged.get(merged.size() - 1);
            if (last != null && !e.memory() && last.offset() + last.length() == e.offset() && last.start() == e.start()
                    && last.equals(new Extent(last.offset(), last.length(), e.target(), last.targetOffset(), e.writable(),
                            e.discards(), e.zeroes(), false))) {
                merged.set(merged.size() - 1, new Extent(last.offset(), last.length() + e.length(), e.target(), last.targetOffset(),
                        e.writable(), e.discards(), e.zeroes(), false));
            } else {
                merged.add(e);
            }
        }
        return merged;
    }

    /** Keeps a descriptor of the memory as the kernel does. */
    void lend(Loan loan) throws DeviceException {
        synchronized (disk) {
            check(Call.LEND, loan.offset(), loan.length());
            if (noMemory) {
                throw new DeviceException(disk.path, Call.LEND, Unix.ENOMEM);
            }
            String target = target(loan.fd());
            memory.computeIfAbsent(target, name -> copy(loan.fd()));
            remove(loan.offset(), loan.length());
            extents.add(new Extent(loan.offset(), loan.length(), target, loan.fileOffset(), loan.writable(), loan.zeroes(),
                    loan.zeroes(), true));
            extents.sort(Comparator.comparingLong(Extent::offset));
        }
    }

    private static boolean isMapped(Extent extent, Operation operation) {
        return switch (operation) {
            case READ -> true;
            case WRITE -> extent.writable();
            case DISCARD -> extent.discards();
            case WRITE_ZEROES -> extent.zeroes();
            default -> false;
        };
    }

    /** Carries out a request as the kernel does; false if not all of it is mapped, or a target fails. A discard leaves zeros. */
    boolean carriesOut(SimulatedDisk.Submitted request) {
        if (request.operation == Operation.FLUSH) {
            return false;
        }
        boolean write = request.operation != Operation.READ;
        byte[] data = request.data != null ? request.data : new byte[(int) request.length];
        long at = request.offset;
        while (at < request.offset + request.length) {
            Extent extent = null;
            for (Extent e : extents) {
                extent = e.offset() <= at && at < e.offset() + e.length() && isMapped(e, request.operation) ? e : extent;
            }
            if (extent == null) {
                return false;
            }
            int length = (int) (Math.min(request.offset + request.length, extent.offset() + extent.length()) - at);
            var bytes = ByteBuffer.wrap(data, (int) (at - request.offset), length);
            Path target = Path.of(extent.memory() ? "/proc/self/fd/" + memory.get(extent.target()) : extent.target());
            try (var file = FileChannel.open(target, write ? StandardOpenOption.WRITE : StandardOpenOption.READ)) {
                if ((write ? file.write(bytes, at - extent.start()) : file.read(bytes, at - extent.start())) != length) {
                    return false;
                }
            } catch (IOException e) {
                return false;
            }
            at += length;
        }
        return true;
    }

    int lent(long offset) throws DeviceException {
        synchronized (disk) {
            check(Call.LENT, 0, 0);
            for (Extent e : extents) {
                if (e.memory() && e.offset() <= offset && offset < e.offset() + e.length()) {
                    return copy(memory.get(e.target()));
                }
            }
            throw new DeviceException(disk.path, Call.LENT, Unix.ENOENT);
        }
    }

    private static String target(int fd) {
        try {
            Map<String, Object> stat = Files.readAttributes(Path.of("/proc/self/fd/" + fd), "unix:dev,ino");
            return Extent.memory((long) stat.get("dev"), (long) stat.get("ino"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int copy(int fd) {
        return Unix.open("/proc/self/fd/" + fd, Unix.O_RDWR | Unix.O_CLOEXEC);
    }

    void remove(long offset, long length) throws DeviceException {
        synchronized (disk) {
            check(Call.UNMAP, offset, length);
            change(Call.UNMAP, without(offset, length));
        }
    }

    private List<Extent> without(long offset, long length) {
        var left = new ArrayList<Extent>();
        for (Extent e : extents) {
            keep(left, e, e.offset(), Math.min(e.offset() + e.length(), offset));
            keep(left, e, Math.max(e.offset(), offset + length), e.offset() + e.length());
        }
        return left;
    }

    /** The disk is gone. */
    void clear() {
        extents = new ArrayList<>();
    }

    List<Extent> extents() throws DeviceException {
        synchronized (disk) {
            check(Call.EXTENTS, 0, 0);
            return List.copyOf(extents);
        }
    }

    private static void keep(List<Extent> left, Extent e, long start, long end) {
        if (start < end) {
            left.add(new Extent(start, end - start, e.target(), e.targetOffset() + start - e.offset(), e.writable(), e.discards(),
                    e.zeroes(), e.memory()));
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
