// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.device.FileErrors;
import abuse.libc.Threads;
import abuse.libc.Unix;
import java.io.Closeable;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.function.Consumer;

/**
 * A unix socket through which a server is told something while it serves; {@link ControlClient} is its other end. Only its
 * own user and root may connect.
 *
 * <p>One thread answers one client after the other, each in a bounded time. The newest server of a disk has the file;
 * when that one is gone, an older one that still serves makes it again.
 */
public final class ControlSocket implements AutoCloseable {
    /** Answers a request with lines. */
    public interface Handler {
        ControlReply answer(List<String> words);

        /** Is called in the same thread, after each request and each second. */
        default void look() {}

        /** The server's end waits for the answer to a request, for so many seconds at most. */
        default void awaited(List<String> words, long seconds) {}
    }

    /** How long a client may take to send its request, and again to take the reply. */
    private static final long CLIENT_MS = 2000;
    /** How long a server that ends waits for the answer to a client, and when it says so. */
    private static final long CLOSE_MS = 15_000;
    private static final long TELL_MS = 1000;
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
    /** The request that is being answered. */
    private volatile List<String> asked;

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
        boolean ended = Threads.join(thread, TELL_MS);
        if (!ended) {
            List<String> words = asked;
            if (words != null) {
                handler.awaited(words, (CLOSE_MS - TELL_MS) / 1000);
            }
            ended = Threads.join(thread, CLOSE_MS - TELL_MS);
        }
        if (!ended) {
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
        if (channel == null || !isMine() && !ControlClient.isAnswered(path)) {
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
        List<String> words = ControlProtocol.words(ControlProtocol.receive(client, CLIENT_MS, true));
        asked = words;
        try {
            ControlProtocol.send(client, handler.answer(words).written(), CLIENT_MS);
        } finally {
            asked = null;
        }
    }

    static String words(Throwable e) {
        return e instanceof IOException failure && e.getMessage() != null ? FileErrors.words(failure) : e.toString();
    }
}
