// SPDX-License-Identifier: Apache-2.0
package abuse.cache;

import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.Backend;
import abuse.backend.BackendException;
import abuse.backend.Failure;
import abuse.backend.Geometry;
import abuse.backend.Mapper;
import abuse.libc.Memory;
import abuse.libc.Threads;
import abuse.libc.Unix;
import java.io.IOException;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * A backend behind a cache of pieces of the disk. What is read is kept, and mapped, so that the kernel itself reads it from
 * then on; what is written goes to the backend, then to the piece, and then it is answered. A cache that fails is given up,
 * and the disk goes on without it.
 */
public final class CachedBackend implements AsyncBackend {
    private static final int MOST_THREADS = 16;
    /** The most pieces that are dropped at a time. */
    private static final int DROP_BATCH = 4096;
    /** How long a backend that answers later may take at the end, for requests that nobody waits for. */
    private static final long LEAVE_MS = 1000;

    private final Base base;
    private final CachePlace where;
    private final Store store;
    private final int piece;
    private final int maxRequest;
    private final Jobs jobs = new Jobs();
    private final List<Thread> threads = new ArrayList<>();
    private FenceWatch watch;
    private final Counters counters = new Counters();
    private Mapper mapper;
    /** What is held; null while there is no cache. */
    private Pieces pieces;
    /** What of it is mapped. Its lock is held while all is given up, too: so nothing is mapped after that. */
    private KernelReads reads;
    private Clock clock;
    private volatile boolean caching;
    /** Nothing is to be kept, as the kernel may still read old bytes somewhere, or the backend may have others. */
    private volatile boolean spoiled;
    private volatile boolean over;
    private volatile long capacity;
    private volatile Consumer<String> administrator = problem -> {};

    /** Takes over a backend of such a disk, which must be mappable. */
    public CachedBackend(Backend backend, CachePlace where, Geometry geometry) {
        this.where = where;
        store = where.open(geometry);
        piece = where.piece();
        maxRequest = geometry.maxRequest();
        base = new Base(backend, maxRequest);
        capacity = geometry.capacity();
    }

    @Override
    public void start(Mapper given) throws IOException {
        mapper = given;
        try {
            Pieces found = store.open(base);
            var kernel = new KernelReads(mapper, store, found, piece, () -> capacity, this::tell);
            clock = new Clock(found, jobs, kernel);
            pieces = found;
            reads = kernel;
            caching = true;
            watch = new FenceWatch(base.backend, this::lose);
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            giveUp(e);
            store.release();
        }
        for (int i = base.threads(MOST_THREADS); i > 0; i--) {
            Memory scratch = Memory.map(maxRequest + 2L * piece);
            var thread = new Thread(() -> run(scratch), "cache " + i);
            thread.setDaemon(true);
            thread.start();
            threads.add(thread);
        }
    }

    /** What there is, and what was done so far, in words. */
    public String counters() {
        return !caching ? "cache " + where + ": was given up"
                : "cache " + where + ": " + pieces.held() + " of " + pieces.places() + " pieces of " + (piece >> 10) + " KiB; " + counters;
    }

    @Override
    public void submit(AsyncRequest request) {
        long first = 1;
        long last = 0;
        if (request.kind() != AsyncRequest.Kind.FLUSH && caching) {
            first = request.offset() / piece;
            last = (request.offset() + request.length() - 1) / piece;
        }
        jobs.add(request, first, last);
    }

    private void run(Memory scratch) {
        // As a worker does
        Unix.becomeIoFlusher();
        for (Job job = jobs.next(); job != null; job = jobs.next()) {
            AsyncRequest request = job.request;
            try {
                carryOut(job, scratch);
            } catch (Base.LeftException e) {
                return;
            } catch (Throwable e) {
                // Others wait for these pieces, and somebody for the answer
                jobs.end(job);
                request.fail(Failure.of(e), e instanceof IOException ? e.getMessage() : e.toString());
                continue;
            }
            jobs.end(job);
            request.complete();
        }
        scratch.close();
    }

