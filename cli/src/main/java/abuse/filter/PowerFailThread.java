// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Failure;
import abuse.libc.Unix;
import java.io.IOException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Does for {@link PowerFailFilter} what takes storage, in a thread that is there from the first such request on: flushes, FUA,
 * discards, writes for which the cache has no room, and cuts. The lock is that of the filter.
 */
final class PowerFailThread implements AutoCloseable {
    /** How long it waits at the end for the next answer of the storage, which may be slow. */
    private static final long MOST_SILENCE_MS = 30_000;
    /** How long whoever changes the filters waits for it. */
    private static final long MOST_WAIT_MS = 10_000;
    /** The note of a request at which the power fails. */
    private static final long CUTS = -1;

    private final PowerFailFilter filter;
    private final WriteCache cache;
    private final Power power;
    private final WriteBack storage;
    private final int blockSize;
    private final Consumer<String> administrator;

    /** Those that it has to do. */
    private final RequestQueue waiting = new RequestQueue();
    /** How often it was told to write back all that there is, how often it has tried, and why it could not. */
    private int emptyings;
    private int emptied;
    private IOException trouble;
    /** Whether a flush of its own has failed, which may have been all that tells of lost writes, and no flush of the users has since. */
    private boolean untold;
    /** A discard or zeroes, for whose end it waits, as what it writes back meanwhile could come later. */
    private FilteredRequest sweep;
    private Thread thread;
    /** Whether the cache is gone, though the backend may still end what was abandoned. */
    private boolean ended;
    private boolean closed;

    PowerFailThread(PowerFailFilter filter, WriteCache cache, Power power, WriteBack storage, int blockSize,
            Consumer<String> administrator) {
        this.filter = filter;
        this.cache = cache;
        this.power = power;
        this.storage = storage;
        this.blockSize = blockSize;
        this.administrator = administrator;
    }

    /** Gives it something to do; with the lock. */
    void add(FilteredRequest request) {
        if (closed) {
            // What is abandoned may come later
            return;
        }
        start();
        // A discard does not take away what is written while it waits
        add(request, request.kind() == Kind.FLUSH ? power.cuts() : cache.latest());
    }

    /** Cuts the power at a request, which fails; with the lock. */
    void cutAt(FilteredRequest request) {
        if (closed) {
            return;
        }
        start();
        power.cut();
        add(request, CUTS);
    }

    private void add(FilteredRequest request, long note) {
        request.note(note);
        waiting.add(request);
        filter.notifyAll();
    }

    /** Whether the power fails at it, or it is a flush that has come before, and would promise what is lost; with the lock. */
    private boolean isCutOff(FilteredRequest request) {
        return request.note() == CUTS || request.kind() == Kind.FLUSH && request.note() != power.cuts();
    }

    /** The discard or the zeroes that it waits for have ended; with the lock. */
    void swept() {
        sweep = null;
        filter.notifyAll();
    }

    /** Whether there is no cache any more; with the lock. */
    boolean hasEnded() {
        return ended;
    }

    private void start() {
        if (thread == null) {
            var starting = new Thread(this::run, "powerfail");
            starting.setDaemon(true);
            starting.start();
            thread = starting;
        }
    }

    private void run() {
        // As a worker does
        Unix.becomeIoFlusher();
        while (true) {
            FilteredRequest request;
            boolean cutting;
            int order;
            synchronized (filter) {
                while (waiting.isEmpty() && !power.isCutting() && emptied == emptyings && !closed) {
                    pause(0);
                }
                cutting = power.isCutting();
                order = emptyings;
                request = waiting.poll();
            }
            boolean writing = order != emptied;
            if (request == null && !cutting && !writing) {
                return;
            }
            // A cut and a change of the filters have no deadline
            storage.until(Long.MAX_VALUE);
            try {
                if (cutting) {
                    cutNow();
                }
                if (writing) {
                    empty(order);
                }
            } catch (Throwable e) {
                administrator.accept("powerfail: " + FilteredBackend.words(e));
            }
            if (request != null && !request.isAbandoned()) {
                storage.until(request.deadline());
                try {
                    carryOut(request);
                } catch (Throwable e) {
                    if (!request.isAbandoned()) {
                        request.fail(Failure.IO, FilteredBackend.words(e));
                    }
                }
            }
        }
    }

