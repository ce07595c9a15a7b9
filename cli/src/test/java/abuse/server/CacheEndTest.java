// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Geometry;
import abuse.backend.HeapBackend;
import abuse.backend.Mapper;
import abuse.backend.OneRequest;
import abuse.cache.CachePlace;
import abuse.cache.CachedBackend;
import abuse.libc.Memory;
import abuse.libc.MemoryFile;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the end of a cache on a block device makes of what is under way: only what nobody knows is thrown away. */
@Timeout(600)
class CacheEndTest {
    private static final int BLOCK = ServerTestBase.BLOCK;
    private static final int PIECE = 4 * BLOCK;
    private static final int PIECES = 64;
    private static final long CAPACITY = (long) PIECES * PIECE;

    /** Answers at once, or never; and says what tells its bytes from others. */
    private static final class Known implements AsyncBackend {
        final HeapBackend bytes = new HeapBackend(CAPACITY);
        final List<AsyncRequest> held = Collections.synchronizedList(new ArrayList<>());
        volatile Kind holds;
        volatile int reads;

        @Override
        public void submit(AsyncRequest request) throws IOException {
            if (request.kind() == holds) {
                held.add(request);
                return;
            }
            reads += request.kind() == Kind.READ ? 1 : 0;
            OneRequest.carryOut(bytes, request);
            request.complete();
        }

        @Override
        public String identity() {
            return "known";
        }

        @Override
        public String stamp() {
            return "1";
        }

        @Override
        public long size() {
            return CAPACITY;
        }

        @Override
        public void close() {
            // Those that are held stay so
        }
    }

    /** Maps nothing, and may take its time for the second piece. */
    private static final class SlowMapper implements Mapper {
        volatile Gate gate;

        @Override
        public void map(long offset, long length, String target, long targetOffset, boolean writable) throws IOException {
            if (gate != null && offset == PIECE) {
                gate.pass();
            }
        }

        @Override
        public void map(long offset, long length, MemoryFile target, long targetOffset, boolean writable) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void mapAll(long offset, long length, String target, long targetOffset) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Memory lend(long offset, long length) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void unmap(long offset, long length) {
            // Nothing is mapped
        }

        @Override
        public void unmap(long length, long[] offsets) {
            // Nothing is mapped
        }
    }

    @TempDir
    Path directory;

    private final Known base = new Known();
    private final SlowMapper mapper = new SlowMapper();
    private final List<String> problems = Collections.synchronizedList(new ArrayList<>());
    private final Memory memory = Memory.map(PIECE);
    private Path device;

    @BeforeEach
    void makeDevice() throws IOException {
        device = directory.resolve("device");
        try (var file = new RandomAccessFile(device.toFile(), "rw")) {
            file.setLength(CAPACITY);
        }
        for (int i = 0; i < PIECES * 4; i++) {
            base.bytes.write((long) i * BLOCK, ByteBuffer.wrap(ServerTestBase.pattern(i)));
        }
    }

    @AfterEach
    void close() {
        memory.close();
    }

    private CachedBackend open() throws IOException {
        var cached = new CachedBackend(base, new CachePlace(device.toString(), 0, PIECE), new Geometry(0, CAPACITY, BLOCK, 1 << 20, false));
        cached.tellProblemsTo(problems::add);
        cached.start(mapper);
        return cached;
    }

    private OneRequest request(Kind kind, int piece) {
        return new OneRequest(kind, (long) piece * PIECE, BLOCK, memory.buffer(0, BLOCK), Long.MAX_VALUE);
    }

    private void read(CachedBackend cached, int piece) throws IOException {
        assertTrue(request(Kind.READ, piece).carryOut(cached, 60_000));
        byte[] found = new byte[BLOCK];
        memory.buffer().get(0, found);
        assertArrayEquals(ServerTestBase.pattern(4 * piece), found);
    }

    /** How often the backend is asked for a piece that an earlier cache had. */
    private int readsAgain() throws IOException {
        base.holds = null;
        int before = base.reads;
        try (var next = open()) {
            read(next, 0);
        }
        return base.reads - before;
    }

    /** Reads one piece, and begins with a request for another one. */
    private CachedBackend begin(Kind kind) throws IOException {
        var cached = open();
        read(cached, 0);
        base.holds = kind;
        cached.submit(request(kind == null ? Kind.READ : kind, 1));
        return cached;
    }

    /** Ends it as after a reset of the disk. */
    private Thread end(CachedBackend cached) {
        cached.abandon();
        var closer = new Thread(() -> {
            try {
                cached.close();
            } catch (IOException e) {
                problems.add(e.toString());
            }
        });
        closer.start();
        return closer;
    }

    private void endDuring(Kind kind) throws Exception {
        var cached = begin(kind);
        while (base.held.isEmpty()) {
            Thread.sleep(5);
        }
        join(end(cached));
    }

    private static void join(Thread closer) throws InterruptedException {
        closer.join(100_000);
        assertFalse(closer.isAlive());
    }

    @Test
    void who_waits_for_the_kernel_spoils_nothing() throws Exception {
        var gate = new Gate();
        mapper.gate = gate;
        var cached = begin(null);
        gate.awaitReached();
        Thread closer = end(cached);
        // Longer than a backend is waited for
        closer.join(2500);
        assertTrue(closer.isAlive());
        gate.open();
        join(closer);
        assertEquals(List.of(), problems);
        assertEquals(0, readsAgain());
    }

    @Test
    void a_read_that_was_left_behind_spoils_nothing() throws Exception {
        endDuring(Kind.READ);
        assertEquals(List.of("the backend does not answer, so its requests are left behind"), problems);
        assertEquals(0, readsAgain());
    }

    /** It may still be carried out. */
    @Test
    void a_write_that_was_left_behind_makes_it_empty() throws Exception {
        endDuring(Kind.WRITE);
        assertEquals(1, readsAgain());
    }
}
