// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.device.FileErrors;
import abuse.libc.Threads;
import abuse.libc.Unix;
import java.io.Closeable;
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
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
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

        /** Is called in the same thread, after each request and each second. */
        default void look() {}
    }

    private static final int LONGEST = 1 << 16;
    /** How long a client may take to send its request, and again to take the reply. */
    private static final long CLIENT_MS = 2000;
    /** How long a server may take for its reply; longer than it waits for requests of the disk to end. */
    private static final long REPLY_MS = 60_000;
    /** How long a server that ends waits for the answer to a client. */
    private static final long CLOSE_MS = 15_000;
    /** How long somebody waits for a server at which too many wait already. */
    private static final long CONNECT_MS = 10_000;
    private static final long RETRY_NS = 20_000_000;
    /** What the system says when no server listens. */
    private static final Set<String> NOBODY = Set.of("Connection refused", "No such file or directory", "Not a directory");
    /** How often it looks whether the file is still its own. */
    private static final long LOOK_MS = 1000;

    private final Path path;
    private final Handler handler;
    private final Consumer<String> problems;
    private final Thread thread = new Thread(this::run, "control");
    private volatile Selector selector;
    private volatile ServerSocketChannel channel;
    /** What the file is told apart by. */
    private volatile Object key;
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

    /** The server's end; a client that is being answered has its answer, unless that takes long. */
    @Override
    public void close() {
        closed = true;
        synchronized (this) {
            notifyAll();
            if (selector != null) {
                selector.wakeup();
            }
        }
        if (!Threads.join(thread, CLOSE_MS)) {
            // Nobody is to wait for a server that has ended
            withdraw();
        }
    }

    private void run() {
        // As a worker does, whose requests it may let go on
        Unix.becomeIoFlusher();
        boolean told = false;
        while (!closed) {
            try {
                serve();
                told = false;
            } catch (Throwable e) {
                if (!told) {
                    told = true;
                    tell(e);
                }
                pause();
            }
        }
        withdraw();
    }

    /** Answers a client, if one comes in the next second, and looks whether the socket is in its place. */
    private void serve() throws IOException {
        if (channel == null || !isMine() && !isAnswered(path)) {
            publish();
        }
        selector.select(LOOK_MS);
        selector.selectedKeys().clear();
        SocketChannel client = channel.accept();
        if (client != null) {
            try (client) {
                answer(client);
            } catch (Throwable e) {
                // That client is not answered
            }
        }
        handler.look();
    }

    private void tell(Throwable e) {
        try {
            problems.accept(path + ": " + words(e) + "; the server cannot be told anything while it serves");
        } catch (Throwable another) {
            // It goes on without a word
        }
    }

    private synchronized void pause() {
        try {
            if (!closed) {
                wait(LOOK_MS);
            }
        } catch (InterruptedException e) {
            // Nobody has a reason to
        }
    }

    /** Makes the socket where nobody else can reach it, and then gives it its name, which takes that from an older one. */
    private void publish() throws IOException {
        Path folder = path.getParent();
        Files.createDirectories(folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
        Path hidden = Files.createTempDirectory(folder, ".control");
        Path socket = hidden.resolve("s");
        withdraw();
        try {
            open(socket);
            Files.move(socket, path, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException | RuntimeException | Error e) {
            withdraw();
            throw e;
        } finally {
            Files.deleteIfExists(socket);
            Files.deleteIfExists(hidden);
        }
    }

    private synchronized void open(Path socket) throws IOException {
        selector = Selector.open();
        channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        channel.bind(UnixDomainSocketAddress.of(socket));
        channel.configureBlocking(false);
        channel.register(selector, SelectionKey.OP_ACCEPT);
        Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-------"));
        key = keyOf(socket);
    }

    private synchronized void withdraw() {
        try {
            if (channel != null && isMine()) {
                Files.deleteIfExists(path);
            }
        } catch (IOException | RuntimeException e) {
            // The next server replaces it
        }
        close(channel);
        close(selector);
        channel = null;
        selector = null;
        key = null;
    }

    private static void close(Closeable part) {
        try {
            if (part != null) {
                part.close();
            }
        } catch (IOException e) {
            // Nothing else can be done about it
        }
    }

    private boolean isMine() {
        try {
            return keyOf(path).equals(key);
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
        try (var server = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.configureBlocking(false);
            server.connect(UnixDomainSocketAddress.of(socket));
            return true;
        } catch (IOException e) {
            return isFull(e);
        }
    }

    /**
     * Asks a server.
     *
     * @return its reply; null if no server listens there
     * @throws IOException when it does not answer, or may not be asked
     */
    public static List<String> ask(Path socket, List<String> words) throws IOException {
        try (SocketChannel server = connect(socket)) {
            if (server == null) {
                return null;
            }
            send(server, String.join("\t", words) + "\n", REPLY_MS);
            String reply = receive(server, REPLY_MS, false);
            if (!reply.endsWith("\n")) {
                throw new IOException("the server has ended before it had answered");
            }
            return reply.lines().toList();
        } catch (IOException e) {
            throw new IOException(socket + ": " + words(e), e);
        }
    }

    /** Whether too many clients wait already for the server that listens. */
    private static boolean isFull(IOException e) {
        return "Resource temporarily unavailable".equals(e.getMessage());
    }

    /** Connects to a server; null if there is none. */
    private static SocketChannel connect(Path socket) throws IOException {
        long end = System.nanoTime() + CONNECT_MS * 1_000_000;
        while (true) {
            SocketChannel server = SocketChannel.open(StandardProtocolFamily.UNIX);
            boolean connected = false;
            try {
                server.configureBlocking(false);
                connected = server.connect(UnixDomainSocketAddress.of(socket));
            } catch (IOException e) {
                if (NOBODY.contains(String.valueOf(e.getMessage()))) {
                    return null;
                }
                if (!isFull(e)) {
                    throw e;
                }
            } finally {
                if (!connected) {
                    server.close();
                }
            }
            if (connected) {
                return server;
            }
            if (System.nanoTime() - end >= 0) {
                throw new IOException("too many wait for the server, which has not answered for " + CONNECT_MS / 1000 + " seconds");
            }
            LockSupport.parkNanos(RETRY_NS);
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