    private void carryOut(FilteredRequest request) throws IOException {
        boolean ours;
        boolean cutOff;
        synchronized (filter) {
            ours = filter.takesStorage(request);
            cutOff = isCutOff(request);
        }
        // Its users were told, and what they have written since is newer
        if (request.isLate(System.nanoTime())) {
            request.fail(Failure.TIMEOUT, null);
        } else if (cutOff) {
            request.fail(Failure.IO, null);
        } else if (!ours) {
            filter.admit(request, false);
        } else if (request.kind() == Kind.WRITE) {
            if (!makeRoom(request)) {
                request.fail(Failure.TIMEOUT, null);
                return;
            }
            if (filter.isDurable(request)) {
                storage.write(request.offset() / blockSize, (request.offset() + request.length()) / blockSize);
                retire();
                flush();
            }
            request.complete();
        } else if (request.kind() == Kind.FLUSH) {
            tell();
            storage.write(0, Long.MAX_VALUE);
            retire();
            request.resume();
        } else {
            sweep(request);
        }
    }

    /** Makes durable what was written back; whoever waits for it need not be who wrote that. */
    private void flush() throws IOException {
        try {
            storage.flush();
        } catch (Throwable e) {
            synchronized (filter) {
                flushFailed();
            }
            throw e;
        }
    }

    /** A flush has failed that is not the users'; with the lock. */
    void flushFailed() {
        untold |= filter.tellsLosses();
    }

    /** Fails once for a flush that has failed. */
    private void tell() throws IOException {
        synchronized (filter) {
            if (untold) {
                untold = false;
                throw new IOException("powerfail: a flush of its own has failed before, so what was written back may be lost");
            }
        }
    }

    /** Lets a discard or zeroes go on; what was written before is forgotten only if it ends well. */
    private void sweep(FilteredRequest request) {
        synchronized (filter) {
            sweep = request;
        }
        request.resume();
        synchronized (filter) {
            while (sweep != null && !closed) {
                pause(0);
            }
        }
        retire();
    }

    /** Puts a write into the cache, unless it is too late for that: false. */
    private boolean makeRoom(FilteredRequest request) throws IOException {
        while (true) {
            synchronized (filter) {
                boolean late = request.isLate(System.nanoTime());
                if (late || cache.store(request)) {
                    return !late;
                }
            }
            IOException failure = null;
            try {
                storage.write(0, Long.MAX_VALUE);
            } catch (IOException e) {
                // There may be room all the same
                failure = e;
            }
            retire();
            synchronized (filter) {
                if (closed) {
                    throw new IOException("the server has ended");
                }
                if (!cache.hasRoom(request.offset() / blockSize, request.length() / blockSize)) {
                    if (failure != null) {
                        throw failure;
                    }
                    // For reads, which end soon
                    pause(1);
                }
            }
        }
    }

    /** Waits for something to happen, with the lock; 0 for no limit. */
    private void pause(long milliseconds) {
        try {
            filter.wait(milliseconds);
        } catch (InterruptedException e) {
            // Nobody has a reason to
        }
    }

    private void retire() {
        synchronized (filter) {
            cache.retire();
        }
    }

    /** Cuts the power, and returns when it is off. */
    void cut() throws IOException {
        synchronized (filter) {
            if (!power.isOn() || closed) {
                throw new IOException(closed ? "the server ends" : "the power is off already");
            }
            power.cut();
            int answers = storage.answers();
            if (!await(power::isCutting)) {
                throw new IOException("the power is not off after " + MOST_WAIT_MS / 1000 + " seconds: "
                        + (storage.answers() == answers ? "the storage has not answered" : "what is to be kept is still being written")
                        + "; requests wait until it is off");
            }
        }
    }

