// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AddressedBackend;
import abuse.backend.AsyncRequest.Kind;
import abuse.backend.BackendException;
import abuse.backend.Failure;
import abuse.backend.OneRequest;
import abuse.libc.Memory;
import abuse.libc.Threads;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Brings blocks of a write cache to the storage behind it. One thread at a time, which does not hold the cache's lock. */
final class WriteBack implements AutoCloseable {
    private static final int SECTOR = 512;
    /** Places of the cache that are written into memory with the lock held once. */
    private static final int AT_ONCE = 32;
    /** An end that takes longer is told of. */
    private static final long TELL_MS = 1000;

    private final Inner storage;
    /** Whose lock is that of the cache. */
    private final Object lock;
    private final WriteCache cache;
    private final int blockSize;
    private final long[] sorted;
    private final long[] versions;
    private final Memory buffer;
    /** The same; to make one from an address takes a call from C to Java. */
    private final ByteBuffer data;
    private long deadline = Long.MAX_VALUE;
    private volatile OneRequest underWay;
    private volatile boolean givenUp;
    /** How long it waits for an answer at the end; 0 before. */
    private volatile long limitMs;
    /** When it is told, as a value of the clock, and what is done then; null if that was done. */
    private volatile long tellAt;
    private volatile Runnable tell;
    /** Grows with each answer. */
    private volatile int answers;

    WriteBack(Inner storage, Object lock, WriteCache cache, int blockSize, int places, int longest) {
        this.storage = storage;
        this.lock = lock;
        this.cache = cache;
        this.blockSize = blockSize;
        sorted = new long[places];
        versions = new long[longest / blockSize];
        buffer = Memory.map(longest);
        data = buffer.buffer(0, longest);
    }

    /** From now on it works for a request with this deadline. */
    void until(long end) {
        deadline = end;
    }

    /**
     * From now on it does not wait for an answer of the storage for longer than this.
     *
     * @param whenLong is called once if what is still to be done takes a while
     */
    void endWithin(long milliseconds, Runnable whenLong) {
        tellAt = System.nanoTime() + TELL_MS * 1_000_000;
        tell = whenLong;
        limitMs = milliseconds;
    }

    /** Grows with each answer of the storage. */
    int answers() {
        return answers;
    }

    /** From now on it waits for nothing, and fails. */
    private void giveUp() {
        givenUp = true;
        OneRequest waiting = underWay;
        if (waiting != null) {
            waiting.fail(Failure.TIMEOUT, "the storage did not answer");
        }
    }

    /**
     * Writes the dirty blocks of a range, those that are neighbours together. One that cannot be written keeps no other from
     * being written.
     */
    void write(long from, long to) throws IOException {
        AddressedBackend memory = storage.enter();
        if (memory == null) {
            submit(from, to);
            return;
        }
        try {
            for (int place = 0; place < sorted.length; place += AT_ONCE) {
                synchronized (lock) {
                    cache.writeInto(memory, from, to, place, Math.min(place + AT_ONCE, sorted.length));
                }
            }
        } finally {
            storage.leave();
        }
    }

    private void submit(long from, long to) throws IOException {
        int n;
        synchronized (lock) {
            n = cache.dirtyBlocks(from, to, sorted);
        }
        IOException failure = null;
        for (int i = 0; i < n;) {
            int count = 0;
            synchronized (lock) {
                do {
                    int place = cache.find(sorted[i + count]);
                    versions[count] = cache.version(place);
                    Memory.copy(cache.address(place), buffer.address() + (long) count * blockSize, blockSize);
                    count++;
                } while (count < versions.length && i + count < n && sorted[i + count] == sorted[i] + count);
            }
            try {
                carryOut(Kind.WRITE, sorted[i] * blockSize, data.slice(0, count * blockSize));
                synchronized (lock) {
                    for (int j = 0; j < count; j++) {
                        cache.written(sorted[i] + j, versions[j]);
                    }
                }
            } catch (IOException e) {
                failure = goOn(failure, e);
            }
            i += count;
        }
        if (failure != null) {
            throw failure;
        }
    }

    /** Returns the first failure, unless what follows would fail for the same reason: then this throws. */
    private IOException goOn(IOException first, IOException now) throws IOException {
        if (givenUp || underWay.isLate(System.nanoTime())) {
            throw now;
        }
        return first == null ? now : first;
    }

    void flush() throws IOException {
        carryOut(Kind.FLUSH, 0, null);
    }

    /**
     * Lets all dirty blocks meet their fate, and counts how many were lost, kept and torn. One that cannot be written is lost.
     */
    void settle(String fate, Selection chance, int[] fates) throws IOException {
        int n;
        synchronized (lock) {
            n = cache.dirtyBlocks(0, Long.MAX_VALUE, sorted);
        }
        fates[0] = n;
        IOException failure = null;
        for (int i = 0; i < n; i++) {
            long drawn = chance.draw();
            try {
                int how = settle(sorted[i], fate, drawn);
                fates[0]--;
                fates[how]++;
            } catch (IOException e) {
                failure = goOn(failure, e);
            }
        }
        flush();
        if (failure != null) {
            throw failure;
        }
    }

    /** Decides what happens to a block, and does it: 0 if it is lost, 1 if it is kept, 2 if it is torn. */
    private int settle(long block, String fate, long drawn) throws IOException {
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
            carryOut(Kind.READ, block * blockSize, data.slice(0, blockSize));
        }
        long kept = how == 1 ? blockSize : SECTOR * (1 + Long.remainderUnsigned(drawn >>> 8, sectors - 1));
        synchronized (lock) {
            Memory.copy(cache.address(cache.find(block)), buffer.address(), kept);
        }
        carryOut(Kind.WRITE, block * blockSize, data.slice(0, blockSize));
        return how;
    }

    private void carryOut(Kind kind, long offset, ByteBuffer bytes) throws IOException {
        var request = new OneRequest(kind, offset, bytes == null ? 0 : bytes.remaining(), bytes, deadline);
        underWay = request;
        if (givenUp) {
            throw new IOException("the storage did not answer");
        }
        try {
            if (!await(request)) {
                throw new IOException("the storage has not answered for " + limitMs / 1000 + " seconds");
            }
            underWay = null;
        } catch (IOException e) {
            // What was given up may still use the memory
            givenUp |= !request.hasEnded();
            // A failure that was told already has no words of its own
            throw e instanceof BackendException told && e.getMessage() == null ? new IOException(told.failure().toString(), e) : e;
        } finally {
            answers++;
        }
    }

    private boolean await(OneRequest request) throws IOException {
        if (limitMs == 0 || tell == null) {
            return request.carryOut(storage, limitMs == 0 ? Long.MAX_VALUE : limitMs);
        }
        if (request.carryOut(storage, untilTold())) {
            return true;
        }
        tellNow();
        return request.await(limitMs);
    }

    private long untilTold() {
        return Math.max(0, (tellAt - System.nanoTime()) / 1_000_000);
    }

    private void tellNow() {
        Runnable now = tell;
        tell = null;
        if (now != null) {
            now.run();
        }
    }

    /** Waits for the end of the thread that uses it, as long as the storage answers that at least so often. */
    void awaitEnd(Thread user) {
        if (Threads.join(user, 1 + untilTold())) {
            return;
        }
        tellNow();
        int before = answers;
        while (!Threads.join(user, limitMs)) {
            if (answers == before) {
                giveUp();
                Threads.join(user);
                return;
            }
            before = answers;
        }
    }

    /** The storage may use the memory of a request that it did not answer. */
    @Override
    public void close() {
        if (!givenUp) {
            buffer.close();
        }
    }
}
