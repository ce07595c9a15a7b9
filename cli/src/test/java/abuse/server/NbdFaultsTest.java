// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Backends;
import abuse.backend.Geometry;
import abuse.device.Flag;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The nbd backend with servers that are poor, broken or malicious. */
class NbdFaultsTest extends ServerTestBase {
    private FakeNbdServer server;

    @BeforeEach
    void startServer() throws Exception {
        server = new FakeNbdServer(directory.resolve("fake"), (int) CAPACITY);
        disk.setUp(CAPACITY, Flag.WRITE_CACHE, Flag.DISCARD, Flag.WRITE_ZEROES);
    }

    @AfterEach
    void endServer() throws Exception {
        for (RunningServer running : servers) {
            running.stop();
        }
        server.close();
    }

    private RunningServer serve() throws Exception {
        return serve(geometry -> new Backends().open(server.uri, Set.of(), geometry));
    }

    private String refusal(String uri) {
        return assertThrows(IOException.class, () -> new Backends().open(uri, Set.of(), new Geometry(0, CAPACITY, 4096, 1 << 20, false))
                .close()).getMessage();
    }

    private static byte[] random(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    private static void await(BooleanSupplier condition) throws InterruptedException {
        while (!condition.getAsBoolean()) {
            Thread.sleep(5);
        }
    }

    private static boolean tells(RunningServer running, String words) {
        return List.copyOf(running.problems).stream().anyMatch(problem -> problem.contains(words));
    }

    @Test
    void a_read_may_come_as_data_and_holes_in_any_order() throws Exception {
        System.arraycopy(random(8 * BLOCK), 0, server.bytes, 0, 8 * BLOCK);
        Arrays.fill(server.bytes, BLOCK, 3 * BLOCK, (byte) 0);
        Arrays.fill(server.bytes, 7 * BLOCK, 8 * BLOCK, (byte) 0);
        server.answer = (session, command) -> {
            if (command.type() != FakeNbdServer.READ) {
                return false;
            }
            session.data(command, 0, 3 * BLOCK, Arrays.copyOfRange(server.bytes, 3 * BLOCK, 7 * BLOCK));
            session.data(command, 0, 0, Arrays.copyOf(server.bytes, BLOCK));
            session.hole(command, 0, 7 * BLOCK, BLOCK);
            session.hole(command, 0, BLOCK, 2 * BLOCK);
            session.chunk(command.cookie(), 1, 0);
            return true;
        };
        var running = serve();
        // Something else was where the holes are to be
        assertFalse(disk.write(20L * BLOCK, random(8 * BLOCK)).await().failed());
        assertArrayEquals(Arrays.copyOf(server.bytes, 8 * BLOCK), disk.read(0, 8 * BLOCK).await().data());
        assertEquals(List.of(), running.problems);
    }

    /** What no server may answer to a read of two blocks. */
    enum Nonsense {
        WRONG_COOKIE(false) {
            @Override
            void give(FakeNbdServer.Session session, FakeNbdServer.Command read) throws IOException {
                session.simple(read.cookie() + (1L << 32), 0, new byte[read.length()]);
            }
        },
        NO_SUCH_COOKIE(false) {
            @Override
            void give(FakeNbdServer.Session session, FakeNbdServer.Command read) throws IOException {
                session.simple(-1, 0, new byte[read.length()]);
            }
        },
        BEYOND(true) {
            @Override
            void give(FakeNbdServer.Session session, FakeNbdServer.Command read) throws IOException {
                session.data(read, 1, read.offset() + BLOCK, new byte[2 * BLOCK]);
            }
        },
        BEFORE(true) {
            @Override
            void give(FakeNbdServer.Session session, FakeNbdServer.Command read) throws IOException {
                session.data(read, 1, read.offset() - BLOCK, new byte[2 * BLOCK]);
            }
        },
        LONG(true) {
            @Override
            void give(FakeNbdServer.Session session, FakeNbdServer.Command read) throws IOException {
                session.data(read, 1, read.offset(), new byte[1 << 20]);
            }
        },
        LONG_HOLE(true) {
            @Override
            void give(FakeNbdServer.Session session, FakeNbdServer.Command read) throws IOException {
                session.hole(read, 1, read.offset(), -1);
            }
        },
        TWICE(true) {
            @Override
            void give(FakeNbdServer.Session session, FakeNbdServer.Command read) throws IOException {
                session.data(read, 0, read.offset(), new byte[2 * BLOCK]);
                session.hole(read, 1, read.offset(), BLOCK);
            }
        },
        TOO_LITTLE(true) {
            @Override
            void give(FakeNbdServer.Session session, FakeNbdServer.Command read) throws IOException {
                session.data(read, 1, read.offset(), new byte[BLOCK]);
            }
        },
        NOTHING(true) {
            @Override
            void give(FakeNbdServer.Session session, FakeNbdServer.Command read) throws IOException {
                session.chunk(read.cookie(), 1, 0);
            }
        },
        SHORT_CHUNK(true) {
            @Override
            void give(FakeNbdServer.Session session, FakeNbdServer.Command read) throws IOException {
                session.chunk(read.cookie(), 1, 1, new byte[8]);
            }
        },
        SHORT_ERROR(true) {
            @Override
            void give(FakeNbdServer.Session session, FakeNbdServer.Command read) throws IOException {
                session.chunk(read.cookie(), 1, 1 << 15 | 1, new byte[5]);
            }
        },
        UNKNOWN_CHUNK(true) {
            @Override
            void give(FakeNbdServer.Session session, FakeNbdServer.Command read) throws IOException {
                session.chunk(read.cookie(), 1, 5, new byte[12]);
            }
        },
        NO_LENGTH(true) {
            @Override
            void give(FakeNbdServer.Session session, FakeNbdServer.Command read) throws IOException {
                session.out.write(ByteBuffer.allocate(20).putInt(0x668e33ef).putShort((short) 1).putShort((short) 1)
                        .putLong(read.cookie()).putInt(-1).array());
            }
        },
        NO_MAGIC(true) {
            @Override
            void give(FakeNbdServer.Session session, FakeNbdServer.Command read) throws IOException {
                session.out.write(new byte[16]);
            }
        };

        final boolean broken;

        Nonsense(boolean broken) {
            this.broken = broken;
        }

        abstract void give(FakeNbdServer.Session session, FakeNbdServer.Command read) throws IOException;
    }

    @ParameterizedTest
    @EnumSource
    void nonsense_ends_the_connection_and_is_asked_again(Nonsense nonsense) throws Exception {
        System.arraycopy(random(8 * BLOCK), 0, server.bytes, 0, 8 * BLOCK);
        var first = new AtomicBoolean(true);
        server.answer = (session, command) -> {
            if (command.type() != FakeNbdServer.READ || command.length() != 2 * BLOCK || !first.getAndSet(false)) {
                return false;
            }
            nonsense.give(session, command);
            return true;
        };
        var running = serve();
        assertArrayEquals(Arrays.copyOfRange(server.bytes, BLOCK, 3 * BLOCK), disk.read(BLOCK, 2 * BLOCK).await().data());
        assertFalse(disk.write(0, pattern(1)).await().failed());
        assertTrue(tells(running, nonsense.broken ? "the server does not keep to the NBD protocol" : "the server answers what was not asked"),
                running.problems.toString());
    }

    @Test
    void what_a_read_does_not_bring_is_not_that_of_another() throws Exception {
        server.answer = (session, command) -> {
            if (command.type() == FakeNbdServer.READ) {
                session.data(command, 0, command.offset(), pattern(1));
                session.data(command, 1, command.offset(), pattern(1));
            }
            return command.type() == FakeNbdServer.READ;
        };
        serve();
        assertFalse(disk.write(20L * BLOCK, random(8 * BLOCK)).await().failed());
        assertArrayEquals(Arrays.copyOf(pattern(1), 2 * BLOCK), disk.read(0, 2 * BLOCK).await().data());
    }

    @Test
    void a_second_answer_to_a_part_is_not_taken_for_that_of_the_next() throws Exception {
        server.blocks = new int[] {1, 4096, 64 << 10};
        server.answer = (session, command) -> {
            if (command.type() != FakeNbdServer.WRITE) {
                return false;
            }
            session.in.readFully(server.bytes, (int) command.offset(), command.length());
            session.simple(command.cookie(), 0);
            if (server.sessions.size() == 1) {
                session.simple(command.cookie(), 0);
            }
            return true;
        };
        var running = serve();
        byte[] data = random(256 << 10);
        assertFalse(disk.write(0, data).await().failed());
        assertArrayEquals(data, Arrays.copyOf(server.bytes, data.length));
        assertTrue(tells(running, "the server answers what was not asked"), running.problems.toString());
    }

    @Test
    void what_is_answered_before_it_is_sent_is_sent_all_the_same() throws Exception {
        // A part does not fit into the socket
        server.blocks = new int[] {1, 4096, 512 << 10};
        var sent = new ByteArrayOutputStream();
        server.answer = (session, command) -> {
            if (command.type() != FakeNbdServer.WRITE) {
                return false;
            }
            session.simple(command.cookie(), 0);
            // Time for the client to use the place of the data for the next write
            Thread.sleep(200);
            sent.write(session.in.readNBytes(command.length()));
            return true;
        };
        var running = serve();
        var expected = new ByteArrayOutputStream();
        for (int i = 0; i < 4; i++) {
            byte[] data = new byte[1 << 20];
            Arrays.fill(data, (byte) (i + 1));
            expected.write(data);
            assertFalse(disk.write(0, data).await().failed());
        }
        assertFalse(disk.flush().await().failed());
        assertArrayEquals(expected.toByteArray(), sent.toByteArray());
        assertEquals(List.of(), running.problems);
    }

    @Test
    void without_FUA_a_flush_follows_a_durable_write() throws Exception {
        server.flags &= ~FakeNbdServer.FUA;
        serve();
        assertFalse(disk.writeFua(0, pattern(1)).await().failed());
        assertEquals(List.of(FakeNbdServer.WRITE, FakeNbdServer.FLUSH_COMMAND), server.commands.stream()
                .map(FakeNbdServer.Command::type).toList());
        assertEquals(0, server.commands.get(0).flags());
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void a_server_that_knows_only_the_name_of_an_export(boolean noZeroes) throws Exception {
        server.noZeroes = noZeroes;
        server.choice = (session, option) -> {
            if (option != 1) {
                session.reply(option, FakeNbdServer.UNSUPPORTED);
            }
            return option != 1;
        };
        var running = serve();
        byte[] data = random(1 << 20);
        assertFalse(disk.write(0, data).await().failed());
        assertFalse(disk.flush().await().failed());
        assertArrayEquals(data, disk.read(0, 1 << 20).await().data());
        assertEquals(List.of(), running.problems);
    }

    @Test
    void blocks_that_make_no_sense_are_refused() {
        for (int[] blocks : new int[][] {{0, 4096, 1 << 20}, {1000, 4096, 1 << 20}, {-1, -1, -1}, {4096, 4096, 512}}) {
            server.blocks = blocks;
            assertEquals(server.uri + ": the server has an export of " + CAPACITY + " bytes with blocks of "
                    + Integer.toUnsignedString(blocks[0]) + " to " + Integer.toUnsignedString(blocks[2]), refusal(server.uri));
        }
    }

    @Test
    void information_that_is_cut_short_is_refused() {
        for (byte[] information : new byte[][] {{}, {0}, {0, 0}, {0, 0, 1, 2, 3}, {0, 3}, {0, 3, 0, 0, 0, 1}}) {
            server.choice = (session, option) -> {
                if (option == FakeNbdServer.GO) {
                    session.reply(option, FakeNbdServer.INFO, information);
                }
                return false;
            };
            assertEquals(server.uri + ": the server does not keep to the NBD protocol", refusal(server.uri));
        }
    }

    @Test
    void requests_wait_while_the_export_is_smaller_or_can_do_less() throws Exception {
        var running = serve();
        assertFalse(disk.write(0, pattern(1)).await().failed());
        assertFalse(disk.flush().await().failed());
        server.size = CAPACITY / 2;
        server.sessions.get(0).close();
        var read = disk.read(CAPACITY - BLOCK, BLOCK);
        await(() -> tells(running, "the export now has 524288 bytes, but had 1048576; requests wait"));
        server.flags &= ~FakeNbdServer.FLUSH;
        server.size = CAPACITY;
        await(() -> tells(running, "the server can now do less than before; requests wait"));
        assertFalse(read.isAnswered());
        server.flags |= FakeNbdServer.FLUSH;
        assertFalse(read.await().failed());
        assertTrue(tells(running, "connected again"));
    }

    @Test
    void a_server_that_only_talks_does_not_keep_the_end_waiting() throws Exception {
        var running = serve();
        assertFalse(disk.write(0, pattern(1)).await().failed());
        var talks = new CountDownLatch(1);
        server.choice = (session, option) -> {
            while (option == FakeNbdServer.GO) {
                session.reply(option, FakeNbdServer.INFO, new byte[12]);
                talks.countDown();
                Thread.sleep(1);
            }
            return false;
        };
        server.sessions.get(0).close();
        talks.await();
        assertNull(running.stop());
    }

    @Test
    void a_server_that_lets_nobody_in_is_not_waited_for() throws Exception {
        var path = UnixDomainSocketAddress.of(directory.resolve("socket"));
        var waiting = new ArrayList<SocketChannel>();
        try (var listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            listener.bind(path, 1);
            boolean room = true;
            while (room) {
                var one = SocketChannel.open(StandardProtocolFamily.UNIX);
                waiting.add(one);
                one.configureBlocking(false);
                try {
                    room = one.connect(path);
                } catch (SocketException e) {
                    room = false;
                }
            }
            String uri = "nbd+unix:///?socket=" + path;
            assertEquals(uri + ": the server takes no new connections", refusal(uri));
        } finally {
            for (SocketChannel one : waiting) {
                one.close();
            }
        }
    }

    @Test
    void one_connection_is_enough_if_the_server_takes_no_more() throws Exception {
        server.flags |= FakeNbdServer.MULTI_CONN;
        server.choice = (session, option) -> {
            if (server.sessions.size() > 1) {
                session.close();
            }
            return false;
        };
        var running = serve();
        assertFalse(disk.write(0, random(1 << 20)).await().failed());
        assertArrayEquals(random(1 << 20), disk.read(0, 1 << 20).await().data());
        assertEquals(List.of(), running.problems);
    }

    @Test
    void a_server_that_closes_every_connection_is_left_alone_in_between() throws Exception {
        serve();
        var closing = new AtomicBoolean(true);
        server.answer = (session, command) -> {
            if (closing.get()) {
                session.close();
            }
            return false;
        };
        var read = disk.read(0, BLOCK);
        // Waits of 5, 10, 20 milliseconds and so on come between them
        Thread.sleep(1000);
        int sessions = server.sessions.size();
        assertTrue(sessions < 20, sessions + " connections in a second");
        closing.set(false);
        assertFalse(read.await().failed());
    }

    @Test
    void a_server_that_shuts_down_is_asked_again() throws Exception {
        var running = serve();
        var first = new AtomicInteger(3);
        server.answer = (session, command) -> {
            if (command.type() == FakeNbdServer.READ && first.getAndDecrement() > 0) {
                session.simple(command.cookie(), 108);
                return true;
            }
            return false;
        };
        assertFalse(disk.read(0, BLOCK).await().failed());
        assertTrue(tells(running, "the server is shutting down"), running.problems.toString());
    }

    @Test
    void what_is_looked_at_is_opened_with_the_same_connection() throws Exception {
        try (var other = new FakeNbdServer(directory.resolve("other"), (int) CAPACITY)) {
            var backends = new Backends();
            var geometry = new Geometry(0, CAPACITY, 4096, 1 << 20, false);
            for (FakeNbdServer one : List.of(server, other, server)) {
                assertEquals(CAPACITY, backends.look(one.uri).size());
            }
            for (FakeNbdServer one : List.of(server, other)) {
                backends.open(one.uri, Set.of(), geometry).close();
                assertEquals(1, one.sessions.size());
            }
        }
    }

    @Test
    void a_message_of_a_server_cannot_move_the_cursor() throws Exception {
        var running = serve();
        byte[] text = "\u001b[2Jgone\u009b2J\n".getBytes(UTF_8);
        server.answer = (session, command) -> {
            session.chunk(command.cookie(), 1, 1 << 15 | 1, ByteBuffer.allocate(6 + text.length).putInt(5).putShort((short) text.length)
                    .put(text).array());
            return true;
        };
        assertTrue(disk.read(0, BLOCK).await().failed());
        assertEquals(List.of(server.uri + ": ?[2Jgone?2J?"), running.problems);
    }
}
