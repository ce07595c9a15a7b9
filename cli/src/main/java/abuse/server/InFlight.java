// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.backend.AsyncRequest;
import abuse.backend.BackendException;
import abuse.backend.Failure;
import abuse.device.Batch;
import abuse.device.Device;
import abuse.device.DeviceException;
import abuse.device.Result;
import abuse.libc.Memory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * The requests of one open control node that a backend has under way. Any thread may end one; whoever sends answers
 * sends all that have gathered, and nobody waits for a thread that does. That allocates nothing.
 */
final class InFlight implements AsyncRequest.Answers, AutoCloseable {
    static final String UNREACHABLE = "the kernel cannot reach the data of a request";

    final Problems problems;
    private final Device device;
    private final Consumer<Throwable> onFailure;
    private final Memory memory;
    private final Slot[] slots;
    /** A stack. */
    private final Slot[] free;
    private int freeSlots;
    private boolean ended;

    /** Those that have ended and are not answered, the last one first. */
    private final AtomicReference<Slot> done = new AtomicReference<>();
    /** The thread that sends nothing until {@link #sendWith}, and whether it was to; no other one finds itself here. */
    private Thread gathering;
    private boolean sendsLater;
    /** Those whose answers a batch of requests has, the last one first. */
    private Slot left;
    /** How often it was asked to send since the sender looked last; 0 while nobody sends. */
    private final AtomicInteger asked = new AtomicInteger();
    private final Batch answers;
    private long refused;
    /** For the thread that watches deadlines. */
    private final Batch late = new Batch(1).receiveNothing();
    /** For the data of a single write. Its lock is that of {@link #late} and of {@link #copy}, too. */
    private final Batch bringing = new Batch(1).receiveNothing();
    private boolean silent;

    /**
     * Holds no request yet.
     *
     * @param room the most requests
     * @param maxRequest bytes of the longest read or write
     * @param onFailure called when answers cannot be sent any more
     */
    InFlight(Device device, int room, int maxRequest, Problems problems, Consumer<Throwable> onFailure) {
        this.device = device;
        this.problems = problems;
        this.onFailure = onFailure;
        // Batches and slots take memory only as they are used
        memory = Memory.map((long) room * maxRequest);
        answers = new Batch(room).receiveNothing();
        slots = new Slot[room];
        free = new Slot[room];
        for (int i = 0; i < room; i++) {
            long start = (long) i * maxRequest;
            slots[i] = new Slot(this, memory.buffer(start, maxRequest), memory.address() + start);
            free[room - 1 - i] = slots[i];
        }
        freeSlots = room;
    }

    synchronized boolean hasFree() {
        return freeSlots > 0;
    }

    /** Waits until there is a free slot, and returns how many there are; 0 after {@link #end}. */
    synchronized int awaitFree() {
        while (freeSlots == 0 && !ended) {
            try {
                wait();
            } catch (InterruptedException e) {
                // Only a backend can interrupt this thread, and what it has under way must be answered all the same
            }
        }
        return ended ? 0 : freeSlots;
    }

    /** Waits until all slots are free, or until there is a reason to give up. */
    void awaitAll(BooleanSupplier giveUp) {
        awaitAll(giveUp, Long.MAX_VALUE);
    }

    /** Waits so many milliseconds at most until all slots are free, and returns whether they are. */
    boolean awaitAll(long milliseconds) {
        return awaitAll(() -> false, milliseconds);
    }

