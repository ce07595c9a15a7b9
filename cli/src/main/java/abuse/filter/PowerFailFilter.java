// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Failure;
import abuse.libc.Memory;
import abuse.libc.Unix;
import java.io.IOException;
import java.util.List;

/**
 * A write cache that loses what it holds when the power fails. A write is answered once it is in the cache; a thread of
 * the filter writes it to the backend at a flush, or when the cache is full.
 */
final class PowerFailFilter extends Filter {
    private static final long DEFAULT_CACHE = 16 << 20;
    private static final int SECTOR = 512;
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
                    + " the power never fails. Discards and writes of zeroes are not cached. When the server is stopped, the cache is"
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

    private enum State { ON, CUTTING, OFF }

    private final String fate;
    private final long off;
    private final long cacheSize;
    private final boolean flushes;
    private final boolean writesFua;
    /** Whether anything was given that picks requests. */
    private final boolean cuts;
    private final Journal journal;

    private AsyncBackend inner;
    private int blockSize;
    private WriteCache cache;
    private long[] sorted;
    private int[] versions;
    /** For the thread that writes back. */
    private Memory buffer;
    private State state = State.ON;
    private long cutAt;
    /** Reads under way, in two generations: those of the older one may have missed in the backend what was written back. */
    private final int[] reads = new int[2];
    private int generation;

    /** Those that the thread has to do, linked by {@link FilteredRequest#next}. */
    private FilteredRequest first;
    private FilteredRequest last;
    private Thread thread;
    /** Whether the cache is gone, though the backend may still end what was abandoned. */
    private boolean unmapped;
    private boolean closed;

    private PowerFailFilter(Settings settings) throws IOException {
        super(settings);
        fate = settings.word("fate", "lost");
        off = settings.number("off", -1);
        cacheSize = settings.number("cache", DEFAULT_CACHE);
        flushes = settings.word("flush", HONOURED).equals(HONOURED);
        writesFua = settings.word("fua", HONOURED).equals(HONOURED);
        cuts = Selection.KEYS.stream().anyMatch(key -> !key.name().equals("seed") && settings.has(key.name()));
        journal = new Journal(settings);
    }

