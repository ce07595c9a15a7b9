// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.device.DeviceException.Call;
import abuse.device.SimulatedDisk.Submitted;
import abuse.libc.Terminal;
import abuse.libc.Unix;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Stream;

/** An open control node of a simulated disk. */
final class SimulatedNode implements Device {
    private static final int PID = 4711;

    private final SimulatedDisk disk;
    private boolean draining;
    private long number;
    private long gets;
    private long puts;
    private long stale;
    private int waiting;
    private Serving serving;
    private long served;
    private long made = -1;

    SimulatedNode(SimulatedDisk disk) {
        this.disk = disk;
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
                    throw new OtherContentException(disk.path, PID, other.serving.text());
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
        return new ServerStatus(number, PID, 0, serving == null ? Device.ANY_QUEUE : serving.queue(), draining,
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
    public List<Extent> extents() throws DeviceException {
        checkBinding(Call.EXTENTS);
        return disk.map.extents();
    }

    @Override
    public List<RequestStatus> requests() throws DeviceException {
        synchronized (disk) {
            if (disk.config == null) {
                throw new DeviceException(disk.path, Call.REQUESTS, Unix.ENODEV);
            }
            return Stream.concat(disk.pending.stream(), disk.owned.values().stream()).map(SimulatedNode::requestStatus).toList();
        }
    }

    private static RequestStatus requestStatus(Submitted request) {
        var flags = EnumSet.noneOf(RequestFlag.class);
        flags.addAll(request.flags);
        if (request.redelivered) {
            flags.add(RequestFlag.REDELIVERED);
        }
        return new RequestStatus(request.operation, request.offset / 512, request.length, flags,
                request.owner == null ? RequestStatus.Ownership.PENDING : request.busy ? RequestStatus.Ownership.BUSY
                        : RequestStatus.Ownership.OWNED,
                request.queue, request.gets, request.ageMs, request.owner == null ? 0 : PID,
                request.owner == null ? 0 : request.owner.number);
    }

    /** An open file that was bound to a setup is of no use after a reset. */
    private void checkBinding(Call call) throws DeviceException {
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
        synchronized (disk) {
            batch.prepare();
            while (!ioctl(batch)) {
                batch.prepareAgain();
            }
            batch.complete();
        }
    }

    /** Returns false when a signal came. */
    private boolean ioctl(Batch batch) throws DeviceException {
        ByteBuffer raw = batch.raw();
        check(raw.getInt(Abi.Xfer.SIZE) == Abi.Xfer.SIZE_OF && raw.getShort(Abi.Xfer.PUT_SIZE) == Abi.Put.SIZE_OF
                && raw.getShort(Abi.Xfer.GET_SIZE) == Abi.Get.SIZE_OF);
        int flags = raw.getInt(Abi.Xfer.FLAGS);
        check((flags & ~(Abi.ABUSE_XFER_DRAIN | Abi.ABUSE_XFER_NO_FAULT)) == 0);
        boolean noFault = (flags & Abi.ABUSE_XFER_NO_FAULT) != 0;
        int room = raw.getInt(Abi.Xfer.NR_GETS);
        int answers = raw.getInt(Abi.Xfer.NR_PUTS);
        int minimum = raw.getInt(Abi.Xfer.MIN_GETS);
        check(room <= Abi.ABUSE_MAX_BATCH && answers <= Abi.ABUSE_MAX_BATCH && minimum <= room);
        check(raw.getLong(Abi.Xfer.BUFFER) % 4096 == 0);
        checkBinding(Call.TRANSFER);
        if (disk.config == null) {
            throw new DeviceException(disk.path, Call.TRANSFER, Unix.ENODEV);
        }
        if (disk.transferFailure != 0 && answers > 0) {
            int errno = disk.transferFailure;
            disk.transferFailure = 0;
            throw new DeviceException(disk.path, Call.TRANSFER, errno);
        }
        if ((flags & Abi.ABUSE_XFER_DRAIN) != 0) {
            draining = true;
            disk.notifyAll();
        }
        number = number == 0 && room > 0 && !draining ? ++disk.servers : number;
        disk.orphaned &= room == 0 || draining;
        disk.busyNs = room > 0 ? raw.getInt(Abi.Xfer.BUSY_NS) : disk.busyNs;
        int taken = 0;
        boolean refused = false;
        for (int i = 0; i < answers; i++) {
            int put = batch.putAt(i);
            int status = take(raw, put, noFault);
            raw.putInt(put + Abi.Put.STATUS, -status);
            taken += status == 0 ? 1 : 0;
            refused |= status != 0;
        }
        raw.putInt(Abi.Xfer.NR_PUTS, taken);
        int queue = raw.getInt(Abi.Xfer.QUEUE);
        long timeout = raw.getLong(Abi.Xfer.TIMEOUT_NS);
        long end = System.nanoTime() + timeout;
        long before = disk.generation;
        // A refused answer must be reported at once
        while (!draining && !refused && waiting(queue) < minimum) {
            if (disk.interruptions > 0) {
                disk.interruptions--;
                // The call succeeds if it took answers
                raw.putInt(Abi.Xfer.NR_GETS, 0);
                return answers > 0;
            }
            waiting++;
            boolean timeIsLeft = pause(timeout == Abi.ABUSE_NO_TIMEOUT ? Long.MAX_VALUE : end - System.nanoTime());
            waiting--;
            if (!timeIsLeft) {
                break;
            }
            if (disk.generation != before) {
                throw new DeviceException(disk.path, Call.TRANSFER, Unix.ENODEV);
            }
        }
        raw.putInt(Abi.Xfer.NR_GETS, draining ? 0 : hand(batch, queue, room));
        return true;
    }

    private void check(boolean right) throws DeviceException {
        if (!right) {
            throw new DeviceException(disk.path, Call.TRANSFER, Unix.EINVAL);
        }
    }

    private long waiting(int queue) {
        return disk.conditions.contains(Condition.QUIESCED) ? 0 : disk.pending.stream().filter(request -> queue == Abi.ABUSE_ANY_QUEUE || request.queue == queue).count();
    }

    private int take(ByteBuffer raw, int put, boolean noFault) {
        Submitted request = disk.owned.get(raw.getLong(put + Abi.Put.ID));
        int result = raw.getInt(put + Abi.Put.RESULT);
        long address = raw.getLong(put + Abi.Put.ADDRESS);
        if (result > Abi.ABUSE_RESULT_RETRY) {
            return Unix.EINVAL;
        }
        if (disk.copiesFenced && result == Abi.ABUSE_RESULT_COPY) {
            disk.copiesFenced = false;
            disk.fence();
        }
        if (request == null || request.owner != this) {
            disk.stale++;
            stale++;
            return Unix.ENOMSG;
        }
        if (request.busy) {
            return Unix.EBUSY;
        }
        if (result == Abi.ABUSE_RESULT_RETRY) {
            if (request.data == null || !disk.config.flags().contains(Flag.MAPPABLE)) {
                return Unix.EINVAL;
            }
            disk.owned.remove(request.id);
            disk.retry(request);
            return 0;
        }
        boolean copy = result == Abi.ABUSE_RESULT_COPY;
        if ((copy || result == Abi.ABUSE_RESULT_OKAY) && request.data != null
                && (address != 0 || request.operation == Operation.READ)) {
            int status = move(request, address, noFault);
            if (status != 0) {
                return status;
            }
        }
        if (copy) {
            return 0;
        }
        disk.owned.remove(request.id);
        disk.puts++;
        puts++;
        if (result == Abi.ABUSE_RESULT_DEVICE_FAILURE) {
            disk.failing = true;
        }
        request.result = result;
        disk.finish(request, disk.failing || result != Abi.ABUSE_RESULT_OKAY);
        return 0;
    }

    /** Copies the request's data; a wait for memory does not keep others from the disk. */
    private int move(Submitted request, long address, boolean noFault) {
        if (address == 0 || address == disk.unreachable) {
            return Unix.EFAULT;
        }
        var pages = new ArrayList<Long>();
        for (long page = address >> 12; page <= address + request.data.length - 1 >> 12; page++) {
            pages.add(page);
        }
        if (!disk.present.containsAll(pages)) {
            if (noFault) {
                return Unix.EAGAIN;
            }
            long id = request.id;
            request.busy = true;
            disk.mostFaulting = Math.max(disk.mostFaulting, ++disk.faulting);
            disk.notifyAll();
            while (disk.faultsHeld) {
                pause(Long.MAX_VALUE);
            }
            disk.faulting--;
            if (disk.owned.get(id) != request) {
                return Unix.ENOMSG;
            }
            request.busy = false;
        }
        boolean moved = request.operation == Operation.READ ? UserMemory.read(address, request.data)
                : UserMemory.write(address, request.data);
        if (!moved) {
            return Unix.EFAULT;
        }
        disk.present.addAll(pages);
        return 0;
    }

    private int hand(Batch batch, int queue, int room) {
        ByteBuffer raw = batch.raw();
        long buffer = raw.getLong(Abi.Xfer.BUFFER);
        long space = raw.getLong(Abi.Xfer.BUFFER_SIZE);
        long used = 0;
        int handed = 0;
        int most = disk.conditions.contains(Condition.QUIESCED) ? 0 : room;
        for (var i = disk.pending.iterator(); i.hasNext() && handed < most;) {
            Submitted request = i.next();
            if (queue != Abi.ABUSE_ANY_QUEUE && request.queue != queue) {
                continue;
            }
            long address = 0;
            if (buffer != 0 && request.data != null) {
                if (used + request.length > space) {
                    break;
                }
                address = buffer + used;
                used += (request.length + 4095) & -4096;
                if (request.operation == Operation.WRITE) {
                    UserMemory.write(address, request.data);
                }
            }
            i.remove();
            request.id = ++disk.gets + (disk.generation << 32);
            request.owner = this;
            request.gets++;
            gets++;
            disk.owned.put(request.id, request);
            if (request.redelivered) {
                disk.redelivered++;
            }
            int get = batch.nextGetAt(handed++);
            raw.putLong(get + Abi.Get.ID, request.id);
            raw.putLong(get + Abi.Get.SECTOR, request.offset / 512);
            raw.putLong(get + Abi.Get.ADDRESS, address);
            raw.putInt(get + Abi.Get.LENGTH, (int) request.length);
            raw.putShort(get + Abi.Get.COMMAND, (short) request.operation.ordinal());
            raw.putShort(get + Abi.Get.FLAGS, (short) (request.flags.stream().mapToInt(flag -> flag.bit).sum()
                    | (request.redelivered ? Abi.ABUSE_GET_REDELIVERED : 0)));
        }
        if (handed > 0) {
            disk.batchSizes.add(handed);
        }
        return handed;
    }

    /** Returns false when the time is up. */
    private boolean pause(long nanoseconds) {
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
