// SPDX-License-Identifier: Apache-2.0
package abuse.server;

import abuse.libc.Unix;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/** The end of a {@link ControlSocket} at which somebody asks. */
public final class ControlClient {
    /** How long a server may take for its reply; longer than it waits for requests of the disk to end. */
    private static final long REPLY_MS = 60_000;
    /** How long somebody waits for a server at which too many wait already. */
    private static final long CONNECT_MS = 10_000;
    private static final long RETRY_NS = 20_000_000;

    private enum Obstacle { NOBODY, FORBIDDEN, FULL, OTHER }

    private ControlClient() {}

    /**
     * Asks a server.
     *
     * @return its reply; null if no server listens there
     * @throws AccessDeniedException when it may not be asked
     * @throws IOException when it does not answer; the message names the socket
     */
    public static ControlReply ask(Path socket, List<String> words) throws IOException {
        try (SocketChannel server = connect(socket)) {
            if (server == null) {
                return null;
            }
            ControlProtocol.send(server, ControlProtocol.request(words), REPLY_MS);
            return ControlReply.read(ControlProtocol.receive(server, REPLY_MS, false));
        } catch (AccessDeniedException e) {
            throw e;
        } catch (IOException e) {
            throw new IOException(socket + ": " + ControlSocket.words(e), e);
        }
    }

    /** Whether a server listens there. */
    static boolean isAnswered(Path socket) {
        try (var server = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.configureBlocking(false);
            server.connect(UnixDomainSocketAddress.of(socket));
            return true;
        } catch (IOException e) {
            return obstacle(e) == Obstacle.FULL;
        }
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
                switch (obstacle(e)) {
                    case NOBODY -> {
                        return null;
                    }
                    case FORBIDDEN -> throw (IOException) new AccessDeniedException(socket.toString()).initCause(e);
                    case OTHER -> throw e;
                    case FULL -> {
                        // It may have room soon
                    }
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

    /** Why it cannot be connected. An exception has only the C library's words, which are those of the user's language. */
    private static Obstacle obstacle(IOException e) {
        return is(e, Unix.ENOENT) || is(e, Unix.ENOTDIR) || is(e, Unix.ECONNREFUSED) ? Obstacle.NOBODY
                : is(e, Unix.EACCES) || is(e, Unix.EPERM) ? Obstacle.FORBIDDEN
                : is(e, Unix.EAGAIN) ? Obstacle.FULL : Obstacle.OTHER;
    }

    private static boolean is(IOException e, int errno) {
        return Unix.strerror(errno).equals(e.getMessage());
    }
}
