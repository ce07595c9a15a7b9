// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import java.io.IOException;
import java.net.SocketException;
import java.util.function.BooleanSupplier;

/**
 * Where an export is, and the server that has it if that is ours.
 *
 * @param text what the user wrote, as it may be shown
 * @param server null if it is somebody else's
 */
record Target(String text, NbdUri uri, PrivateServer server) implements AutoCloseable {
    /** How long a server may take that has taken a connection already. */
    private static final long ONE_MORE_NS = 2_000_000_000L;

    Target(NbdUri uri) {
        this(uri.text(), uri, null);
    }

    Target(PrivateServer server) {
        this(server.text(), server.uri(), server);
    }

    /** A first connection, or an error that says where. */
    Handshake.Result connect() throws IOException {
        try {
            return reconnect(Handshake.LIMIT_NS, () -> false);
        } catch (IOException e) {
            throw new IOException(text + ": " + cause(e) + (e instanceof SocketException && server == null
                    ? "; is an NBD server running there?" : ""), e);
        }
    }

    /** One more connection beside others. */
    Handshake.Result connectOnceMore() throws IOException {
        return reconnect(ONE_MORE_NS, () -> false);
    }

    /**
     * A connection; a server of ours is started if it does not run.
     *
     * @param unwanted as in {@link Handshake#with}
     */
    Handshake.Result reconnect(BooleanSupplier unwanted) throws IOException {
        return reconnect(Handshake.LIMIT_NS, unwanted);
    }

    private Handshake.Result reconnect(long limit, BooleanSupplier unwanted) throws IOException {
        return server == null ? Handshake.with(uri, limit, unwanted) : server.connect(limit, unwanted);
    }

    /** The same for all ways to write it; null for what only we have. */
    String identity() {
        return server == null ? uri.identity() : null;
    }

    @Override
    public void close() {
        if (server != null) {
            server.close();
        }
    }

    static String cause(Throwable e) {
        return e.getMessage() == null ? e.toString() : e.getMessage();
    }
}
