// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.device.DeviceException.Call;
import abuse.device.SimulatedDisk.Submitted;
import abuse.libc.Terminal;
import abuse.libc.Unix;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** An open control node of a simulated disk. */
final class SimulatedNode implements Device {
    private final SimulatedDisk disk;
    private final SimulatedTransfer transfer;
    boolean draining;
    long number;
    long gets;
    long puts;
    long stale;
    int waiting;
    private Serving serving;
    private long served;
    private long made = -1;

    SimulatedNode(SimulatedDisk disk) {
        this.disk = disk;
        transfer = new SimulatedTransfer(disk, this);
    }

    @Override
    public String path() {
        return disk.path;
    }

    @Override
    public Status status() {
        synchronized (disk) {
            int servers = (int) disk.opens.stream().filter(open -> open.number > 0).count();
            if (disk.config == null) {
                return new Status(0, disk.number, State.NONE, 0, 0, 0, 0, 0, 0, 0, 0, Hints.NONE, Set.of(), 0, 0, servers, 0, 0, 0, 0,
                        0, 0, 0, Mapped.NONE, Set.of(), Limits.SMALL, Latency.NONE);
            }
            Status fresh = Status.fresh(disk.number, disk.config);
            State state = disk.failing ? State.FAILED : disk.orphaned ? State.ORPHANED : State.LIVE;
            return new Status(fresh.capacity(), disk.number, state, fresh.blockSize(), fresh.physicalBlockSize(),
                    fresh.queueDepth(), fresh.queues(), fresh.maxRequest(), fresh.timeoutMs(), fresh.orphanMs(),
                    fresh.unservedMs(), fresh.hints(), fresh.flags(), disk.pending.size(), disk.owned.size(), servers, disk.users.size(),
                    disk.gets, disk.puts, disk.redelivered, disk.stale, 0, disk.errors, disk.mapped, Set.copyOf(disk.conditions),
                    Limits.SMALL, disk.latency);
        }
    }

    @Override
    public String nodeProblem() {
        synchronized (disk) {
            return disk.looks-- > 0 ? disk.nodeProblem : null;
        }
    }

    /** There are no partitions here. */
    @Override
    public boolean rescan() {
        return true;
    }

    @Override
    public void setup(Config wanted) throws DeviceException {
        synchronized (disk) {
            if (disk.config != null && !wanted.reconnect()) {
                throw new DeviceException(disk.path, Call.SETUP, Unix.EBUSY);
            }
            if (disk.conditions.contains(Condition.LEAVING)) {
                throw new DeviceException(disk.path, Call.RECONNECT, Unix.EBUSY);
            }
            if (wanted.queues() * wanted.queueDepth() > Limits.SMALL.requests()) {
                throw new DeviceException(disk.path, wanted.reconnect() ? Call.RECONNECT : Call.SETUP, Unix.EPERM);
            }
            if (wanted.blockSize() > 4096 || wanted.queues() > 2
                    || disk.config != null && wanted.capacity() < disk.config.capacity()) {
                throw new DeviceException(disk.path, wanted.reconnect() ? Call.RECONNECT : Call.SETUP, Unix.EINVAL);
            }
            if (disk.config == null) {
                made = disk.generation;
            }
            disk.config = wanted;
            disk.failing = false;
            disk.orphaned = false;
            disk.notifyAll();
        }
    }

    @Override
    public void reset() {
        disk.reset();
    }

    @Override
    public void remove() throws DeviceException {
        synchronized (disk) {
            if (!disk.users.isEmpty()) {
                throw new DeviceException(disk.path, Call.REMOVE, Unix.EBUSY);
            }
            disk.reset();
        }
    }

    @Override
    public void removeLazily() {
        synchronized (disk) {
            if (disk.config == null) {
                return;
            }
            disk.conditions.add(Condition.LEAVING);
            disk.leave();
        }
    }

    @Override
    public OptionalInt quiesce(int milliseconds) throws DeviceException {
        synchronized (disk) {
            if (disk.config == null) {
                throw new DeviceException(disk.path, Call.QUIESCE, Unix.ENODEV);
            }
            disk.conditions.add(Condition.QUIESCED);
            long end = System.nanoTime() + milliseconds * 1_000_000L;
            while (!disk.owned.isEmpty() && pause(milliseconds < 0 ? Long.MAX_VALUE : end - System.nanoTime())) {
                if (disk.config == null) {
                    throw new DeviceException(disk.path, Call.QUIESCE, Unix.ENODEV);
                }
            }
            return disk.owned.isEmpty() || milliseconds == 0 ? OptionalInt.empty() : OptionalInt.of(disk.owned.size());
        }
    }

    @Override
    public void resume() throws DeviceException {
        synchronized (disk) {
            if (disk.config == null) {
                throw new DeviceException(disk.path, Call.QUIESCE, Unix.ENODEV);
            }
            disk.conditions.remove(Condition.QUIESCED);
            disk.notifyAll();
        }
    }

    @Override
    public void serve(Serving what) throws DeviceException {
        synchronized (disk) {
            if (disk.config == null) {
                throw new DeviceException(disk.path, Call.SERVE, Unix.ENODEV);
            }
            for (SimulatedNode other : disk.opens) {
                if (what.identity() != null && other.serving != null && other.served == disk.generation
                        && other.serving.identity() != null && !other.serving.identity().equals(what.identity())) {
                    throw new OtherContentException(disk.path, disk.pid, other.serving.text());
                }
            }
            serving = what;
            served = disk.generation;
        }
    }

