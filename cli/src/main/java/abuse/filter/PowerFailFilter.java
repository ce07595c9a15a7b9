// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Failure;
import abuse.libc.Unix;
import java.io.IOException;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * A write cache that loses what it holds when the power fails. A write is answered once it is in the cache; a thread of
 * the filter writes it to the backend at a flush, or when the cache is full.
 */
final class PowerFailFilter extends Filter {
    private static final long DEFAULT_CACHE = 16 << 20;
    /** How long it waits at the end for the next answer of the storage, which may be slow. */
    private static final long MOST_SILENCE_MS = 30_000;
    /** How long whoever changes the filters waits for it. */
    private static final long MOST_WAIT_MS = 10_000;
    private static final String HONOURED = "honoured";
    private static final String IGNORED = "ignored";

    /** powerfail. */
    public static final class Factory implements FilterFactory {
        @Override
        public String name() {
            return "powerfail";
        }

        @Override
        public String help() {
            return "A volatile write cache. The first request that its keys pick cuts the power: what was written since the last flush"
                    + " meets its fate, and all requests fail with EIO until the power is back. Without keys that pick requests"
                    + " the power never fails. Discards and writes of zeroes are not cached. What a full cache has to write back"
                    + " before a flush is kept, whatever the fate of the rest. When the server is stopped, the cache is"
                    + " written back; when it is killed, that is a power failure, too.";
        }

        @Override
        public List<Key> keys() {
            return List.of(Key.word("fate", List.of("lost", "kept", "reordered", "torn"), "what happens to blocks that were written and"
                            + " not flushed: all are lost; all are kept; some are kept by chance, no matter which was written"
                            + " first; or as with reordered, but of some only the first sectors are kept; a line says how many blocks"
                            + " were lost, kept and torn"),
                    new Key("off", Key.Kind.TIME, "for ever, or until the file of when is gone", "for how long the power is off; with 0 the"
                            + " disk only loses data"),
                    new Key("cache", Key.Kind.SIZE, "16M", "how much the cache holds"),
                    Key.word("flush", List.of(HONOURED, IGNORED), "what becomes of flushes; one that is ignored is answered, and nothing"
                            + " is written back, as by a disk that lies"),
                    Key.word("fua", List.of(HONOURED, IGNORED), "what becomes of FUA; if it is ignored, the write is answered once it is in the"
                            + " cache"),
                    Journal.FILE);
        }

        @Override
        public Filter make(Settings settings) throws IOException {
            return new PowerFailFilter(settings);
        }
    }

    private final String fate;
    private final long cacheSize;
    private final boolean flushes;
    private final boolean writesFua;
    /** Whether anything was given that picks requests. */
    private final boolean cuts;
    private final Journal journal;
    private final Power power;

    private int blockSize;
    private int places;
    private WriteCache cache;
    private Consumer<String> administrator;
    /** For the thread that writes back. */
    private WriteBack storage;

    /** Those that the thread has to do. */
    private final RequestQueue waiting = new RequestQueue();
    /** How often the thread was told to write back all that there is, how often it has tried, and why it could not. */
    private int emptyings;
    private int emptied;
    private IOException trouble;
    /** A discard or zeroes, for whose end the thread waits, as what it writes back meanwhile could come later. */
    private FilteredRequest sweep;
    private Thread thread;
    /** Whether the cache is gone, though the backend may still end what was abandoned. */
    private boolean unmapped;
    private boolean closed;

    private PowerFailFilter(Settings settings) throws IOException {
        super(settings);
        fate = settings.word("fate", "lost");
        power = new Power(selection(), settings.number("off", -1));
        cacheSize = settings.number("cache", DEFAULT_CACHE);
        flushes = settings.word("flush", HONOURED).equals(HONOURED);
        writesFua = settings.word("fua", HONOURED).equals(HONOURED);
        cuts = Selection.KEYS.stream().anyMatch(key -> !key.name().equals("seed") && settings.has(key.name()));
        journal = new Journal(settings);
    }

