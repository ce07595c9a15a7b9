// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.device.FileErrors;
import abuse.libc.Threads;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.function.Consumer;

/**
 * A unix socket through which a server is told something while it serves. Only its own user and root may connect.
 *
 * <p>A request is one line of words with tabs between them, in UTF-8. The reply is lines, after which the server closes the
 * connection. Both ends are the same program, and the words are private to it.
 *
 * <p>One thread answers one client after the other, each in a bounded time. The newest server of a disk has the file;
 * when that one is gone, an older one that still serves makes it again.
 */
public final class ControlSocket implements AutoCloseable {
    /** Answers a request with lines. */
    public interface Handler {
        List<String> answer(List<String> words);
    }

    private static final int LONGEST = 1 << 16;
    /** How long a client may take to send its request, and again to take the reply. */
    private static final long CLIENT_MS = 2000;
    /** How long a server may take for its reply; longer than it waits for requests of the disk to end. */
    private static final long REPLY_MS = 60_000;
    /** How often it looks whether the file is still its own. */
    private static final long LOOK_MS = 1000;

    private final Path path;
    private final Handler handler;
    private final Consumer<String> problems;
    private final Thread thread = new Thread(this::run, "control");
    private Selector selector;
    private ServerSocketChannel channel;
    /** What the file is told apart by. */
    private Object key;
    private volatile boolean closed;

    /**
     * Makes nothing yet.
     *
     * @param problems told why there can be no socket
     */
    public ControlSocket(Path path, Handler handler, Consumer<String> problems) {
        this.path = path;
        this.handler = handler;
        this.problems = problems;
        thread.setDaemon(true);
    }

    /** Makes the socket soon, in a thread of its own. */
    public ControlSocket start() {
        thread.start();
        return this;
    }

    /** The server's end; a client that is being answered has its answer. */
    @Override
    public void close() {
        closed = true;
        synchronized (this) {
            if (selector != null) {
                selector.wakeup();
            }
        }
        Threads.join(thread);
    }

    private void run() {
        try (Selector mine = Selector.open()) {
            synchronized (this) {
                selector = mine;
            }
            publish();
            while (!closed) {
                mine.select(LOOK_MS);
                mine.selectedKeys().clear();
                try (SocketChannel client = channel.accept()) {
                    if (client != null) {
                        answer(client);
                    }
                } catch (IOException | RuntimeException e) {
                    // That client is not answered
                }
                if (!isMine() && !isAnswered(path)) {
                    channel.close();
                    publish();
                }
            }
        } catch (Throwable e) {
            problems.accept(path + ": " + words(e) + "; the server cannot be told anything while it serves");
        } finally {
            withdraw();
        }
    }

    /** Makes the socket where nobody else can reach it, and then gives it its name, which takes that from an older one. */
    private void publish() throws IOException {
        Path folder = path.getParent();
        Files.createDirectories(folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
        Path hidden = Files.createTempDirectory(folder, ".control");
        Path socket = hidden.resolve("s");
        try {
            channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
            channel.bind(UnixDomainSocketAddress.of(socket));
            channel.configureBlocking(false);
            channel.register(selector, SelectionKey.OP_ACCEPT);
            Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-------"));
            key = keyOf(socket);
            Files.move(socket, path, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(socket);
            Files.deleteIfExists(hidden);
        }
    }

    private void withdraw() {
        try {
            if (channel != null) {
                if (isMine()) {
                    Files.deleteIfExists(path);
                }
                channel.close();
            }
        } catch (IOException e) {
            // The next server replaces it
        }
    }

    private boolean isMine() {
        try {
            return key.equals(keyOf(path));
        } catch (IOException e) {
            return false;
        }
    }

    private static Object keyOf(Path file) throws IOException {
        return Files.readAttributes(file, BasicFileAttributes.class).fileKey();
    }

    private void answer(SocketChannel client) throws IOException {
        String line = receive(client, CLIENT_MS, true);
        List<String> words = List.of(line.split("\t", -1));
        send(client, String.join("\n", handler.answer(words)) + "\n", CLIENT_MS);
    }

    /** Whether a server listens there. */
    private static boolean isAnswered(Path socket) {
        try {
            SocketChannel.open(UnixDomainSocketAddress.of(socket)).close();
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * Asks a server.
     *
     * @return its reply; null if no server listens there
     * @throws IOException when it does not answer, or may not be asked
     */
    public static List<String> ask(Path socket, List<String> words) throws IOException {
        if (!Files.exists(socket)) {
            return null;
        }
        try (var server = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            send(server, String.join("\t", words) + "\n", REPLY_MS);
            String reply = receive(server, REPLY_MS, false);
            if (!reply.endsWith("\n")) {
                throw new IOException("the server has ended before it had answered");
            }
            return reply.lines().toList();
        } catch (IOException e) {
            if ("Connection refused".equals(e.getMessage()) || !Files.exists(socket)) {
                return null;
            }
            throw new IOException(socket + ": " + words(e), e);
        }
    }

    /** Receives one line, or all up to the end. */
    private static String receive(SocketChannel channel, long milliseconds, boolean line) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(LONGEST);
        var until = new Patience(milliseconds);
        try (Selector selector = Selector.open()) {
            channel.configureBlocking(false);
            channel.register(selector, SelectionKey.OP_READ);
            while (true) {
                int n = channel.read(bytes);
                boolean complete = line && bytes.position() > 0 && bytes.get(bytes.position() - 1) == '\n';
                if (n < 0 && !line || complete) {
                    return new String(bytes.array(), 0, bytes.position() - (line ? 1 : 0), StandardCharsets.UTF_8);
                }
                if (n < 0 || !bytes.hasRemaining()) {
                    throw new IOException("no complete request or reply, or too long a one");
                }
                until.await(selector);
            }
        }
    }

    private static void send(SocketChannel channel, String text, long milliseconds) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        var until = new Patience(milliseconds);
        try (Selector selector = Selector.open()) {
            channel.configureBlocking(false);
            channel.register(selector, SelectionKey.OP_WRITE);
            while (true) {
                channel.write(bytes);
                if (!bytes.hasRemaining()) {
                    return;
                }
                until.await(selector);
            }
        }
    }

    /** How long the other end may take. */
    private static final class Patience {
        private final long end;
        private final long milliseconds;

        Patience(long milliseconds) {
            this.milliseconds = milliseconds;
            end = System.nanoTime() + milliseconds * 1_000_000;
        }

        void await(Selector selector) throws IOException {
            long left = (end - System.nanoTime()) / 1_000_000;
            if (left <= 0) {
                throw new IOException("no answer for " + milliseconds / 1000 + " seconds");
            }
            selector.select(left);
            selector.selectedKeys().clear();
        }
    }

    private static String words(Throwable e) {
        return e instanceof IOException failure && e.getMessage() != null ? FileErrors.words(failure) : e.toString();
    }
}