    @Override
    protected void open(Surroundings surroundings) {
        inner = surroundings.inner();
        journal.open(surroundings);
        blockSize = surroundings.geometry().blockSize();
        int longest = surroundings.geometry().maxRequest();
        // The longest write must find room when all else is written back
        int places = (int) Math.min(1 << 28, Math.max(cacheSize, 2L * longest) / blockSize);
        cache = new WriteCache(blockSize, places);
        sorted = new long[places];
        versions = new int[longest / blockSize];
        buffer = Memory.map(longest);
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
            if (cuts && state == State.ON && selection().picks(request)) {
                state = State.CUTTING;
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
            if (state == State.OFF && isPowerBack()) {
                state = State.ON;
            }
            if (state == State.CUTTING) {
                add(request);
                return;
            }
            if (state == State.OFF) {
                failure = Failure.IO;
            } else {
                switch (request.kind()) {
                    case READ -> {
                        request.note(generation);
                        reads[generation]++;
                        passes = true;
                    }
                    case WRITE -> {
                        if (request.fua() && writesFua || !store(request)) {
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
        if (request.kind() != Kind.READ) {
            return;
        }
        synchronized (this) {
            if (unmapped) {
                return;
            }
            if (request.failure() == null) {
                long block = request.offset() / blockSize;
                long end = request.offset() + request.length();
                for (; block * blockSize < end; block++) {
                    int place = cache.find(block);
                    if (place >= 0) {
                        Memory.copy(cache.address(place), request.address() + block * blockSize - request.offset(), blockSize);
                    }
                }
            }
            int mine = (int) request.note();
            if (--reads[mine] == 0 && mine != generation && cache.retired() > 0) {
                cache.dropRetired();
                notifyAll();
            }
        }
    }

    private boolean isPowerBack() {
        return off >= 0 ? System.nanoTime() - cutAt >= off : selection().hasTrigger() && !selection().isOpen();
    }

    private boolean store(FilteredRequest request) {
        long block = request.offset() / blockSize;
        long count = request.length() / blockSize;
        if (!cache.hasRoom(block, count)) {
            return false;
        }
        long from = request.address();
        for (long i = 0; i < count; i++) {
            cache.write(block + i, from + i * blockSize);
        }
        return true;
    }

    private void add(FilteredRequest request) {
        if (thread == null) {
            var starting = new Thread(this::run, "powerfail");
            starting.setDaemon(true);
            starting.start();
            thread = starting;
        }
        request.next = null;
        if (last == null) {
            first = request;
        } else {
            last.next = request;
        }
        last = request;
        notifyAll();
    }

    private void run() {
        // As a worker does
        Unix.becomeIoFlusher();
        for (FilteredRequest request = next(); request != null; request = next()) {
            try {
                if (isCutting()) {
                    cut();
                }
                carryOut(request);
            } catch (Throwable e) {
                request.fail(Failure.IO, FilteredBackend.words(e));
            }
        }
    }

    private synchronized FilteredRequest next() {
        while (first == null && !closed) {
            try {
                wait();
            } catch (InterruptedException e) {
                // Nobody has a reason to
            }
        }
        FilteredRequest request = first;
        if (request != null) {
            first = request.next;
            last = first == null ? null : last;
            request.next = null;
        }
        return request;
    }

    private synchronized boolean isCutting() {
        return state == State.CUTTING;
    }

    /** Does what only this filter's thread does; everything else was only kept while the power failed. */
    private void carryOut(FilteredRequest request) throws IOException {
        boolean write = request.kind() == Kind.WRITE;
        boolean ours;
        synchronized (this) {
            if (state == State.OFF && isPowerBack()) {
                state = State.ON;
            }
            ours = state == State.ON && request.kind() != Kind.READ && (request.kind() != Kind.FLUSH || flushes);
        }
        if (!ours) {
            admit(request, false);
        } else if (write) {
            makeRoom(request);
            if (request.fua() && writesFua) {
                writeBack(request.offset() / blockSize, (request.offset() + request.length()) / blockSize);
                inner.flush();
            }
            request.complete();
        } else if (request.kind() == Kind.FLUSH) {
            writeBack(0, Long.MAX_VALUE);
            request.resume();
        } else {
            synchronized (this) {
                for (long i = 0; i < request.length() / blockSize && cache.freePlaces() < sorted.length; i++) {
                    cache.drop(request.offset() / blockSize + i);
                }
            }
            request.resume();
        }
    }

    /** Puts a write into the cache. */
    private void makeRoom(FilteredRequest request) throws IOException {
        while (true) {
            synchronized (this) {
                if (store(request)) {
                    return;
                }
            }
            writeBack(0, Long.MAX_VALUE);
            synchronized (this) {
                if (!cache.hasRoom(request.offset() / blockSize, request.length() / blockSize)) {
                    // For reads, which end soon
                    pause();
                }
            }
        }
    }

    private void pause() {
        try {
            wait(1);
        } catch (InterruptedException e) {
            // Nobody has a reason to
        }
    }

    /** Writes the dirty blocks of a range to the backend, those that are neighbours together. */
    private void writeBack(long from, long to) throws IOException {
        int n;
        synchronized (this) {
            n = cache.dirtyBlocks(from, to, sorted);
        }
        for (int i = 0; i < n;) {
            int count = 0;
            synchronized (this) {
                do {
                    int place = cache.find(sorted[i + count]);
                    versions[count] = cache.version(place);
                    Memory.copy(cache.address(place), buffer.address() + (long) count * blockSize, blockSize);
                    count++;
                } while (count < versions.length && i + count < n && sorted[i + count] == sorted[i] + count);
            }
            inner.write(sorted[i] * blockSize, buffer.buffer(0, count * blockSize));
            synchronized (this) {
                for (int j = 0; j < count; j++) {
                    cache.written(sorted[i] + j, versions[j]);
                }
            }
            i += count;
        }
        retire();
    }

    /** Forgets what the backend has, at once or when the reads have ended that may have missed it there. */
    private synchronized void retire() {
        if (cache.retired() == 0 && reads[1 - generation] == 0) {
            cache.retire();
            int older = generation;
            generation = 1 - generation;
            if (reads[older] == 0) {
                cache.dropRetired();
            }
        }
    }

    /** The power fails. */
    private void cut() throws IOException {
        int n;
        synchronized (this) {
            n = cache.dirtyBlocks(0, Long.MAX_VALUE, sorted);
        }
        int[] fates = new int[3];
        try {
            for (int i = 0; i < n; i++) {
                fates[settle(sorted[i])]++;
            }
            inner.flush();
        } finally {
            synchronized (this) {
                cache.clear();
                cutAt = System.nanoTime();
                state = State.OFF;
            }
        }
        synchronized (journal) {
            journal.put("powerfail: lost=").put(fates[0]).put(" kept=").put(fates[1]).put(" torn=").put(fates[2]).end();
        }
    }

    /** Decides what happens to a block, and does it: 0 if it is lost, 1 if it is kept, 2 if it is torn. */
    private int settle(long block) throws IOException {
        long drawn = selection().draw();
        int sectors = blockSize / SECTOR;
        int how = switch (fate) {
            case "lost" -> 0;
            case "kept" -> 1;
            case "reordered" -> (int) (drawn & 1);
            default -> (int) Long.remainderUnsigned(drawn >>> 1, sectors > 1 ? 3 : 2);
        };
        if (how == 0) {
            return how;
        }
        if (how == 2) {
            inner.read(block * blockSize, buffer.buffer(0, blockSize));
        }
        long kept = how == 1 ? blockSize : SECTOR * (1 + Long.remainderUnsigned(drawn >>> 8, sectors - 1));
        synchronized (this) {
            Memory.copy(cache.address(cache.find(block)), buffer.address(), kept);
        }
        inner.write(block * blockSize, buffer.buffer(0, blockSize));
        return how;
    }

    @Override
    public void close() throws IOException {
        Thread running;
        synchronized (this) {
            closed = true;
            running = thread;
            notifyAll();
        }
        boolean interrupted = false;
        while (running != null && running.isAlive()) {
            try {
                running.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        try {
            if (cache != null) {
                if (cache.dirty() > 0) {
                    writeBack(0, Long.MAX_VALUE);
                    inner.flush();
                }
                synchronized (this) {
                    unmapped = true;
                    cache.close();
                }
                buffer.close();
            }
        } finally {
            journal.close();
            super.close();
        }
    }
}
