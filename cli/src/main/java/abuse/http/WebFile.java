// SPDX-License-Identifier: Apache-2.0
package abuse.http;

import static java.nio.charset.StandardCharsets.UTF_8;

import abuse.backend.Urls;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.Base64;

/**
 * Where a file is, and who we are there.
 *
 * @param text what the user wrote, as far as it may be shown
 * @param uri the same as a URI, without a user and a password
 * @param authorization what proves who we are; null without a user
 */
record WebFile(String text, URI uri, String authorization) {
    private static final int MOST_PORT = 65535;
    private static final int HTTP_PORT = 80;
    private static final int HTTPS_PORT = 443;

    /**
     * Reads a URL.
     *
     * @throws IOException when it is none; the message says why, and has no password
     */
    static WebFile parse(String text) throws IOException {
        try {
            URI uri = new URI(text);
            if (!isPlace(uri)) {
                throw new IOException(Urls.shown(text) + ": " + Urls.noHost(uri, "PATH"));
            }
            String user = uri.getUserInfo();
            return new WebFile(Urls.shown(text), withoutUser(uri), user == null ? null
                    : "Basic " + Base64.getEncoder().encodeToString(user.getBytes(UTF_8)));
        } catch (URISyntaxException e) {
            // Without its cause, which quotes the password
            throw new IOException(Urls.shown(text) + ": is not a URL: " + e.getReason());
        }
    }

    /** The same place without who we are there. */
    static URI withoutUser(URI uri) {
        return URI.create(uri.getScheme() + "://" + hostOf(uri) + (uri.getRawPath().isEmpty() ? "/" : uri.getRawPath())
                + (uri.getRawQuery() == null ? "" : "?" + uri.getRawQuery()));
    }

    /** Whether it has a host, and a port that there can be. */
    static boolean isPlace(URI uri) {
        return uri.getHost() != null && uri.getPort() != 0 && uri.getPort() <= MOST_PORT;
    }

    /** Whether a place on the web is at the same server, which may know who we are. */
    boolean isAtHome(URI place) {
        return place.getScheme().equalsIgnoreCase(uri.getScheme()) && place.getHost().equalsIgnoreCase(uri.getHost())
                && portOf(place) == portOf(uri);
    }

    private static int portOf(URI uri) {
        return uri.getPort() >= 0 ? uri.getPort() : uri.getScheme().equalsIgnoreCase("http") ? HTTP_PORT : HTTPS_PORT;
    }

    /** Where it is, without who we are there and without the query. */
    static String placeOf(URI uri) {
        return uri.getScheme() + "://" + hostOf(uri) + uri.getRawPath();
    }

    private static String hostOf(URI uri) {
        return uri.getRawAuthority().substring(uri.getRawAuthority().lastIndexOf('@') + 1);
    }
}