    @Override
    protected void open(Surroundings surroundings) {
        administrator = surroundings.administrator();
        journal.open(surroundings);
        blockSize = surroundings.geometry().blockSize();
        int longest = surroundings.geometry().maxRequest();
        // The longest write must find room when all else is written back
        places = (int) Math.min(1 << 28, Math.max(cacheSize, 2L * longest) / blockSize);
        cache = new WriteCache(blockSize, places);
        storage = new WriteBack(surroundings.inner(), this, cache, blockSize, places, longest);
    }

    @Override
    protected boolean takes(FilteredRequest request) {
        return true;
    }

    @Override
    protected boolean keepsState() {
        return true;
    }

    @Override
    protected void take(FilteredRequest request) {
        synchronized (this) {
            if (cuts && power.isOn() && selection().picks(request)) {
                power.cut();
            }
        }
        admit(request, true);
    }

    /**
     * Begins a request, unless the power is off.
     *
     * @param here whether the calling thread has come with it, and sends its answer later
     */
    private void admit(FilteredRequest request, boolean here) {
        boolean passes = false;
        Failure failure = null;
        synchronized (this) {
            if (power.isCutting()) {
                add(request);
                return;
            }
            if (power.isOff()) {
                failure = Failure.IO;
            } else {
                switch (request.kind()) {
                    case READ -> {
                        request.note(cache.beginRead());
                        passes = true;
                    }
                    case WRITE -> {
                        if (request.fua() && writesFua || !cache.store(request)) {
                            add(request);
                            return;
                        }
                    }
                    case FLUSH -> {
                        if (flushes) {
                            add(request);
                            return;
                        }
                    }
                    default -> {
                        add(request);
                        return;
                    }
                }
            }
        }
        if (failure != null) {
            request.fail(failure, null);
        } else if (passes) {
            if (here) {
                request.pass();
            } else {
                request.resume();
            }
        } else if (here) {
            request.completeSoon();
        } else {
            request.complete();
        }
    }

    @Override
    protected void answered(FilteredRequest request) {
        synchronized (this) {
            if (unmapped || request.kind() == Kind.FLUSH) {
                return;
            }
            if (request.kind() == Kind.READ) {
                if (request.failure() == null) {
                    cache.putInto(request);
                }
                if (cache.endRead((int) request.note())) {
                    notifyAll();
                }
                return;
            }
            if (request.failure() == null) {
                long block = request.offset() / blockSize;
                cache.zero(block, block + request.length() / blockSize, request.note());
            }
            sweep = null;
            notifyAll();
        }
    }

    private void add(FilteredRequest request) {
        startThread();
        waiting.add(request);
        notifyAll();
    }

