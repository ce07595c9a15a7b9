// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.device.DeviceException.Call;
import abuse.libc.Unix;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.nio.file.attribute.UserPrincipal;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** A machine with as many simulated devices as a test adds; the first one loads the module. */
public final class SimulatedDevices implements Devices {
    private final Map<String, SimulatedDisk> disks = new LinkedHashMap<>();
    private final Map<String, Integer> refusals = new ConcurrentHashMap<>();

    private List<String> trace = List.of();
    private List<String> traceAfterStop = List.of();
    private Runnable onTraceEnd;
    private int tracers;
    private long lostEvents;
    private Set<TraceEvent.Kind> traced;
    private final List<String> gifts = new ArrayList<>();
    private int limit = Integer.MAX_VALUE;
    private int limitErrno;
    private int opensToFailure;
    private RuntimeException openFailure;
    private boolean loaded;

    /** Loads the module, whose nodes are not seen from here. */
    public void load() {
        loaded = true;
    }

    public SimulatedDisk add(int number) {
        String path = "/dev/abctl" + number;
        var disk = new SimulatedDisk(path, number);
        disks.put(path, disk);
        return disk;
    }

    /** Makes the open of a path fail. */
    public void refuse(String path, int errno) {
        refusals.put(path, errno);
        disks.putIfAbsent(path, new SimulatedDisk(path, 0));
    }

    /** Ends that. */
    public void allow(String path) {
        refusals.remove(path);
    }

    /** Makes the n-th open from now on throw, no matter what is opened. */
    public void throwOnOpen(int n, RuntimeException failure) {
        opensToFailure = n;
        openFailure = failure;
    }

    @Override
    public Device open(String path) throws DeviceException {
        if (opensToFailure > 0 && --opensToFailure == 0) {
            throw openFailure;
        }
        if (refusals.containsKey(path)) {
            throw new DeviceException(path, Call.OPEN, refusals.get(path));
        }
        if (!disks.containsKey(path)) {
            throw new DeviceException(path, Call.OPEN, Unix.ENOENT);
        }
        return disks.get(path).open();
    }

    @Override
    public List<String> list() {
        return List.copyOf(disks.keySet());
    }

    /** Makes the n-th device and more impossible. */
    public void limit(int n, int errno) {
        limit = n;
        limitErrno = errno;
    }

    @Override
    public String make(int number) throws DeviceException {
        if (disks.isEmpty()) {
            throw new DeviceException("/dev/abctl0", Call.OPEN, Unix.ENOENT);
        }
        int made = number;
        if (number < 0) {
            made = 0;
            while (disks.containsKey("/dev/abctl" + made)) {
                made++;
            }
        }
        if (made >= limit) {
            throw new DeviceException("/dev/abctl0", Call.ADD, limitErrno);
        }
        return add(made).path;
    }

    /** Only those nodes that can be opened can be given away. */
    @Override
    public void give(String path, UserPrincipal user) throws IOException {
        if (refusals.containsKey(path)) {
            throw new FileSystemException(path, null, Unix.strerror(refusals.get(path)));
        }
        gifts.add(path + " " + user.getName());
    }

    /** Which nodes were given to whom. */
    public List<String> gifts() {
        return gifts;
    }

    @Override
    public DiskStatistics statistics(Status status) {
        return disks.get("/dev/abctl" + status.number()).statistics();
    }

    /** Reports the given lines, and then nothing. */
    @Override
    public Tracer trace(Status status, Set<TraceEvent.Kind> kinds) {
        var lines = new ArrayDeque<>(trace);
        traced = kinds;
        tracers++;
        return new Tracer() {
            @Override
            public Optional<TraceEvent> next(int milliseconds) {
                if (lines.isEmpty() && onTraceEnd != null) {
                    onTraceEnd.run();
                }
                return lines.isEmpty() ? Optional.empty() : TraceEvent.parse(lines.remove());
            }

            @Override
            public long lost() {
                long count = lostEvents;
                lostEvents = 0;
                return count;
            }

            @Override
            public void stop() {
                lines.addAll(traceAfterStop);
            }

            @Override
            public void close() {
                tracers--;
            }
        };
    }

    /** Sets the lines of a trace, those before it is stopped and those still under way then, and what to do at its end. */
    public void trace(List<String> lines, List<String> afterStop, Runnable onEnd) {
        trace = lines;
        traceAfterStop = afterStop;
        onTraceEnd = onEnd;
    }

    /** Makes a trace lose so many events. */
    public void lose(long count) {
        lostEvents = count;
    }

    /** What was traced last. */
    public Set<TraceEvent.Kind> traced() {
        return traced;
    }

    public int tracers() {
        return tracers;
    }

    private final Map<Path, Integer> mounts = new ConcurrentHashMap<>();

    @Override
    public List<String> users(Status status) {
        return disks.get("/dev/abctl" + status.number()).users();
    }

    /** From now on this folder lies on a disk. */
    public void mount(int number, Path folder) {
        mounts.put(folder, number);
    }

    @Override
    public boolean holds(Status status, Path file) {
        return mounts.entrySet().stream().anyMatch(mount -> file.startsWith(mount.getKey()) && mount.getValue() == status.number());
    }

    @Override
    public void probe(Status status, long offset) throws IOException {
        try {
            if (disks.get("/dev/abctl" + status.number()).read(offset, status.blockSize()).await().failed()) {
                throw new IOException("Input/output error");
            }
        } catch (Exception e) {
            throw e instanceof IOException failure ? failure : new IOException(e);
        }
    }

    @Override
    public Poller poller(int threads) {
        return new SimulatedPoller();
    }

    @Override
    public boolean isModuleLoaded() {
        return loaded || !disks.isEmpty();
    }
}
