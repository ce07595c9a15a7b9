// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.Gate;
import abuse.device.Batch;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.Flag;
import abuse.device.Result;
import abuse.device.ServerStatus;
import abuse.device.Status;
import abuse.libc.Unix;
import java.io.IOException;
import java.util.function.Consumer;

/**
 * Takes the requests of one hardware queue, and has a backend carry them out that answers later, in other threads. It
 * takes no more than there are slots for.
 */
final class AsyncWorker implements QueueServer {
    /** The most requests that are taken with one call. */
    private static final int ROOM = 128;
    /** Bytes of memory for data; more than that is under way only in small requests. */
    private static final long MOST_MEMORY = 1L << 30;

    private final long pid = ProcessHandle.current().pid();
    private final Device device;
    private final AsyncBackend backend;
    private final DiskSize diskSize;
    private final boolean writeThrough;
    private final long limit;
    private final Problems problems;
    private final InFlight inFlight;
    private final Batch requests;
    private final Batch copies;
    /** Made in advance, as in Worker. */
    private final Batch draining = new Batch(1).drain();
    /** Those that the last call brought and that are to be submitted. */
    private final Slot[] taken;
    /** Why each of them cannot be submitted; null if it can. */
    private final Throwable[] causes;
    /** What is to be done with each of them. */
    private final int[] actions;
    /** Says what is not to be submitted; null if all is. */
    private final Gate gate;
    /** Whether this thread has opened the gate, and not closed it. */
    private boolean open;
    private long unreachable;

    private volatile boolean drained;
    private volatile Throwable failure;

    /**
     * Takes no request yet.
     *
     * @param limit nanoseconds that a request may take; 0 for no limit
     */
    AsyncWorker(Device device, int queue, Status status, AsyncBackend backend, DiskSize diskSize, long limit, Problems problems) {
        this.device = device;
        this.backend = backend;
        this.diskSize = diskSize;
        this.limit = limit;
        this.problems = problems;
        writeThrough = !status.flags().contains(Flag.WRITE_CACHE);
        int slots = (int) Math.max(1, Math.min(Math.min(status.queueDepth(), backend.mostUnderWay()),
                Math.min(Batch.MAX_ROOM, MOST_MEMORY / status.maxRequest())));
        inFlight = new InFlight(device, slots, status.maxRequest(), problems, this::fail);
        int room = Math.min(slots, ROOM);
        requests = new Batch(room).from(queue);
        taken = new Slot[room];
        causes = new Throwable[room];
        actions = new int[room];
        gate = backend.gate(() -> isIdle(queue));
        copies = new Batch(room).receiveNothing().onRefusal((i, errno) -> {
            causes[i] = new IOException(InFlight.UNREACHABLE);
            return true;
        });
    }

    @Override
    public void lookFor(int nanoseconds) {
        requests.lookFor(nanoseconds);
    }

    @Override
    public void run(Runnable onAsked) {
        try {
            serve(onAsked);
        } catch (Throwable e) {
            fail(e);
            dropTaken();
        }
        inFlight.awaitAll(() -> failure != null);
    }

    private void serve(Runnable onAsked) throws DeviceException {
        try {
            // As a worker does
            Unix.becomeIoFlusher();
            receive(taken.length);
            onAsked.run();
            submit();
            while (!drained) {
                if (!inFlight.hasFree()) {
                    send();
                }
                int free = inFlight.awaitFree();
                if (free > 0) {
                    requests.waitFor(1, -1);
                    receive(Math.min(free, taken.length));
                    submit();
                }
            }
            send();
        } finally {
            closeGate();
        }
    }

    /** Gives up what the backend will not get any more; the kernel has it handed out again. */
    private void dropTaken() {
        for (int i = 0; i < taken.length; i++) {
            if (taken[i] != null) {
                taken[i].drop();
                taken[i] = null;
            }
        }
        inFlight.sent();
        inFlight.send();
    }

    @Override
    public Throwable failure() {
        return failure;
    }

    @Override
    public synchronized void drain() {
        drained = true;
        try {
            device.transfer(draining);
        } catch (Throwable e) {
            // A device that is gone has nothing to hand out; run() finds out too
        }
        inFlight.end();
    }

    /**
     * Fails requests whose deadline has passed; whether one has been under way for so many nanoseconds. It also looks
     * whether the device was reset, which the other thread does not notice while it waits for a free slot.
     */
    boolean look(long now, Consumer<AsyncRequest> onExpired, long stuck) {
        try {
            // Unlike a transfer this is no call that the kernel would take for work
            device.pollUnanswered(0);
        } catch (Throwable e) {
            // What a signal has interrupted is asked again soon
            if (isReset(e)) {
                fail(e);
            }
        }
        return inFlight.look(now, onExpired, stuck);
    }

    /** Waits so many milliseconds at most for requests that were left behind, after {@link #run}; whether there are none. */
    boolean awaitAll(long milliseconds) {
        return inFlight.awaitAll(milliseconds);
    }

    /** Whether all open files of this process that serve a queue wait for its requests, after the answers of their calls. */
    private boolean isIdle(int queue) {
        try {
            boolean found = false;
            for (ServerStatus one : device.servers()) {
                if (one.pid() == pid && !one.over() && (one.queue() == queue || one.queue() == Device.ANY_QUEUE)) {
                    if (one.waiting() == 0) {
                        return false;
                    }
                    found = true;
                }
            }
            return found;
        } catch (DeviceException | OutOfMemoryError e) {
            // It is asked again, or the end of run() closes the gate
            return false;
        }
    }

