// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.device.DeviceException.Call;
import abuse.libc.Unix;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * One device as module/uapi/abuse.h describes it, in memory, for tests: requests that are pending,
 * owned and stale, reset, drain, and data moved from and to the addresses that a server names.
 */
public final class SimulatedDisk {
    /** What the submitter of a request gets. */
    public record Answer(boolean failed, byte[] data) {}

    /** A request on its way. */
    public final class Submitted {
        final Operation operation;
        final long offset;
        final long length;
        final byte[] data;
        final Set<RequestFlag> flags;
        final int queue;
        final CompletableFuture<Answer> answer = new CompletableFuture<>();
        long id;
        Open owner;
        boolean redelivered;
        boolean busy;

        private Submitted(Operation operation, long offset, long length, byte[] data, Set<RequestFlag> flags, int queue) {
            this.operation = operation;
            this.offset = offset;
            this.length = length;
            this.data = data;
            this.flags = flags;
            this.queue = queue;
        }

        /** Waits for the answer; a test that hangs fails after ten seconds. */
        public Answer await() throws Exception {
            return answer.get(10, TimeUnit.SECONDS);
        }

        public long offset() {
            return offset;
        }

        public boolean isAnswered() {
            return answer.isDone();
        }
    }

    private final String path;
    private final int number;
    private Config config;
    private long generation;
    private final Deque<Submitted> pending = new ArrayDeque<>();
    private final Map<Long, Submitted> owned = new LinkedHashMap<>();
    private long gets;
    private long puts;
    private long redelivered;
    private long stale;
    private long errors;
    private boolean failing;
    private final List<String> users = new ArrayList<>();
    private long unreachable = 0;
    private int interruptions;
    private int transferFailure;
    private String nodeProblem;
    private int looks;
    private final Set<Long> present = new HashSet<>();
    private boolean faultsHeld;
    private int faulting;
    private int mostFaulting;
    private final Set<Open> opens = new HashSet<>();
    private final List<Integer> batchSizes = new ArrayList<>();

    public SimulatedDisk(String path, int number) {
        this.path = path;
        this.number = number;
    }

    /** Sets it up with a write cache, one queue of 128, and blocks of 4096. */
    public synchronized SimulatedDisk setUp(long capacity, Flag... flags) {
        return setUp(capacity, 1, flags);
    }

    public synchronized SimulatedDisk setUp(long capacity, int queues, Flag... flags) {
        var offered = EnumSet.noneOf(Flag.class);
        offered.addAll(List.of(flags));
        config = new Config(capacity, 4096, 0, 128, queues, 0, 0, offered, false);
        notifyAll();
        return this;
    }

    public synchronized void setTimeout(int milliseconds) {
        config = new Config(config.capacity(), config.blockSize(), config.physicalBlockSize(), config.queueDepth(),
                config.queues(), config.maxRequest(), milliseconds, config.flags(), false);
    }

    public Submitted read(long offset, int length) {
        return submit(Operation.READ, offset, length, new byte[length], false, 0);
    }

    public Submitted write(long offset, byte[] data) {
        return submit(Operation.WRITE, offset, data.length, data, false, 0);
    }

    public Submitted writeFua(long offset, byte[] data) {
        return submit(Operation.WRITE, offset, data.length, data, true, 0);
    }

    public Submitted flush() {
        return submit(Operation.FLUSH, 0, 0, null, false, 0);
    }

    public Submitted submit(Operation operation, long offset, long length, byte[] data, boolean fua, int queue) {
        return submit(operation, offset, length, data, fua ? Set.of(RequestFlag.FUA) : Set.of(), queue);
    }

    public synchronized Submitted submit(Operation operation, long offset, long length, byte[] data,
            Set<RequestFlag> flags, int queue) {
        var request = new Submitted(operation, offset, length, data, flags, queue);
        pending.add(request);
        notifyAll();
        return request;
    }

    /** From now on somebody has the disk open, and this is what the system tells of him. */
    public synchronized void use(String words) {
        users.add(words);
    }