    /** Every server is a process of root's, which is seen by whoever looks. */
    @Override
    public List<ServerStatus> servers() {
        synchronized (disk) {
            return disk.opens.stream().filter(open -> open.number > 0).sorted(Comparator.comparingLong(open -> open.number))
                    .map(SimulatedNode::serverStatus).toList();
        }
    }

    private ServerStatus serverStatus() {
        var mine = disk.owned.values().stream().filter(request -> request.owner == this).toList();
        return new ServerStatus(number, disk.pid, 0, serving == null ? Device.ANY_QUEUE : serving.queue(), draining,
                serving != null && served != disk.generation, waiting, mine.size(),
                mine.stream().mapToLong(request -> request.ageMs).max().orElse(0), 0, gets, puts, stale, "java",
                serving == null ? "" : Terminal.printable(serving.text()));
    }

    @Override
    public void map(Mapping mapping) throws IOException {
        checkBinding(Call.MAP);
        disk.map.add(mapping);
    }

    @Override
    public void unmap(long length, long[] offsets) throws DeviceException {
        checkBinding(Call.UNMAP);
        for (long offset : offsets) {
            disk.map.remove(offset, length);
        }
    }

    @Override
    public void lend(Loan loan) throws DeviceException {
        checkBinding(Call.LEND);
        disk.map.lend(loan);
    }

    @Override
    public int lent(long offset) throws DeviceException {
        checkBinding(Call.LENT);
        return disk.map.lent(offset);
    }

    @Override
    public void forEachExtent(Consumer<Extent> action) throws DeviceException {
        checkBinding(Call.EXTENTS);
        disk.map.extents().forEach(action);
    }

    @Override
    public List<RequestStatus> requests() throws DeviceException {
        synchronized (disk) {
            if (disk.config == null) {
                throw new DeviceException(disk.path, Call.REQUESTS, Unix.ENODEV);
            }
            return Stream.concat(disk.pending.stream(), disk.owned.values().stream()).map(this::requestStatus).toList();
        }
    }

    private RequestStatus requestStatus(Submitted request) {
        var flags = EnumSet.noneOf(RequestFlag.class);
        flags.addAll(request.flags);
        if (request.redelivered) {
            flags.add(RequestFlag.REDELIVERED);
        }
        return new RequestStatus(request.operation, request.offset / 512, request.length, flags,
                request.owner == null ? RequestStatus.Ownership.PENDING : request.busy ? RequestStatus.Ownership.BUSY
                        : RequestStatus.Ownership.OWNED,
                request.queue, request.gets, request.ageMs, request.owner == null ? 0 : disk.pid,
                request.owner == null ? 0 : request.owner.number);
    }

    /** An open file that was bound to a setup is of no use after a reset. */
    void checkBinding(Call call) throws DeviceException {
        synchronized (disk) {
            if (serving != null && served != disk.generation) {
                throw new DeviceException(disk.path, call, Unix.ENODEV);
            }
        }
    }

    @Override
    public void requeue() throws DeviceException {
        synchronized (disk) {
            if (disk.config == null) {
                throw new DeviceException(disk.path, Call.REQUEUE, Unix.ENODEV);
            }
            disk.fence();
        }
    }

    @Override
    public int pollUnanswered(int milliseconds) throws DeviceException {
        synchronized (disk) {
            checkBinding(Call.POLL);
            long end = System.nanoTime() + milliseconds * 1_000_000L;
            while (disk.pending.isEmpty() && disk.owned.isEmpty()) {
                if (!pause(milliseconds < 0 ? Long.MAX_VALUE : end - System.nanoTime())) {
                    return 0;
                }
            }
            return Unix.POLLMSG;
        }
    }

    /** Whether poll(2) would return: a request is pending, or the setup that it serves is gone. */
    boolean hasEvent() {
        synchronized (disk) {
            return disk.opens.contains(this) && (served != disk.generation || waiting(Abi.ABUSE_ANY_QUEUE) > 0);
        }
    }

    @Override
    public void close() {
        synchronized (disk) {
            disk.opens.remove(this);
            if (made == disk.generation && disk.config != null && disk.config.flags().contains(Flag.AUTOREMOVE)) {
                disk.reset();
            }
            var mine = new ArrayList<>(disk.owned.values());
            mine.removeIf(request -> request.owner != this);
            mine.forEach(request -> disk.owned.remove(request.id));
            for (int i = mine.size() - 1; i >= 0; i--) {
                disk.giveBack(mine.get(i));
            }
            disk.notifyAll();
        }
    }

    @Override
    public void transfer(Batch batch) throws DeviceException {
        transfer.transfer(batch);
    }

    /** How many requests a server of this queue could get. */
    long waiting(int queue) {
        return disk.conditions.contains(Condition.QUIESCED) ? 0
                : disk.pending.stream().filter(request -> queue == Abi.ABUSE_ANY_QUEUE || request.queue == queue).count();
    }

    /** Returns false when the time is up. */
    boolean pause(long nanoseconds) {
        if (nanoseconds <= 0) {
            return false;
        }
        try {
            disk.wait(Math.min(nanoseconds / 1_000_000 + 1, 1000));
            return true;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