    private void carryOut(Job job, Memory scratch) throws IOException {
        AsyncRequest request = job.request;
        if (request.isLate(System.nanoTime())) {
            // Its users know that already
            throw new BackendException(Failure.TIMEOUT, null);
        }
        if (!caching || request.kind() == AsyncRequest.Kind.FLUSH) {
            base.carryOut(request);
        } else if (request.kind() == AsyncRequest.Kind.READ) {
            read(job, scratch);
        } else if (request.kind() == AsyncRequest.Kind.WRITE) {
            write(job);
        } else {
            change(job);
            drop(job.first, job.last);
        }
    }

    /** Has the backend change these pieces. If that fails, nobody knows what it has now. */
    private void change(Job job) throws IOException {
        try {
            base.carryOut(job.request);
        } catch (Base.LeftException e) {
            spoiled = true;
            throw e;
        } catch (IOException | RuntimeException | Error e) {
            drop(job.first, job.last);
            throw e;
        }
    }

    /** Copies what is held, and fills the rest. */
    private void read(Job job, Memory scratch) throws IOException {
        AsyncRequest request = job.request;
        try {
            for (long number = job.first; number <= job.last; number++) {
                int place = pieces.find(number);
                if (place >= 0) {
                    if (!pieces.isMapped(place)) {
                        counters.again.increment();
                        map(place);
                    }
                    copy(request, number, place);
                } else {
                    number = fill(request, number, job.last, scratch);
                }
            }
        } catch (StoreException e) {
            lose(e.getCause());
            request.data().clear().limit((int) request.length()).order(ByteOrder.BIG_ENDIAN);
            base.carryOut(request);
        }
    }

    /** Reads the pieces from one on that are not held, and keeps them; the last one that it has read. */
    private long fill(AsyncRequest request, long first, long most, Memory scratch) throws IOException {
        long last = first;
        while (last < most && pieces.find(last + 1) < 0) {
            last++;
        }
        long start = first * piece;
        // The end of the disk may be no whole piece; such a one is not kept
        long end = Math.min((last + 1) * piece, capacity);
        long from = Math.max(start, request.offset());
        int length = (int) (Math.min(end, request.offset() + request.length()) - from);
        counters.misses.add(last - first + 1);
        try {
            base.read(start, scratch.buffer(0, (int) (end - start)));
        } catch (IOException e) {
            if (length == end - start || request.isLate(System.nanoTime())) {
                throw e;
            }
            // Only what was asked for matters
            base.read(from, request.data().slice((int) (from - request.offset()), length));
            return last;
        }
        Memory.copy(scratch.address() + from - start, request.address() + from - request.offset(), length);
        for (long number = first; number <= last && (number + 1) * piece <= end && caching; number++) {
            int place = -1;
            try {
                place = clock.placeFor(number, counters);
            } catch (IOException e) {
                giveUp(e);
            }
            if (place < 0) {
                continue;
            }
            try {
                store.write(place, 0, scratch.address() + (number - first) * piece, piece);
            } catch (IOException e) {
                pieces.give(place);
                lose(e);
                return last;
            }
            pieces.put(place, number);
            map(place);
            counters.filled.increment();
        }
        return last;
    }

    private void copy(AsyncRequest request, long number, int place) throws StoreException {
        if (!caching) {
            throw new StoreException(new IOException("it was given up"));
        }
        long from = Math.max(number * piece, request.offset());
        int length = (int) (Math.min((number + 1) * piece, request.offset() + request.length()) - from);
        try {
            store.read(place, (int) (from - number * piece), request.address() + from - request.offset(), length);
        } catch (IOException e) {
            throw new StoreException(e);
        }
    }

    private void write(Job job) throws IOException {
        AsyncRequest request = job.request;
        change(job);
        for (long number = job.first; number <= job.last && caching; number++) {
            int place = pieces.find(number);
            if (place >= 0) {
                long from = Math.max(number * piece, request.offset());
                int length = (int) (Math.min((number + 1) * piece, request.offset() + request.length()) - from);
                try {
                    store.write(place, (int) (from - number * piece), request.address() + from - request.offset(), length);
                } catch (IOException e) {
                    lose(e);
                }
            }
        }
    }

    private void map(int place) {
        synchronized (reads) {
            if (caching) {
                try {
                    reads.map(place);
                } catch (IOException e) {
                    giveUp(e);
                }
            }
        }
    }

