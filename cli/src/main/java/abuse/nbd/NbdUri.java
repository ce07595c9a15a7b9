// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * Where an export is, as the NBD URI specification writes it.
 *
 * @param text what the user wrote
 * @param socket the path of a unix socket; null for TCP
 */
record NbdUri(String text, String host, int port, String socket, String export) {
    private static final int DEFAULT_PORT = 10809;

    /**
     * Reads a URI.
     *
     * @throws IOException when it is none; the message says why
     */
    static NbdUri parse(String text) throws IOException {
        URI uri;
        try {
            uri = new URI(text);
        } catch (URISyntaxException e) {
            throw new IOException(text + ": is not a URI: " + e.getReason(), e);
        }
        String path = uri.getPath() == null ? "" : uri.getPath();
        String export = path.startsWith("/") ? path.substring(1) : path;
        String socket = null;
        if (uri.getRawQuery() != null) {
            for (String part : uri.getRawQuery().split("&")) {
                if (part.startsWith("socket=")) {
                    socket = URLDecoder.decode(part.substring("socket=".length()).replace("+", "%2B"), StandardCharsets.UTF_8);
                } else if (part.startsWith("tls-")) {
                    throw new IOException(text + ": TLS is not supported; use nbd:// or nbd+unix://");
                } else {
                    throw new IOException(text + ": '" + part + "' is not known");
                }
            }
        }
        if (uri.getScheme().equals("nbd+unix")) {
            if (socket == null || socket.isEmpty()) {
                throw new IOException(text + ": names no socket; add ?socket=PATH");
            }
            return new NbdUri(text, null, 0, socket, export);
        }
        if (socket != null) {
            throw new IOException(text + ": a socket belongs to nbd+unix://");
        }
        String host = uri.getHost();
        if (host == null) {
            throw new IOException(text + ": names no host; it is nbd://HOST[:PORT]/[EXPORT]");
        }
        if (uri.getUserInfo() != null) {
            throw new IOException(text + ": a user name is of use only with TLS, which is not supported");
        }
        return new NbdUri(text, host.startsWith("[") ? host.substring(1, host.length() - 1) : host,
                uri.getPort() < 0 ? DEFAULT_PORT : uri.getPort(), null, export);
    }

    /** The export of a server of ours. */
    static NbdUri ofSocket(String text, String socket) {
        return new NbdUri(text, null, 0, socket, "");
    }

    boolean isUnix() {
        return socket != null;
    }

    /** The same for all ways to write it. */
    String identity() {
        return "nbd " + (isUnix() ? socket : host.toLowerCase(Locale.ROOT) + " " + port) + " " + export;
    }

    /** The address, looked up anew. */
    SocketAddress address() throws UnknownHostException {
        if (isUnix()) {
            return UnixDomainSocketAddress.of(socket);
        }
        var address = new InetSocketAddress(host, port);
        if (address.isUnresolved()) {
            throw new UnknownHostException("no such host");
        }
        return address;
    }
}