    private synchronized boolean awaitAll(BooleanSupplier giveUp, long milliseconds) {
        long start = System.nanoTime();
        boolean interrupted = false;
        while (freeSlots < slots.length && !giveUp.getAsBoolean()) {
            long left = milliseconds - (System.nanoTime() - start) / 1_000_000;
            if (left <= 0) {
                break;
            }
            try {
                wait(left);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return freeSlots == slots.length;
    }

    /** Makes the waits look again; there will be no more free slots. */
    synchronized void end() {
        ended = true;
        notifyAll();
    }

    /** A free slot. */
    synchronized Slot take() {
        return free[--freeSlots];
    }

    /** Takes back a slot whose request was not begun. */
    synchronized void giveBack(Slot slot) {
        free[freeSlots++] = slot;
    }

    /** Brings the data of a write into its slot. */
    void bring(Slot slot) {
        synchronized (bringing) {
            if (silent) {
                throw new UncheckedIOException(new IOException("the server has ended"));
            }
            long stale = bringing.stale();
            long refusals = bringing.refused();
            bringing.copy(0, slot.id, slot.address);
            try {
                // Again if the request is just busy
                do {
                    device.transfer(bringing);
                } while (bringing.answers() > 0 && bringing.stale() == stale && bringing.refused() == refusals);
            } catch (DeviceException e) {
                throw new UncheckedIOException(e);
            } finally {
                // Whoever asked for the data fails the request
                bringing.forget();
            }
            if (bringing.stale() != stale) {
                // Others have the request, which is nobody's fault
                throw new UncheckedIOException(new BackendException(Failure.IO, null));
            }
            if (bringing.refused() != refusals) {
                throw new UncheckedIOException(new IOException(UNREACHABLE));
            }
        }
    }

    /** Has the kernel copy the data of writes. It takes no answer of these meanwhile, not even that of a deadline. */
    void copy(Batch copies) throws DeviceException {
        synchronized (bringing) {
            while (copies.answers() > 0) {
                device.transfer(copies);
            }
        }
    }

    /** Has a request that has ended answered by the next {@link #send}. */
    void add(Slot slot) {
        Slot last;
        do {
            last = done.get();
            slot.next = last;
        } while (!done.compareAndSet(last, slot));
    }

    /** Until {@link #sendWith} the calling thread sends nothing. */
    void gather() {
        gathering = Thread.currentThread();
        sendsLater = false;
    }

    /**
     * Leaves what the calling thread should have sent to its batch, until {@link #sent}; or sends it if there are more than so
     * many, or if the kernel moves bytes itself, for whose end somebody may wait.
     */
    void sendWith(Batch batch, int most) {
        gathering = null;
        if (!sendsLater) {
            return;
        }
        Slot last = done.getAndSet(null);
        if (left == null && mayBeLeft(last, most)) {
            answer(last, batch);
            left = last;
            return;
        }
        while (last != null) {
            Slot before = last.next;
            add(last);
            last = before;
        }
        send();
    }

    private static boolean mayBeLeft(Slot last, int most) {
        int room = most;
        Slot slot = last;
        while (slot != null && slot.moved == null && room > 0) {
            slot = slot.next;
            room--;
        }
        return slot == null;
    }

    /** The batch has been transferred, or never will be. */
    void sent() {
        Slot last = left;
        left = null;
        if (last != null) {
            free(last);
        }
    }

    @Override
    public void send() {
        if (gathering == Thread.currentThread()) {
            sendsLater = true;
            return;
        }
        if (asked.getAndIncrement() != 0) {
            // The thread that sends will look again
            return;
        }
        int seen = 1;
        do {
            try {
                sendAll(done.getAndSet(null));
            } catch (Throwable e) {
                onFailure.accept(e);
            }
            seen = asked.addAndGet(-seen);
        } while (seen != 0);
    }

    private void sendAll(Slot last) throws Exception {
        answer(last, answers);
        try {
            while (answers.answers() > 0) {
                device.transfer(answers);
            }
        } finally {
            answers.forget();
            release(last);
        }
        if (answers.refused() != refused) {
            refused = answers.refused();
            problems.report("the kernel refused the answer of a request");
        }
    }

    private static void answer(Slot last, Batch batch) {
        int i = 0;
        for (Slot slot = last; slot != null; slot = slot.next) {
            if (slot.result != null) {
                batch.answer(i++, slot.id, slot.result, slot.result == Result.OKAY ? slot.answerAddress : 0);
            }
        }
    }

    private void release(Slot last) {
        for (Slot slot = last; slot != null; slot = slot.next) {
            if (slot.moved != null) {
                tellMoved(slot.moved);
            }
        }
        free(last);
    }

    private void tellMoved(Runnable moved) {
        try {
            moved.run();
        } catch (Throwable e) {
            problems.report(e);
        }
    }

    private synchronized void free(Slot last) {
        for (Slot slot = last; slot != null;) {
            Slot before = slot.next;
            slot.next = null;
            slot.free();
            free[freeSlots++] = slot;
            slot = before;
        }
        notifyAll();
    }

    /**
     * Fails requests whose deadline has passed.
     *
     * @param onExpired told of each
     * @param stuck a request under way for so many nanoseconds is stuck
     * @return whether one is
     */
    boolean look(long now, Consumer<AsyncRequest> onExpired, long stuck) {
        boolean found = false;
        for (Slot slot : slots) {
            found |= slot.isOlder(stuck, now);
            if (slot.expire(now)) {
                onExpired.accept(slot);
            }
        }
        return found;
    }

    /** Answers a request whose deadline has passed. */
    boolean expired(long id) {
        // The kernel refuses two answers of one request at a time
        synchronized (bringing) {
            try {
                late.answer(0, id, Result.TIMEOUT, 0);
                while (late.answers() > 0) {
                    device.transfer(late);
                }
            } catch (Throwable e) {
                late.forget();
                onFailure.accept(e);
            }
        }
        return true;
    }

    /** Sends nothing any more, so that the device can be closed. */
    void stopSending() {
        synchronized (bringing) {
            silent = true;
        }
        while (!asked.compareAndSet(0, 1)) {
            Thread.onSpinWait();
        }
    }

    /** After {@link #stopSending}. */
    @Override
    public synchronized void close() {
        answers.close();
        late.close();
        bringing.close();
        // A backend that was left behind may still use the data of a request
        if (freeSlots == slots.length) {
            memory.close();
        }
    }
}