    /** As if everybody closed the disk. */
    public synchronized void release() {
        users.clear();
    }

    synchronized List<String> users() {
        return List.copyOf(users);
    }

    /** The next call on an open file fails so. */
    public synchronized void failNextTransfer(int errno) {
        transferFailure = errno;
        notifyAll();
    }

    /** The next so many times somebody looks, the disk has no node for this reason. */
    public synchronized void spoilNode(String problem, int times) {
        nodeProblem = problem;
        looks = times;
    }

    /** Counts what was answered, all of it as reads of 4096 bytes. */
    synchronized DiskStatistics statistics() {
        return new DiskStatistics(puts, puts * 4096, 0, 0, 0, 0);
    }

    public synchronized int pending() {
        return pending.size();
    }

    public synchronized int owned() {
        return owned.size();
    }

    public synchronized int openNodes() {
        return opens.size();
    }

    /** How many requests went out with each transfer that had any. */
    public synchronized List<Integer> batchSizes() {
        return List.copyOf(batchSizes);
    }

    /** From now on data at this address cannot be reached, as with a truncated mapping. */
    public synchronized void makeUnreachable(long address) {
        unreachable = address;
    }

    /** As the kernel drops what it can read in again. */
    public synchronized void evictAll() {
        present.clear();
    }

    /** From now on, or no longer, a put that waits for memory waits for this to end. */
    public synchronized void holdFaults(boolean hold) {
        faultsHeld = hold;
        notifyAll();
    }

    /** How many puts waited for memory at once, at most. */
    public synchronized int mostFaulting() {
        return mostFaulting;
    }

    /** The next so many transfers are ended by a signal before they receive anything. */
    public synchronized void interrupt(int times) {
        interruptions = times;
        notifyAll();
    }

    /** What a timeout or a requeue does: the request is not its owner's any more. */
    public synchronized void fence() {
        var fenced = new ArrayList<>(owned.values());
        Collections.reverse(fenced);
        fenced.forEach(this::giveBack);
        owned.clear();
        notifyAll();
    }

    public synchronized void reset() {
        List.copyOf(owned.values()).forEach(request -> finish(request, true));
        pending.forEach(request -> finish(request, true));
        owned.clear();
        pending.clear();
        config = null;
        failing = false;
        generation++;
        notifyAll();
    }

    synchronized Open open() {
        var open = new Open();
        opens.add(open);
        return open;
    }

    private void finish(Submitted request, boolean failed) {
        if (failed) {
            errors++;
        }
        request.answer.complete(new Answer(failed, request.data));
    }

    private void giveBack(Submitted request) {
        request.owner = null;
        request.busy = false;
        request.redelivered = true;
        pending.addFirst(request);
    }

    /** An open control node. */
    final class Open implements Device {
        private boolean draining;
        private boolean serves;
        private Serving serving;
        private long served;

        @Override
        public String path() {
            return path;
        }

        @Override
        public Status status() {
            synchronized (SimulatedDisk.this) {
                int servers = (int) opens.stream().filter(open -> open.serves).count();
                if (config == null) {
                    return new Status(0, number, State.NONE, 0, 0, 0, 0, 0, 0, Set.of(), 0, 0, servers, 0, 0, 0, 0, 0, 0, 0,
                            Limits.SMALL, Latency.NONE);
                }
                Status fresh = Status.fresh(number, config);
                return new Status(fresh.capacity(), number, failing ? State.FAILED : State.LIVE, fresh.blockSize(),
                        fresh.physicalBlockSize(), fresh.queueDepth(), fresh.queues(), fresh.maxRequest(), fresh.timeoutMs(),
                        fresh.flags(), pending.size(), owned.size(), servers, users.size(), gets, puts, redelivered, stale, 0,
                        errors, Limits.SMALL, Latency.NONE);
            }
        }

