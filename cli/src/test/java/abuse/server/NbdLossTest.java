// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest.Kind;
import abuse.backend.BackendException;
import abuse.backend.Backends;
import abuse.backend.Failure;
import abuse.backend.Geometry;
import abuse.backend.OneRequest;
import abuse.device.Flag;
import abuse.device.SimulatedDisk.Submitted;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the nbd backend does with requests when connections are lost, or hang. */
@Timeout(100)
class NbdLossTest extends ServerTestBase {
    private static final long LIMIT_NS = 200_000_000L;
    /** Time enough to be sent, on a busy machine, too. */
    private static final long LONG_LIMIT_NS = 3_000_000_000L;
    private static final int CONNECTIONS = 4;

    private FakeNbdServer server;
    private final CountDownLatch go = new CountDownLatch(1);
    private AsyncBackend backend;

    @BeforeEach
    void startServer() throws Exception {
        server = new FakeNbdServer(directory.resolve("fake"), (int) CAPACITY);
        disk.setUp(CAPACITY, Flag.WRITE_CACHE);
    }

    @AfterEach
    void endServer() throws Exception {
        go.countDown();
        for (RunningServer running : servers) {
            running.stop();
        }
        if (backend != null) {
            backend.abandon();
            backend.close();
        }
        server.close();
    }

    private RunningServer serve() throws Exception {
        return serve(geometry -> new Backends().open(server.uri, Set.of(), geometry));
    }

    private AsyncBackend open() throws Exception {
        backend = (AsyncBackend) new Backends().open(server.uri, Set.of(), new Geometry(0, CAPACITY, BLOCK, 1 << 20, false));
        return backend;
    }

    private static OneRequest request(Kind kind, long deadline) {
        return new OneRequest(kind, 0, BLOCK, ByteBuffer.allocateDirect(BLOCK), deadline);
    }

    private static void assertFails(OneRequest request) {
        assertEquals(Failure.TIMEOUT, assertThrows(BackendException.class, () -> request.await(Long.MAX_VALUE)).failure());
    }

    private void submit(OneRequest... requests) throws Exception {
        for (OneRequest request : requests) {
            backend.submit(request);
        }
        backend.submitted();
    }

    private static void await(BooleanSupplier condition) throws InterruptedException {
        while (!condition.getAsBoolean()) {
            Thread.sleep(5);
        }
    }

    private static boolean tells(RunningServer running, String words) {
        return List.copyOf(running.problems).stream().anyMatch(problem -> problem.contains(words));
    }

    private List<Integer> commands() {
        return List.copyOf(server.commands).stream().map(FakeNbdServer.Command::type).toList();
    }

    /** The first connections take a command, and then nothing more. */
    private void hangFirst(int connections) {
        server.answer = (session, command) -> {
            if (server.sessions.indexOf(session) < connections) {
                go.await();
            }
            return false;
        };
    }

    private void closeFirst(int connections) throws Exception {
        for (var session : List.copyOf(server.sessions).subList(0, connections)) {
            session.close();
        }
    }

    @Test
    void writes_to_a_server_that_hangs_keep_nobody_waiting_on_another_connection() throws Exception {
        server.flags |= FakeNbdServer.MULTI_CONN;
        hangFirst(Integer.MAX_VALUE);
        open();
        // More than the sockets hold between them
        var data = ByteBuffer.allocateDirect(1 << 20);
        long deadline = System.nanoTime() + LIMIT_NS;
        var writes = new OneRequest[16];
        Arrays.setAll(writes, i -> new OneRequest(Kind.WRITE, 0, 1 << 20, data.duplicate(), deadline));
        var thread = new Thread(() -> {
            try {
                submit(writes);
            } catch (Exception e) {
                // Then they do not end
            }
        });
        thread.start();
        await(() -> (!commands().isEmpty() || writes[0].hasEnded()) && writes[0].isLate(System.nanoTime()));
        backend.expired(writes[0]);
        thread.join();
        for (var write : writes) {
            assertFails(write);
        }
    }

    @Test
    void what_is_late_is_not_sent() throws Exception {
        open();
        var write = request(Kind.WRITE, System.nanoTime());
        submit(write);
        assertFails(write);
        backend.read(0, ByteBuffer.allocateDirect(BLOCK));
        assertEquals(List.of(FakeNbdServer.READ), commands());
    }

    @Test
    void what_is_late_is_not_sent_again_either() throws Exception {
        open();
        server.choice = (session, option) -> {
            go.await();
            return false;
        };
        hangFirst(1);
        var write = request(Kind.WRITE, System.nanoTime() + LONG_LIMIT_NS);
        submit(write);
        await(() -> commands().size() == 1);
        closeFirst(1);
        await(() -> server.sessions.size() == 2);
        await(() -> write.isLate(System.nanoTime()));
        go.countDown();
        assertFails(write);
        backend.read(0, ByteBuffer.allocateDirect(BLOCK));
        assertEquals(List.of(FakeNbdServer.WRITE, FakeNbdServer.READ), commands());
    }