    /** Gives up these pieces, before anybody is told that the backend has other bytes. */
    private void drop(long first, long last) throws IOException {
        if (!caching) {
            return;
        }
        try {
            boolean few = last - first < pieces.places();
            long begin = few ? first : 0;
            long end = few ? last : pieces.places() - 1;
            int[] places = new int[(int) Math.min(DROP_BATCH, end - begin + 1)];
            int n = 0;
            for (long i = begin; i <= end; i++) {
                int place = few ? pieces.find(i) : (int) i;
                // Looked at once, because a place of others may change meanwhile
                long number = place < 0 ? -1 : pieces.pieceAt(place);
                if (number >= first && number <= last) {
                    places[n++] = place;
                }
                if (n == places.length || i == end) {
                    drop(places, n);
                    n = 0;
                }
            }
        } catch (IOException | RuntimeException | Error e) {
            lose(e);
            if (caching) {
                throw e;
            }
        }
    }

    private void drop(int[] places, int n) throws IOException {
        reads.unmap(places, n);
        for (int i = 0; i < n; i++) {
            pieces.remove(places[i]);
            pieces.give(places[i]);
            counters.dropped.increment();
        }
    }

    /** Goes on without the cache, as nobody may ever read what it has. */
    private void lose(Throwable cause) {
        spoiled = true;
        giveUp(cause);
    }

    /** Goes on without the cache, unless all ends: then it is only the disk that is gone. */
    private void giveUp(Throwable cause) {
        if (reads != null) {
            synchronized (reads) {
                if (over || !caching) {
                    return;
                }
                try {
                    reads.unmapAll();
                } catch (IOException | RuntimeException | OutOfMemoryError e) {
                    // There is nobody any more who could read
                }
                caching = false;
                reads.giveUp();
            }
        }
        if (!over) {
            tell("cache " + where + ": " + cause.getMessage() + "; the disk goes on without it");
        }
    }

    private void tell(String problem) {
        administrator.accept(problem);
    }

    @Override
    public void limitTo(long nanoseconds) {
        base.limitTo(nanoseconds);
    }

    @Override
    public void abandon() {
        end();
        if (base.async != null) {
            base.async.abandon();
        }
    }

    private void end() {
        over = true;
        if (reads != null) {
            reads.end();
        }
    }

    @Override
    public void tellProblemsTo(Consumer<String> listener) {
        administrator = listener;
        if (base.async != null) {
            base.async.tellProblemsTo(listener);
        }
    }

    @Override
    public long size() {
        return base.backend.size();
    }

    @Override
    public void grow(long bytes) throws IOException {
        base.backend.grow(bytes);
        capacity = bytes;
    }

    /** Another server would not know what is in the cache, and change the backend past it. */
    @Override
    public String identity() {
        return null;
    }

    @Override
    public void close() throws IOException {
        boolean abandoned = over;
        end();
        if (watch != null) {
            watch.close();
        }
        jobs.close();
        if (abandoned || base.isBusy()) {
            // Nobody waits for these requests any more
            abandon();
        }
        // One that unmaps, or waits for the store, comes to its end
        while (base.async != null && !awaitThreads() && !base.isLeft()) {
            if (base.isBusy()) {
                tell("the backend does not answer, so its requests are left behind");
                base.leave();
            }
        }
        threads.forEach(Threads::join);
        try {
            if (caching) {
                unmapAtTheEnd();
            }
            if (caching && !spoiled) {
                store.keep(pieces, base);
            }
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            tell("cache " + where + ": " + e.getMessage() + "; the next server begins with an empty one");
        } finally {
            store.close();
            if (pieces != null) {
                pieces.close();
            }
            base.backend.close();
        }
    }

    private boolean awaitThreads() {
        long end = System.nanoTime() + LEAVE_MS * 1_000_000;
        return threads.stream().allMatch(thread -> Threads.join(thread, Math.max(1, (end - System.nanoTime()) / 1_000_000)));
    }

    private void unmapAtTheEnd() throws IOException {
        try {
            mapper.unmap(0, capacity);
        } catch (IOException e) {
            // The disk is gone, and the kernel lets go of the store; and whoever serves it next unmaps what a cache has left
            return;
        }
        store.claim();
    }

    /** The store has failed, and not the backend. */
    private static final class StoreException extends IOException {
        private static final long serialVersionUID = 1;

        StoreException(IOException cause) {
            super(cause);
        }
    }
}