        @Override
        public String nodeProblem() {
            synchronized (SimulatedDisk.this) {
                return looks-- > 0 ? nodeProblem : null;
            }
        }

        @Override
        public void setup(Config wanted) throws DeviceException {
            synchronized (SimulatedDisk.this) {
                if (config != null && !wanted.reconnect()) {
                    throw new DeviceException(path, Call.SETUP, Unix.EBUSY);
                }
                if (wanted.queues() * wanted.queueDepth() > Limits.SMALL.requests()) {
                    throw new DeviceException(path, wanted.reconnect() ? Call.RECONNECT : Call.SETUP, Unix.EPERM);
                }
                if (wanted.blockSize() > 4096 || wanted.queues() > 2
                        || config != null && wanted.capacity() < config.capacity()) {
                    throw new DeviceException(path, wanted.reconnect() ? Call.RECONNECT : Call.SETUP, Unix.EINVAL);
                }
                config = wanted;
                failing = false;
                SimulatedDisk.this.notifyAll();
            }
        }

        @Override
        public void reset() {
            SimulatedDisk.this.reset();
        }

        @Override
        public void remove() throws DeviceException {
            synchronized (SimulatedDisk.this) {
                if (!users.isEmpty()) {
                    throw new DeviceException(path, Call.REMOVE, Unix.EBUSY);
                }
                SimulatedDisk.this.reset();
            }
        }

        @Override
        public void serve(Serving what) throws DeviceException {
            synchronized (SimulatedDisk.this) {
                if (config == null) {
                    throw new DeviceException(path, Call.SERVE, Unix.ENODEV);
                }
                for (Open other : opens) {
                    if (what.identity() != null && other.serving != null && other.served == generation
                            && other.serving.identity() != null && !other.serving.identity().equals(what.identity())) {
                        throw new OtherContentException(path, 4711, other.serving.text());
                    }
                }
                serving = what;
                served = generation;
            }
        }

        /** An open file that served something before a reset has nothing any more. */
        private void checkBinding(Call call) throws DeviceException {
            if (serving != null && served != generation) {
                throw new DeviceException(path, call, Unix.ENODEV);
            }
        }

        @Override
        public void requeue() throws DeviceException {
            synchronized (SimulatedDisk.this) {
                if (config == null) {
                    throw new DeviceException(path, Call.REQUEUE, Unix.ENODEV);
                }
                fence();
            }
        }

        @Override
        public int pollUnanswered(int milliseconds) throws DeviceException {
            synchronized (SimulatedDisk.this) {
                checkBinding(Call.POLL);
                long end = System.nanoTime() + milliseconds * 1_000_000L;
                while (pending.isEmpty() && owned.isEmpty()) {
                    if (!pause(milliseconds < 0 ? Long.MAX_VALUE : end - System.nanoTime())) {
                        return 0;
                    }
                }
                return Unix.POLLMSG;
            }
        }

        @Override
        public void close() {
            synchronized (SimulatedDisk.this) {
                opens.remove(this);
                var mine = new ArrayList<>(owned.values());
                mine.removeIf(request -> request.owner != this);
                mine.forEach(request -> owned.remove(request.id));
                for (int i = mine.size() - 1; i >= 0; i--) {
                    giveBack(mine.get(i));
                }
                SimulatedDisk.this.notifyAll();
            }
        }

        @Override
        public void transfer(Batch batch) throws DeviceException {
            synchronized (SimulatedDisk.this) {
                batch.prepare();
                while (!ioctl(batch)) {
                    batch.prepareAgain();
                }
                batch.complete();
            }
        }

