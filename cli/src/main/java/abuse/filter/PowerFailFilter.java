// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Failure;
import java.io.IOException;
import java.util.List;

/**
 * A write cache that loses what it holds when the power fails. A write is answered once it is in the cache;
 * {@link PowerFailThread} does what takes the storage behind it. The lock of this object is that of all that is in memory.
 */
final class PowerFailFilter extends Filter {
    private static final long DEFAULT_CACHE = 16 << 20;
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
            return "A volatile write cache. The first request that its keys pick cuts the power, and fails. This happens once. With"
                    + " when, it can happen again after the file was removed and a request has come while it was not there."
                    + " What was written since the last flush meets its fate, and all requests fail with EIO until the power is back. Without keys that pick requests"
                    + " the power never fails. Discards and writes of zeroes are not cached. What a full cache has to write back"
                    + " before a flush is kept, whatever the fate of the rest. When the server is stopped, the cache is"
                    + " written back; when it is killed, that is a power failure, too.";
        }

        @Override
        public List<Key> keys() {
            return List.of(Key.word("fate", List.of("lost", "kept", "reordered", "torn"), "what happens to blocks that were written and"
                            + " not flushed: all are lost; all are kept; some are kept by chance, no matter which was written"
                            + " first; or as with reordered, but of some only the first sectors are kept; a line says how many blocks"
                            + " were lost, kept and torn; those that cannot be written are lost"),
                    new Key("off", Key.Kind.TIME, "for ever, or until the file of when is gone", "for how long the power is off; with 0 the"
                            + " disk loses data, and only the request that cuts the power, and flushes that are waiting at that moment, fail"),
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
    /** Whether the next request that is picked cuts the power: the first one, and that after one that found the file of the selection gone. */
    private boolean armed = true;

    private int blockSize;
    private WriteCache cache;
    private PowerFailThread thread;
    /** Whether there was a write that only a flush makes durable; a disk with wc=off has none, and never flushes. */
    private boolean flushable;

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
    protected void open(Surroundings surroundings) throws IOException {
        journal.open(surroundings);
        blockSize = surroundings.geometry().blockSize();
        int longest = surroundings.geometry().maxRequest();
        // The longest write must find room when all else is written back
        int places = (int) Math.min(1 << 28, Math.max(cacheSize, 2L * longest) / blockSize);
        cache = new WriteCache(blockSize, places);
        thread = new PowerFailThread(this, cache, power, new WriteBack((Inner) surroundings.inner(), this, cache, blockSize, places, longest),
                blockSize, surroundings.administrator());
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
        if (cuts) {
            synchronized (this) {
                if (isCutBy(request)) {
                    thread.cutAt(request);
                    return;
                }
            }
        }
        admit(request, true);
    }

    private boolean isCutBy(FilteredRequest request) {
        armed |= selection().hasTrigger() && !selection().isOpen();
        boolean cut = power.isOn() && selection().picks(request) && armed;
        armed &= !cut;
        return cut;
    }

    /** A read that the power has failed under begins anew. */
    @Override
    protected void due(FilteredRequest request) {
        admit(request, true);
    }

    /**
     * Begins a request, unless the power is off.
     *
     * @param here whether the calling thread has come with it, and sends its answer later
     */
    void admit(FilteredRequest request, boolean here) {
        boolean passes = false;
        Failure failure = null;
        synchronized (this) {
            if (thread.hasEnded()) {
                // What is abandoned may come later
                return;
            }
            flushable |= request.kind() != Kind.READ && !request.fua();
            if (power.isCutting()) {
                thread.add(request);
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
                        if (isDurable(request) || !cache.store(request)) {
                            thread.add(request);
                            return;
                        }
                    }
                    case FLUSH -> {
                        if (flushes) {
                            thread.add(request);
                            return;
                        }
                    }
                    default -> {
                        thread.add(request);
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
            if (thread.hasEnded() || request.kind() == Kind.FLUSH) {
                return;
            }
            if (request.kind() == Kind.READ) {
                if (request.failure() == null && cache.wasCleared(request.note())) {
                    request.passAgain(0);
                } else if (request.failure() == null) {
                    cache.putInto(request);
                }
                if (cache.endRead(request.note())) {
                    notifyAll();
                }
                return;
            }
            if (request.failure() == null) {
                long block = request.offset() / blockSize;
                cache.zero(block, block + request.length() / blockSize, request.note());
            } else if (request.fua()) {
                thread.flushFailed();
            }
            thread.swept();
        }
    }

    /** Whether a request takes the storage, and is not only one that was kept while the power failed. */
    boolean takesStorage(FilteredRequest request) {
        return power.isOn() && request.kind() != Kind.READ && (request.kind() != Kind.FLUSH || flushes);
    }

    /** Whether a flush of the users is to tell of losses; with the lock. */
    boolean tellsLosses() {
        return flushes && flushable;
    }

    /** Whether a write is to be durable before its end. */
    boolean isDurable(FilteredRequest write) {
        return write.fua() && writesFua;
    }

    /** Lets what was not flushed meet its fate, and counts how many blocks were lost, kept and torn. */
    void settle(WriteBack storage, int[] fates) throws IOException {
        storage.settle(fate, selection(), fates);
    }

    /** Says what became of them. */
    void tell(int[] fates) {
        synchronized (journal) {
            journal.put("powerfail: lost=").put(fates[0]).put(" kept=").put(fates[1]).put(" torn=").put(fates[2]).end();
        }
    }

    /** Cuts the power by hand, and returns when it is off. */
    void cut() throws IOException {
        thread.cut();
    }

    /** What it holds is written back, and the power stays on. */
    @Override
    protected void leave() throws IOException {
        thread.writeBack();
    }

    @Override
    public void close() throws IOException {
        try {
            if (thread != null) {
                thread.close();
            } else if (cache != null) {
                cache.close();
            }
        } finally {
            journal.close();
            super.close();
        }
    }
}