    private void startThread() {
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
            synchronized (this) {
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
            storage.until(request == null ? Long.MAX_VALUE : request.deadline());
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

    /** Does what only this filter's thread does; everything else was only kept while the power failed. */
    private void carryOut(FilteredRequest request) throws IOException {
        boolean write = request.kind() == Kind.WRITE;
        boolean ours;
        synchronized (this) {
            ours = power.isOn() && request.kind() != Kind.READ && (request.kind() != Kind.FLUSH || flushes);
        }
        if (!ours) {
            admit(request, false);
        } else if (write) {
            makeRoom(request);
            if (request.fua() && writesFua) {
                storage.write(request.offset() / blockSize, (request.offset() + request.length()) / blockSize);
                retire();
                storage.flush();
            }
            request.complete();
        } else if (request.kind() == Kind.FLUSH) {
            storage.write(0, Long.MAX_VALUE);
            retire();
            request.resume();
        } else {
            sweep(request);
        }
    }

    /** Lets a discard or zeroes go on; what was written before is forgotten only if it ends well. */
    private void sweep(FilteredRequest request) {
        synchronized (this) {
            request.note(cache.latest());
            sweep = request;
        }
        request.resume();
        synchronized (this) {
            while (sweep != null && !closed) {
                pause(0);
            }
        }
        retire();
    }

    /** Puts a write into the cache. */
    private void makeRoom(FilteredRequest request) throws IOException {
        while (true) {
            synchronized (this) {
                if (cache.store(request)) {
                    return;
                }
            }
            storage.write(0, Long.MAX_VALUE);
            retire();
            synchronized (this) {
                if (closed) {
                    throw new IOException("the server has ended");
                }
                if (!cache.hasRoom(request.offset() / blockSize, request.length() / blockSize)) {
                    // For reads, which end soon
                    pause(1);
                }
            }
        }
    }

    /** Waits for something to happen; 0 for no limit. */
    private void pause(long milliseconds) {
        try {
            wait(milliseconds);
        } catch (InterruptedException e) {
            // Nobody has a reason to
        }
    }

    private synchronized void retire() {
        cache.retire();
    }

    /** Cuts the power by hand, and returns when it is off. */
    synchronized void cut() throws IOException {
        if (!power.isOn() || closed) {
            throw new IOException(closed ? "the server ends" : "the power is off already");
        }
        power.cut();
        awaitThread(power::isCutting);
    }

    /** What it holds is written back, and the power stays on. */
    @Override
    protected synchronized void leave() throws IOException {
        // An earlier order, which nobody waits for any more, may have missed what was written since
        int order = ++emptyings;
        awaitThread(() -> emptied - order < 0);
        if (trouble != null) {
            throw trouble;
        }
        if (cache.dirty() > 0) {
            throw new IOException(closed ? "the server ends" : cache.dirty() + " blocks were written meanwhile; try again");
        }
    }

    /** Waits for what the thread was told to do. */
    private void awaitThread(BooleanSupplier busy) throws IOException {
        startThread();
        notifyAll();
        long end = System.nanoTime() + MOST_WAIT_MS * 1_000_000;
        while (busy.getAsBoolean() && !closed) {
            long left = (end - System.nanoTime()) / 1_000_000;
            if (left <= 0) {
                throw new IOException("the storage has not answered for " + MOST_WAIT_MS / 1000 + " seconds");
            }
            pause(left);
        }
    }

    private void empty(int order) {
        IOException failure = null;
        try {
            storage.write(0, Long.MAX_VALUE);
            retire();
            storage.flush();
        } catch (Throwable e) {
            failure = e instanceof IOException known ? known : new IOException(FilteredBackend.words(e), e);
        } finally {
            synchronized (this) {
                emptied = order;
                trouble = failure;
                notifyAll();
            }
        }
    }

    /** The power fails. */
    private void cutNow() throws IOException {
        int[] fates;
        try {
            fates = storage.settle(fate, selection());
        } finally {
            synchronized (this) {
                cache.clear();
                power.goOff();
                notifyAll();
            }
        }
        synchronized (journal) {
            journal.put("powerfail: lost=").put(fates[0]).put(" kept=").put(fates[1]).put(" torn=").put(fates[2]).end();
        }
    }

    @Override
    public void close() throws IOException {
        Thread running;
        synchronized (this) {
            closed = true;
            running = thread;
            notifyAll();
        }
        try {
            if (storage != null) {
                storage.awaitEnd(running, MOST_SILENCE_MS);
                end();
            } else if (cache != null) {
                cache.close();
            }
        } finally {
            journal.close();
            super.close();
        }
    }

    /** Writes back what is left, unless others may have written it since, and gives up the memory. */
    private void end() throws IOException {
        try {
            if (!hasLeft() && cache.dirty() > 0) {
                storage.waitAtMost(MOST_SILENCE_MS);
                storage.until(Long.MAX_VALUE);
                storage.write(0, Long.MAX_VALUE);
                storage.flush();
            }
        } catch (IOException e) {
            int lost = cache.dirty();
            throw new IOException("powerfail: " + (lost > 0 ? lost + " blocks were not written back, and are lost: "
                    : "the last blocks were written back, but may be lost, as the flush failed: ") + e.getMessage(), e);
        } finally {
            synchronized (this) {
                unmapped = true;
                cache.close();
            }
            storage.close();
        }
    }
}
