// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The socket of a server, and clients that behave badly. */
@Timeout(300)
class ControlSocketTest {
    @TempDir
    Path directory;

    private final List<String> problems = new ArrayList<>();
    private final List<ControlSocket> sockets = new ArrayList<>();
    private Path path;

    @BeforeEach
    void choosePath() {
        path = directory.resolve("folder/abctl0");
    }

    @AfterEach
    void close() {
        sockets.forEach(ControlSocket::close);
    }

    private ControlSocket socket(ControlSocket.Handler handler) {
        sockets.add(new ControlSocket(path, handler, problems::add).start());
        return sockets.get(sockets.size() - 1);
    }

    private ControlSocket socket(String name) {
        return socket(words -> ControlReply.done(List.of(name, String.join("+", words))));
    }

    private List<String> ask(String... words) throws Exception {
        ControlReply reply = ControlClient.ask(path, List.of(words));
        while (reply == null) {
            Thread.sleep(5);
            reply = ControlClient.ask(path, List.of(words));
        }
        assertEquals(ControlReply.Kind.DONE, reply.kind());
        return reply.lines();
    }

    private void say(SocketChannel client, String text) throws IOException {
        client.write(ByteBuffer.wrap(text.getBytes()));
    }

    private SocketChannel connect() throws IOException {
        return SocketChannel.open(UnixDomainSocketAddress.of(path));
    }

    @Test
    void a_line_is_answered_with_lines() throws Exception {
        ControlSocket socket = socket("one");
        assertEquals(List.of("one", "a+b c+"), ask("a", "b c", ""));
        assertEquals(List.of("one", "\u00e9"), ask("\u00e9"));
        socket.close();
        assertNull(ControlClient.ask(path, List.of("a")));
        assertFalse(Files.exists(path));
        assertEquals(List.of(), problems);
    }

    @Test
    void a_client_that_says_nothing_or_too_much_or_goes_away_holds_up_nobody_for_long() throws Exception {
        socket("one");
        ask("a");
        var mute = List.of(connect(), connect(), connect());
        try (var half = connect()) {
            say(half, "half a");
        }
        try (var talker = connect()) {
            talker.configureBlocking(false);
            say(talker, "x".repeat(100_000));
            assertEquals(List.of("one", "b"), ask("b"));
        }
        try (var deaf = connect()) {
            say(deaf, "c\n");
        }
        assertEquals(List.of("one", "d"), ask("d"));
        for (SocketChannel client : mute) {
            // Nobody has waited for it any longer
            assertEquals(-1, client.read(ByteBuffer.allocate(1)));
            client.close();
        }
        assertEquals(List.of(), problems);
    }

    @Test
    void the_socket_of_a_killed_server_is_replaced() throws Exception {
        Files.createDirectory(path.getParent());
        ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(UnixDomainSocketAddress.of(path)).close();
        assertTrue(Files.exists(path));
        assertNull(ControlClient.ask(path, List.of("a")));
        ControlSocket socket = socket("one");
        assertEquals(List.of("one", "a"), ask("a"));
        socket.close();
        assertFalse(Files.exists(path));
    }

    @Test
    void an_older_server_gets_it_back_from_one_that_was_killed() throws Exception {
        ControlSocket older = socket("older");
        ask("a");
        Files.delete(path);
        ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(UnixDomainSocketAddress.of(path)).close();
        assertEquals(List.of("older", "b"), ask("b"));
        older.close();
        assertFalse(Files.exists(path));
    }

    @Test
    void an_end_leaves_the_socket_of_a_newer_server() throws Exception {
        ControlSocket older = socket("older");
        ask("a");
        socket("newer");
        while (!ask("b").get(0).equals("newer")) {
            Thread.sleep(5);
        }
        older.close();
        assertEquals("newer", ask("c").get(0));
        assertEquals(List.of(), problems);
    }

    @Test
    void a_handler_that_fails_ends_no_server() throws Exception {
        socket(words -> {
            if (words.get(0).equals("bad")) {
                throw new IllegalStateException("bad");
            }
            return ControlReply.done(words);
        });
        ask("good");
        assertThrows(IOException.class, () -> ControlClient.ask(path, List.of("bad")));
        assertEquals(List.of("good"), ask("good"));
    }

    @Test
    void a_server_ends_though_its_handler_does_not() throws Exception {
        var began = new CountDownLatch(1);
        var told = new ArrayList<String>();
        ControlSocket socket = socket(new ControlSocket.Handler() {
            @Override
            public ControlReply answer(List<String> words) {
                while (words.get(0).equals("hang")) {
                    began.countDown();
                    LockSupport.park();
                }
                return ControlReply.done(words);
            }

            @Override
            public void awaited(List<String> words, long seconds) {
                told.add(words + " " + seconds);
            }
        });
        ask("a");
        try (var client = connect()) {
            say(client, "hang\tup\n");
            began.await();
            socket.close();
        }
        assertEquals(List.of("[hang, up] 14"), told);
        assertFalse(Files.exists(path));
    }

    @Test
    void a_server_that_is_stopped_holds_up_nobody_for_ever() throws Exception {
        Files.createDirectory(path.getParent());
        var waiting = new ArrayList<SocketChannel>();
        try (var stopped = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            stopped.bind(UnixDomainSocketAddress.of(path), 1);
            boolean connected = true;
            while (connected) {
                var client = SocketChannel.open(StandardProtocolFamily.UNIX);
                waiting.add(client);
                client.configureBlocking(false);
                try {
                    connected = client.connect(UnixDomainSocketAddress.of(path));
                } catch (IOException e) {
                    connected = false;
                }
            }
            var failure = assertThrows(IOException.class, () -> ControlClient.ask(path, List.of("a")));
            assertTrue(failure.getMessage().contains("too many wait for the server"), failure.getMessage());
        }
        for (SocketChannel client : waiting) {
            client.close();
        }
    }

    @Test
    void what_was_sent_is_not_sent_again() throws Exception {
        Files.createDirectory(path.getParent());
        try (var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(path));
            var thread = new Thread(() -> {
                try (var client = server.accept()) {
                    client.read(ByteBuffer.allocate(100));
                    // As at the end of a server
                    Files.delete(path);
                } catch (IOException e) {
                    problems.add(e.toString());
                }
            });
            thread.start();
            assertThrows(IOException.class, () -> ControlClient.ask(path, List.of("a")));
            thread.join();
        }
        assertEquals(List.of(), problems);
    }

    @Test
    void a_socket_that_cannot_be_made_is_told_once_and_made_when_it_can_be() throws Exception {
        Files.createFile(path.getParent());
        var told = new CountDownLatch(1);
        var late = new ControlSocket(path, ControlReply::done, problem -> {
            problems.add(problem);
            told.countDown();
        }).start();
        sockets.add(late);
        told.await();
        Files.delete(path.getParent());
        assertEquals(List.of("a"), ask("a"));
        assertEquals(1, problems.size());
    }
}
