// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

import abuse.backend.Urls;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * Where an export is, as the NBD URI specification writes it.
 *
 * @param text what the user wrote, which may be shown
 * @param socket the path of a unix socket; null for TCP
 * @param certificates null without TLS
 */
record NbdUri(String text, String host, int port, String socket, String export, Certificates certificates) {
    private static final int DEFAULT_PORT = 10809;
    private static final int MOST_PORT = 65535;
    /** A password may look like a query, but not like one that we know. */
    private static final Pattern KNOWN_QUERY = Pattern.compile("(?:(?:socket|tls-certificates|tls-hostname|tls-verify-peer)=[^&]*(?:&|$))*");

    /**
     * Reads a URI.
     *
     * @throws IOException when it is none; the message says why
     */
    static NbdUri parse(String written) throws IOException {
        String text = shown(written);
        URI uri;
        try {
            uri = new URI(written);
        } catch (URISyntaxException e) {
            // Without its cause, which quotes all that was written
            throw new IOException(text + ": is not a URI: " + e.getReason());
        }
        String path = uri.getPath() == null ? "" : uri.getPath();
        String export = path.startsWith("/") ? path.substring(1) : path;
        boolean tls = uri.getScheme().startsWith("nbds");
        boolean unix = uri.getScheme().endsWith("+unix");
        String host = uri.getHost();
        // Before the rest, which may be that of a password
        if (!text.equals(written)) {
            throw new IOException(text + ": a user name is of use only with pre-shared keys, which are not supported");
        }
        if (!unix && host == null) {
            throw new IOException(text + ": " + Urls.noHost(uri, "[EXPORT]"));
        }
        if (!unix && (uri.getPort() == 0 || uri.getPort() > MOST_PORT)) {
            throw new IOException(text + ": a port is a number from 1 to " + MOST_PORT);
        }
        String socket = null;
        String folder = null;
        String name = null;
        boolean verify = true;
        for (String part : uri.getRawQuery() == null ? new String[0] : uri.getRawQuery().split("&")) {
            String key = part.replaceFirst("=.*", "");
            String value = part.equals(key) ? ""
                    : URLDecoder.decode(part.substring(key.length() + 1).replace("+", "%2B"), StandardCharsets.UTF_8);
            if (value.indexOf('\0') >= 0) {
                throw new IOException(text + ": '" + part + "' has a byte that is in no name");
            }
            if (key.startsWith("tls-") && !tls) {
                throw new IOException(text + ": '" + key + "' belongs to nbds:// or nbds+unix://");
            }
            switch (key) {
                case "socket" -> socket = value;
                case "tls-certificates" -> folder = value;
                case "tls-hostname" -> name = value;
                case "tls-verify-peer" -> verify = bool(text, part, value);
                default -> throw new IOException(text + ": '" + part + "' is not known");
            }
        }
        if (unix && (socket == null || socket.isEmpty())) {
            throw new IOException(text + ": names no socket; add ?socket=PATH");
        }
        if (!unix && socket != null) {
            throw new IOException(text + ": a socket belongs to nbd+unix:// or nbds+unix://");
        }
        if (unix) {
            host = null;
        } else if (host.startsWith("[")) {
            host = host.substring(1, host.length() - 1);
        }
        return new NbdUri(text, host, uri.getPort() < 0 ? DEFAULT_PORT : uri.getPort(), socket, export,
                tls ? new Certificates(folder, name == null ? host : name, verify) : null);
    }

    /**
     * A URI as it may be shown: somebody may think that there is a password, as in others. One that has none is shown as it is,
     * with the socket that may follow.
     */
    static String shown(String text) {
        if (!text.contains("@")) {
            return text;
        }
        try {
            URI uri = new URI(text);
            boolean none = uri.getScheme().endsWith("+unix") ? !uri.isOpaque() && uri.getRawAuthority() == null
                    : uri.getHost() != null && uri.getRawUserInfo() == null
                            && (uri.getRawQuery() == null || KNOWN_QUERY.matcher(uri.getRawQuery()).matches());
            return none ? text : Urls.shown(text);
        } catch (URISyntaxException e) {
            return Urls.shown(text);
        }
    }

    private static boolean bool(String text, String part, String value) throws IOException {
        return switch (value) {
            case "true", "1" -> true;
            case "false", "0" -> false;
            default -> throw new IOException(text + ": '" + part + "' is neither true nor false");
        };
    }

    /** The export of a server of ours. */
    static NbdUri ofSocket(String text, String socket) {
        return new NbdUri(text, null, 0, socket, "", null);
    }

    boolean isUnix() {
        return socket != null;
    }

    /** The same for all ways to write it, and for all working directories. */
    String identity() {
        return "nbd " + (isUnix() ? path() : host.toLowerCase(Locale.ROOT) + " " + port) + " " + export;
    }

    private Path path() {
        Path path = Path.of(socket).toAbsolutePath();
        try {
            return path.toRealPath();
        } catch (IOException e) {
            return path;
        }
    }

    /** The addresses, looked up anew. */
    List<SocketAddress> addresses() throws UnknownHostException {
        if (isUnix()) {
            return List.of(UnixDomainSocketAddress.of(socket));
        }
        try {
            List<SocketAddress> addresses = new ArrayList<>();
            for (InetAddress one : InetAddress.getAllByName(host)) {
                addresses.add(new InetSocketAddress(one, port));
            }
            return addresses;
        } catch (UnknownHostException e) {
            throw new UnknownHostException("no such host");
        }
    }
}