        /** False when a signal came. */
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
            if (config == null) {
                throw new DeviceException(path, Call.TRANSFER, Unix.ENODEV);
            }
            if (transferFailure != 0 && answers > 0) {
                int errno = transferFailure;
                transferFailure = 0;
                throw new DeviceException(path, Call.TRANSFER, errno);
            }
            if ((flags & Abi.ABUSE_XFER_DRAIN) != 0) {
                draining = true;
                SimulatedDisk.this.notifyAll();
            }
            serves |= room > 0;
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
            long before = generation;
            // Who has an answer refused should hear of it at once
            while (!draining && !refused && waiting(queue) < minimum) {
                if (interruptions > 0) {
                    interruptions--;
                    // With answers given the call is no failure
                    raw.putInt(Abi.Xfer.NR_GETS, 0);
                    return answers > 0;
                }
                if (!pause(timeout == Abi.ABUSE_NO_TIMEOUT ? Long.MAX_VALUE : end - System.nanoTime())) {
                    break;
                }
                if (generation != before) {
                    throw new DeviceException(path, Call.TRANSFER, Unix.ENODEV);
                }
            }
            raw.putInt(Abi.Xfer.NR_GETS, draining ? 0 : hand(batch, queue, room));
            return true;
        }

        private void check(boolean right) throws DeviceException {
            if (!right) {
                throw new DeviceException(path, Call.TRANSFER, Unix.EINVAL);
            }
        }

        private long waiting(int queue) {
            return pending.stream().filter(request -> queue == Abi.ABUSE_ANY_QUEUE || request.queue == queue).count();
        }

        private int take(ByteBuffer raw, int put, boolean noFault) {
            Submitted request = owned.get(raw.getLong(put + Abi.Put.ID));
            int result = raw.getInt(put + Abi.Put.RESULT);
            long address = raw.getLong(put + Abi.Put.ADDRESS);
            if (result > Abi.ABUSE_RESULT_COPY) {
                return Unix.EINVAL;
            }
            if (request == null || request.owner != this) {
                stale++;
                return Unix.ENOMSG;
            }
            if (request.busy) {
                return Unix.EBUSY;
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
            owned.remove(request.id);
            puts++;
            if (result == Abi.ABUSE_RESULT_DEVICE_FAILURE) {
                failing = true;
            }
            finish(request, failing || result != Abi.ABUSE_RESULT_OKAY);
            return 0;
        }

        /** Copies the request's data; whoever may wait for memory does it without keeping others from the disk. */
        private int move(Submitted request, long address, boolean noFault) {
            if (address == 0 || address == unreachable) {
                return Unix.EFAULT;
            }
            var pages = new ArrayList<Long>();
            for (long page = address >> 12; page <= address + request.data.length - 1 >> 12; page++) {
                pages.add(page);
            }
            if (!present.containsAll(pages)) {
                if (noFault) {
                    return Unix.EAGAIN;
                }
                long id = request.id;
                request.busy = true;
                mostFaulting = Math.max(mostFaulting, ++faulting);
                SimulatedDisk.this.notifyAll();
                while (faultsHeld) {
                    pause(Long.MAX_VALUE);
                }
                faulting--;
                if (owned.get(id) != request) {
                    return Unix.ENOMSG;
                }
                request.busy = false;
            }
            boolean moved = request.operation == Operation.READ ? UserMemory.read(address, request.data)
                    : UserMemory.write(address, request.data);
            if (!moved) {
                return Unix.EFAULT;
            }
            present.addAll(pages);
            return 0;
        }

        private int hand(Batch batch, int queue, int room) {
            ByteBuffer raw = batch.raw();
            long buffer = raw.getLong(Abi.Xfer.BUFFER);
            long space = raw.getLong(Abi.Xfer.BUFFER_SIZE);
            long used = 0;
            int handed = 0;
            for (var i = pending.iterator(); i.hasNext() && handed < room;) {
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
                request.id = ++gets + (generation << 32);
                request.owner = this;
                owned.put(request.id, request);
                if (request.redelivered) {
                    redelivered++;
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
                batchSizes.add(handed);
            }
            return handed;
        }

        /** False when the time is over. */
        private boolean pause(long nanoseconds) {
            if (nanoseconds <= 0) {
                return false;
            }
            try {
                SimulatedDisk.this.wait(Math.min(nanoseconds / 1_000_000 + 1, 1000));
                return true;
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