    /** Whether it failed because the device was reset. */
    boolean isReset() {
        return isReset(failure);
    }

    static boolean isReset(Throwable e) {
        return e instanceof DeviceException refusal && refusal.reason() == DeviceException.Reason.NOT_SET_UP;
    }

    @Override
    public void close() {
        inFlight.stopSending();
        device.close();
        inFlight.close();
        requests.close();
        copies.close();
        draining.close();
    }

    /** Sends the answers of what was not submitted, and takes requests. */
    private void receive(int most) throws DeviceException {
        transfer(most);
        closeGate();
    }

    private void transfer(int most) throws DeviceException {
        device.transfer(requests.receive(most));
        if (requests.answers() == 0) {
            inFlight.sent();
        }
        if (requests.refused() != unreachable) {
            unreachable = requests.refused();
            problems.report(InFlight.UNREACHABLE);
        }
    }

    /** Sends these answers before a wait for something else. */
    private void send() throws DeviceException {
        sendNow();
        closeGate();
    }

    private void sendNow() throws DeviceException {
        requests.waitFor(0, 0);
        while (requests.answers() > 0) {
            transfer(0);
        }
    }

    private void closeGate() {
        if (open) {
            open = false;
            gate.close();
        }
    }

    /** Has the backend begin with what was received. */
    private void submit() throws DeviceException {
        int n = requests.requests();
        if (n == 0) {
            return;
        }
        open = gate != null && gate.open();
        boolean any = take(n);
        if (any) {
            begin(n);
        }
        if (limit > 0) {
            // What is submitted may take long, and nobody would fail the others meanwhile
            sendNow();
        }
        boolean moves = requests.answers() > 0;
        if (any) {
            submitTaken(n);
        }
        if (!moves) {
            closeGate();
        }
    }

    /** From now on their deadlines are watched. */
    private void begin(int n) {
        long now = System.nanoTime();
        for (int i = 0; i < n; i++) {
            if (taken[i] != null) {
                taken[i].begin(now);
            }
        }
    }

    private void submitTaken(int n) throws DeviceException {
        if (backend.wantsData()) {
            copy(n);
        }
        inFlight.gather();
        try {
            for (int i = 0; i < n; i++) {
                if (taken[i] != null) {
                    submit(i);
                }
            }
            backend.submitted();
        } finally {
            inFlight.sendWith(requests, taken.length - requests.answers());
        }
    }

    /** Finds a slot for each request that is to be submitted; whether there are any. */
    private boolean take(int n) {
        long now = limit > 0 ? System.nanoTime() : 0;
        boolean any = false;
        Slot spare = null;
        for (int i = 0; i < n; i++) {
            Slot slot = spare != null ? spare : inFlight.take();
            slot.standFor(requests, i, writeThrough, now, limit);
            causes[i] = null;
            if (open && !isToBeSubmitted(i, slot)) {
                taken[i] = null;
                spare = slot;
            } else {
                taken[i] = slot;
                spare = null;
                any = true;
            }
        }
        if (spare != null) {
            inFlight.giveBack(spare);
        }
        return any;
    }

    /** Whether more is to be done than that the kernel moves bytes. */
    private boolean isToBeSubmitted(int i, Slot slot) {
        try {
            check(slot);
            actions[i] = gate.look(slot);
            if (actions[i] != Gate.NOTHING) {
                return true;
            }
            requests.answer(i, Result.OKAY, gate.address(slot));
            return false;
        } catch (Throwable e) {
            causes[i] = e;
            return true;
        }
    }

    private void check(Slot slot) throws IOException {
        if (slot.kind() == null) {
            throw new IOException(Responder.UNKNOWN_REQUEST);
        }
        if (slot.kind() != AsyncRequest.Kind.FLUSH) {
            diskSize.check(device, slot.offset(), slot.length());
        }
    }

    /** Brings the data of writes into their slots. */
    private void copy(int n) throws DeviceException {
        long stale = copies.stale();
        for (int i = 0; i < n; i++) {
            if (isWrite(i)) {
                copies.copy(i, taken[i].id, taken[i].address);
                taken[i].brought = true;
            }
        }
        inFlight.copy(copies);
        if (copies.stale() == stale) {
            return;
        }
        // Somebody has taken some of them away, and what is in the slot of such a one is older
        for (int i = 0; i < n; i++) {
            if (isWrite(i)) {
                stale = copies.stale();
                copies.copy(i, taken[i].id, taken[i].address);
                inFlight.copy(copies);
                if (copies.stale() != stale) {
                    taken[i].drop();
                    taken[i] = null;
                }
            }
        }
        inFlight.send();
    }

    private boolean isWrite(int i) {
        return taken[i] != null && taken[i].kind() == AsyncRequest.Kind.WRITE;
    }

    private void submit(int i) {
        Slot slot = taken[i];
        taken[i] = null;
        try {
            if (causes[i] != null) {
                throw causes[i];
            }
            if (open) {
                gate.submit(slot, actions[i]);
            } else {
                check(slot);
                backend.submit(slot);
            }
        } catch (Throwable e) {
            // Even without memory: somebody waits for the answer
            slot.fail(e);
        }
    }

    /** Ends {@link #run}, from any thread; requests that are not answered then go to other servers. */
    private void fail(Throwable e) {
        if (failure == null) {
            failure = e;
        }
        drain();
    }
}