    /** Writes back all that the cache holds, and returns when that is done. */
    void writeBack() throws IOException {
        synchronized (filter) {
            // An earlier order, which nobody waits for any more, may have missed what was written since
            int order = ++emptyings;
            int answers = storage.answers();
            if (!await(() -> emptied - order < 0)) {
                throw new IOException(storage.answers() == answers ? "the storage has not answered for " + MOST_WAIT_MS / 1000 + " seconds"
                        : "what the cache holds is not written after " + MOST_WAIT_MS / 1000 + " seconds; " + cache.dirty()
                                + " blocks are still to come, so try again");
            }
            if (trouble != null) {
                throw trouble;
            }
            if (untold) {
                throw new IOException("a flush has failed, so what was written back may be lost, and no flush of the disk's users has told"
                        + " them yet; try again after one");
            }
            if (cache.dirty() > 0) {
                throw new IOException(cache.dirty() + " blocks were written meanwhile; try again");
            }
        }
    }

    /** Waits for what the thread was told to do, and returns whether that is done in time; with the lock. */
    private boolean await(BooleanSupplier busy) throws IOException {
        start();
        filter.notifyAll();
        long end = System.nanoTime() + MOST_WAIT_MS * 1_000_000;
        while (busy.getAsBoolean() && !closed) {
            long rest = (end - System.nanoTime()) / 1_000_000;
            if (rest <= 0) {
                return false;
            }
            pause(rest);
        }
        if (busy.getAsBoolean()) {
            throw new IOException("the server ends" + (power.isCutting() ? ", and the power is cut all the same" : ""));
        }
        return true;
    }

    private void empty(int order) {
        IOException failure = null;
        try {
            storage.write(0, Long.MAX_VALUE);
            retire();
            flush();
        } catch (Throwable e) {
            failure = e instanceof IOException known ? known : new IOException(FilteredBackend.words(e), e);
        } finally {
            synchronized (filter) {
                emptied = order;
                trouble = failure;
                filter.notifyAll();
            }
        }
    }

    /** The power fails. */
    private void cutNow() throws IOException {
        var fates = new int[3];
        try {
            filter.settle(storage, fates);
        } finally {
            try {
                // Whoever waits for the cut finds it told
                filter.tell(fates);
            } finally {
                synchronized (filter) {
                    cache.clear();
                    // Whoever flushes after that knows of the cut
                    untold = false;
                    power.goOff();
                    filter.notifyAll();
                }
            }
        }
    }

    @Override
    public void close() throws IOException {
        Thread running;
        synchronized (filter) {
            closed = true;
            running = thread;
            filter.notifyAll();
        }
        storage.endWithin(MOST_SILENCE_MS, () -> administrator.accept("powerfail: the server ends when the storage has taken "
                + dirty() + " blocks, or answers nothing for " + MOST_SILENCE_MS / 1000 + " seconds"));
        storage.awaitEnd(running);
        end();
    }

    private int dirty() {
        synchronized (filter) {
            return cache.dirty();
        }
    }

    /** Writes back what is still to come, unless others may have written it since, and gives up the memory. */
    private void end() throws IOException {
        try {
            if (!filter.hasLeft() && cache.dirty() > 0) {
                storage.until(Long.MAX_VALUE);
                storage.write(0, Long.MAX_VALUE);
                storage.flush();
            }
        } catch (IOException e) {
            int lost = cache.dirty();
            throw new IOException("powerfail: " + (lost > 0 ? lost + " blocks were not written back, and are lost: "
                    : "the last blocks were written back, but may be lost, as the flush failed: ") + e.getMessage(), e);
        } finally {
            synchronized (filter) {
                ended = true;
                cache.close();
            }
            storage.close();
        }
    }
}
