// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
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
        SimulatedNode owner;
        boolean redelivered;
        boolean busy;
        int gets;
        int result;
        long ageMs;

        private Submitted(Operation operation, long offset, long length, byte[] data, Set<RequestFlag> flags, int queue) {
            this.operation = operation;
            this.offset = offset;
            this.length = length;
            this.data = data;
            this.flags = flags;
            this.queue = queue;
        }

        /** Waits for the answer; a test that hangs fails in the end. */
        public Answer await() throws Exception {
            return answer.get(100, TimeUnit.SECONDS);
        }

        /** It is so old from now on. */
        public Submitted age(long milliseconds) {
            ageMs = milliseconds;
            return this;
        }

        public long offset() {
            return offset;
        }

        /** How the server has answered it. */
        public Result result() {
            return Arrays.stream(Result.values()).filter(one -> one.code == result).findFirst().orElseThrow();
        }

        public boolean isAnswered() {
            return answer.isDone();
        }
    }

    final String path;
    final int number;
    int pid = (int) ProcessHandle.current().pid();
    Config config;
    long generation;
    final Deque<Submitted> pending = new ArrayDeque<>();
    final Map<Long, Submitted> owned = new LinkedHashMap<>();
    long gets;
    long puts;
    long redelivered;
    long stale;
    long errors;
    boolean failing;
    long servers;
    Latency latency = Latency.NONE;
    Mapped mapped = Mapped.NONE;
    boolean orphaned;
    final List<String> users = new ArrayList<>();
    final Set<Condition> conditions = EnumSet.noneOf(Condition.class);
    long unreachable = 0;
    int interruptions;
    int busyNs;
    int transferFailure;
    boolean copiesFenced;
    String nodeProblem;
    int looks;
    final Set<Long> present = new HashSet<>();
    boolean faultsHeld;
    int faulting;
    int mostFaulting;
    private boolean carriesOutMapped;
    private int retries;
    final SimulatedMap map = new SimulatedMap(this);
    final Set<SimulatedNode> opens = new LinkedHashSet<>();
    final List<Integer> batchSizes = new ArrayList<>();

    public SimulatedDisk(String path, int number) {
        this.path = path;
        this.number = number;
    }

    /** Sets it up with a write cache, one queue of 128, and blocks of 4096. */
    public synchronized SimulatedDisk setUp(long capacity, Flag... flags) {
        return setUp(capacity, 1, flags);
    }

    /** Says of each server that it is this process, and not the one that it is. */
    public synchronized SimulatedDisk servedBy(int process) {
        pid = process;
        return this;
    }

    public synchronized SimulatedDisk setUp(long capacity, int queues, Flag... flags) {
        var offered = EnumSet.noneOf(Flag.class);
        offered.addAll(List.of(flags));
        config = new Config(capacity, 4096, 0, 128, queues, 0, 0, 0, 0, Hints.NONE, offered, false);
        notifyAll();
        return this;
    }

    public synchronized void setTimeout(int milliseconds) {
        config = new Config(config.capacity(), config.blockSize(), config.physicalBlockSize(), config.queueDepth(),
                config.queues(), config.maxRequest(), milliseconds, config.orphanMs(), config.unservedMs(),
                config.hints(), config.flags(), false);
    }

    /** How many answers took how long, by the kernel's buckets. */
    public synchronized void setLatencies(List<Long> counts) {
        latency = new Latency(counts);
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
        if (!carriesOutMapped || !map.carriesOut(request)) {
            if (orphaned) {
                finish(request, true);
            } else {
                pending.add(request);
            }
        } else {
            finish(request, false);
        }
        notifyAll();
        return request;
    }

    /** From now on what is mapped is carried out there, as the kernel does. */
    public synchronized void carryOutMapped() {
        carriesOutMapped = true;
    }

    /** How many requests were submitted anew. */
    public synchronized int retries() {
        return retries;
    }

    /** Submits a request anew. */
    void retry(Submitted request) {
        retries++;
        if (carriesOutMapped && map.carriesOut(request)) {
            finish(request, false);
        } else {
            request.owner = null;
            pending.add(request);
        }
        notifyAll();
    }

    /** From now on somebody has the disk open, and this is how the system describes it. */
    public synchronized void use(String words) {
        users.add(words);
    }

    /** As if everybody closed the disk. */
    public synchronized void release() {
        users.clear();
        leave();
    }

    synchronized List<String> users() {
        return List.copyOf(users);
    }

    /** Makes the next transfer that sends answers fail. */
    public synchronized void failNextTransfer(int errno) {
        transferFailure = errno;
        notifyAll();
    }

    /** Makes the disk have no good node for this reason, the given number of times that somebody looks. */
    public synchronized void spoilNode(String problem, int times) {
        nodeProblem = problem;
        looks = times;
    }

    /** Counts every answer as a read of 4096 bytes. */
    synchronized DiskStatistics statistics() {
        return new DiskStatistics(puts, puts * 4096, 0, 0, 0, 0);
    }

    /** From now on nobody may lend memory. */
    public synchronized void allowNoMemory() {
        map.noMemory = true;
    }

    /** From now on so many parts of it may be mapped. */
    public synchronized void allowExtents(int most) {
        map.mostExtents = most;
    }

    /** From now on block devices can do no more than this, besides reads and writes. */
    public synchronized void targetsCan(boolean discards, boolean zeroes) {
        map.discards = discards;
        map.zeroes = zeroes;
    }

    /** How often a target could not do what was to be mapped. */
    public synchronized int targetRefusals() {
        return map.refusals;
    }

    /** What the kernel has done by itself so far. */
    public synchronized void count(Mapped counters) {
        mapped = counters;
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

    /** Drops all pages, as the kernel may. */
    public synchronized void evictAll() {
        present.clear();
    }

    /** Starts or ends a time in which puts that need memory must wait. */
    public synchronized void holdFaults(boolean hold) {
        faultsHeld = hold;
        notifyAll();
    }

    /** How long the transfer that came last looks for requests before it sleeps: nanoseconds, -1 for auto. */
    public synchronized int busyNs() {
        return busyNs;
    }

    /** The highest number of puts that waited for memory at once. */
    public synchronized int mostFaulting() {
        return mostFaulting;
    }

    /** Waits until so many puts have waited for memory at once. */
    public synchronized void awaitFaulting(int puts) throws InterruptedException {
        while (mostFaulting < puts) {
            wait();
        }
    }

    /** Makes a number of transfers end by a signal before they receive anything. */
    public synchronized void interrupt(int times) {
        interruptions = times;
        notifyAll();
    }

    /** Takes all requests from their owners, as a timeout or a requeue does. */
    public synchronized void fence() {
        var fenced = new ArrayList<>(owned.values());
        Collections.reverse(fenced);
        fenced.forEach(this::giveBack);
        owned.clear();
        notifyAll();
    }

    /** Takes the requests away from whoever asks next for the data of one. */
    public synchronized void fenceNextCopies() {
        copiesFenced = true;
    }

    /** As if nobody had served for too long: what waits fails, and so does all else until somebody asks for requests. */
    public synchronized void orphan() {
        pending.forEach(request -> finish(request, true));
        pending.clear();
        orphaned = true;
    }

    /** Goes if that was asked for and nobody uses it. */
    synchronized void leave() {
        if (conditions.contains(Condition.LEAVING) && users.isEmpty()) {
            reset();
        }
    }

    public synchronized void reset() {
        List.copyOf(owned.values()).forEach(request -> finish(request, true));
        pending.forEach(request -> finish(request, true));
        owned.clear();
        pending.clear();
        config = null;
        map.clear();
        failing = false;
        orphaned = false;
        conditions.clear();
        generation++;
        notifyAll();
    }

    synchronized SimulatedNode open() {
        var open = new SimulatedNode(this);
        opens.add(open);
        return open;
    }

    void finish(Submitted request, boolean failed) {
        if (failed) {
            errors++;
        }
        request.answer.complete(new Answer(failed, request.data));
    }

    void giveBack(Submitted request) {
        request.owner = null;
        request.busy = false;
        request.redelivered = true;
        pending.addFirst(request);
    }
}
