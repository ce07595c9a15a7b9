// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Failure;
import abuse.backend.Geometry;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Storage that answers later, at once or when it is told to, and fails what it is told to fail. */
final class TestStore implements AsyncBackend {
    static final int BLOCK = 4096;

    final byte[] bytes;
    final Set<Kind> failing = EnumSet.noneOf(Kind.class);
    /** Kinds of requests that are kept. */
    final Set<Kind> hanging = EnumSet.noneOf(Kind.class);
    final List<AsyncRequest> kept = new ArrayList<>();
    final List<AsyncRequest> expired = new ArrayList<>();
    final ByteArrayOutputStream log = new ByteArrayOutputStream();
    volatile boolean closed;

    TestStore() {
        this(1 << 20);
    }

    TestStore(int size) {
        bytes = new byte[size];
    }

    /** A disk of this storage behind filters. */
    FilteredBackend behind(Filter... filters) throws Exception {
        return new FilteredBackend(this, List.of(filters), new Geometry(0, bytes.length, BLOCK, 1 << 17, false), log);
    }

    static Filter filter(String name, Map<String, Object> settings) throws Exception {
        return new Filters().find(name).make(new Settings(settings));
    }

    String log() {
        return log.toString(StandardCharsets.UTF_8);
    }

    @Override
    public void submit(AsyncRequest request) {
        synchronized (this) {
            if (hanging.contains(request.kind())) {
                kept.add(request);
                notifyAll();
                return;
            }
        }
        carryOut(request);
    }

    /** Waits until it keeps so many requests. */
    synchronized void awaitKept(int number) throws InterruptedException {
        while (kept.size() < number) {
            wait();
        }
    }

    /** Carries out the first one that it has kept. */
    void releaseOne() {
        AsyncRequest first;
        synchronized (this) {
            first = kept.remove(0);
        }
        carryOut(first);
    }

    /** Carries out what it has kept, and keeps nothing more. */
    void release() {
        List<AsyncRequest> all;
        synchronized (this) {
            hanging.clear();
            all = List.copyOf(kept);
            kept.clear();
        }
        all.forEach(this::carryOut);
    }

    @Override
    public synchronized void expired(AsyncRequest request) {
        expired.add(request);
        notifyAll();
    }

    @Override
    public long size() {
        return bytes.length;
    }

    @Override
    public void close() {
        closed = true;
    }

    private void carryOut(AsyncRequest request) {
        if (failing.contains(request.kind())) {
            request.fail(Failure.IO, null);
            return;
        }
        int offset = (int) request.offset();
        int length = (int) request.length();
        synchronized (bytes) {
            switch (request.kind()) {
                case READ -> request.data().put(bytes, offset, length);
                case WRITE -> request.data().get(bytes, offset, length);
                case DISCARD, WRITE_ZEROES -> Arrays.fill(bytes, offset, offset + length, (byte) 0);
                default -> {
                    // All is durable
                }
            }
        }
        request.complete();
    }

    // What the users of a disk do, a block at a time

    static void write(AsyncBackend disk, long block, int value) throws Exception {
        byte[] data = new byte[BLOCK];
        Arrays.fill(data, (byte) value);
        disk.write(block * BLOCK, ByteBuffer.allocateDirect(BLOCK).put(data).flip());
    }

    /** The value of a block whose bytes are all the same. */
    static int read(AsyncBackend disk, long block) throws Exception {
        var data = ByteBuffer.allocateDirect(BLOCK);
        disk.read(block * BLOCK, data);
        for (int i = 1; i < BLOCK; i++) {
            if (data.get(i) != data.get(0)) {
                throw new AssertionError("byte " + i);
            }
        }
        return data.get(0);
    }
}