    @Test
    void when_a_server_hangs_no_change_under_way_is_sent_again() throws Exception {
        open();
        hangFirst(1);
        var late = request(Kind.READ, System.nanoTime() + LONG_LIMIT_NS);
        var write = request(Kind.WRITE, Long.MAX_VALUE);
        var read = request(Kind.READ, Long.MAX_VALUE);
        submit(late, write, read);
        await(() -> commands().size() == 1 && late.isLate(System.nanoTime()));
        backend.expired(late);
        assertFails(late);
        assertFails(write);
        assertTrue(read.await(Long.MAX_VALUE));
        assertEquals(List.of(FakeNbdServer.READ, FakeNbdServer.READ), commands());
    }

    private List<Submitted> readOften() {
        var reads = new ArrayList<Submitted>();
        // For more than one connection
        for (int i = 0; i < 40; i++) {
            reads.add(disk.read(0, BLOCK));
        }
        return reads;
    }

    /** Closes all connections, and lets only one come back. */
    private void loseAllButOne(RunningServer running) throws Exception {
        var allLost = new CountDownLatch(1);
        var room = new AtomicInteger(1);
        server.choice = (session, option) -> {
            allLost.await();
            if (option == FakeNbdServer.GO && room.getAndDecrement() <= 0) {
                session.close();
            }
            return false;
        };
        closeFirst(CONNECTIONS);
        await(() -> tells(running, "requests wait until it is back"));
        allLost.countDown();
    }

    @Test
    void requests_of_connections_that_do_not_come_back_take_others() throws Exception {
        server.flags |= FakeNbdServer.MULTI_CONN;
        hangFirst(CONNECTIONS);
        var running = serve();
        assertEquals(CONNECTIONS, server.sessions.size());
        var reads = readOften();
        await(() -> commands().size() == 3);
        loseAllButOne(running);
        for (var read : reads) {
            assertFalse(read.await().failed());
        }
        await(() -> tells(running, "connected again"));
    }

    @Test
    void requests_of_a_connection_that_is_lost_alone_take_others() throws Exception {
        server.flags |= FakeNbdServer.MULTI_CONN;
        hangFirst(1);
        var running = serve();
        var reads = readOften();
        await(() -> commands().size() > 40 - 16);
        server.choice = (session, option) -> {
            session.close();
            return false;
        };
        closeFirst(1);
        for (var read : reads) {
            assertFalse(read.await().failed());
        }
        assertFalse(tells(running, "wait"), running.problems.toString());
    }

    @Test
    void every_flush_under_way_fails_wherever_it_is_sent_again() throws Exception {
        server.flags |= FakeNbdServer.MULTI_CONN;
        var running = serve();
        assertFalse(disk.write(0, pattern(1)).await().failed());
        hangFirst(CONNECTIONS);
        var flushes = new ArrayList<Submitted>();
        for (int i = 0; i < 40; i++) {
            flushes.add(disk.flush());
        }
        await(() -> commands().size() == 1 + 3);
        loseAllButOne(running);
        for (var flush : flushes) {
            assertTrue(flush.await().failed());
        }
        assertFalse(disk.flush().await().failed());
    }

    @Test
    void before_the_first_flush_an_earlier_server_may_have_written_what_is_lost() throws Exception {
        var running = serve();
        closeFirst(1);
        await(() -> tells(running, "the next flush fails"));
        assertTrue(disk.flush().await().failed());
        assertFalse(disk.flush().await().failed());
        server.sessions.get(1).close();
        await(() -> server.sessions.size() == 3);
        assertFalse(disk.flush().await().failed());
    }

    @Test
    void beside_another_server_a_flush_fails_after_each_loss() throws Exception {
        server.flags |= FakeNbdServer.MULTI_CONN;
        serve();
        assertFalse(disk.flush().await().failed());
        var other = serve();
        // Whoever is given it, what the other one knows of is flushed, but not what it could have written since
        assertFalse(disk.flush().await().failed());
        closeFirst(server.sessions.size());
        assertTrue(disk.flush().await().failed());
        assertNull(other.stop());
    }

    @Test
    void who_ends_before_a_flush_could_tell_a_loss_tells_it() throws Exception {
        var running = serve();
        assertFalse(disk.write(0, pattern(1)).await().failed());
        closeFirst(1);
        await(() -> tells(running, "connected again"));
        assertNull(running.stop());
        assertTrue(tells(running, "no flush has failed"), running.problems.toString());
    }

    @Test
    void a_write_in_parts_begins_anew() throws Exception {
        server.blocks = new int[] {1, 4096, 64 << 10};
        var parts = new AtomicInteger();
        server.answer = (session, command) -> {
            if (command.type() == FakeNbdServer.WRITE && parts.incrementAndGet() == 3) {
                // As if the server had crashed
                Arrays.fill(server.bytes, (byte) 0);
                session.close();
            }
            return false;
        };
        serve();
        byte[] data = new byte[256 << 10];
        Arrays.fill(data, (byte) 1);
        assertFalse(disk.write(0, data).await().failed());
        assertArrayEquals(data, Arrays.copyOf(server.bytes, data.length));
        assertEquals(3 + 4, parts.get());
    }

    @Test
    void requests_wait_while_the_export_is_read_only() throws Exception {
        var running = serve();
        server.flags |= 2;
        closeFirst(1);
        var read = disk.read(0, BLOCK);
        await(() -> tells(running, "the export is now read-only; requests wait"));
        assertFalse(read.isAnswered());
        server.flags &= ~2;
        assertFalse(read.await().failed());
    }
}
