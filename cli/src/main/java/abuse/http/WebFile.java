// SPDX-License-Identifier: Apache-2.0
package abuse.http;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.Base64;

/**
 * Where a file is, and who we are there.
 *
 * @param text what the user wrote, without a user and a password
 * @param uri the same as a URI
 * @param authorization what proves who we are; null without a user
 */
record WebFile(String text, URI uri, String authorization) {
    /**
     * Reads a URL.
     *
     * @throws IOException when it is none; the message says why, and has no password
     */
    static WebFile parse(String text) throws IOException {
        try {
            URI uri = new URI(text);
            if (uri.getHost() == null || uri.getPort() > 65535) {
                throw new IOException(withoutUser(text) + ": names no host; it is " + uri.getScheme() + "://HOST[:PORT]/PATH");
            }
            String user = uri.getUserInfo();
            var plain = new URI(uri.getScheme() + "://" + uri.getRawAuthority().substring(uri.getRawAuthority().lastIndexOf('@') + 1)
                    + (uri.getRawPath().isEmpty() ? "/" : uri.getRawPath()) + (uri.getRawQuery() == null ? "" : "?" + uri.getRawQuery()));
            return new WebFile(withoutUser(text), plain, user == null ? null
                    : "Basic " + Base64.getEncoder().encodeToString(user.getBytes(UTF_8)));
        } catch (URISyntaxException e) {
            throw new IOException(withoutUser(text) + ": is not a URL: " + e.getReason(), e);
        }
    }

    /** A text that may be shown; of one that is not a URL perhaps too little. */
    static String withoutUser(String text) {
        try {
            URI uri = new URI(text);
            if (uri.getHost() != null) {
                return uri.getRawUserInfo() == null ? text : text.replaceFirst("//[^/?#]*@", "//");
            }
        } catch (URISyntaxException e) {
            // A password may have what belongs into no URL
        }
        return text.replaceFirst("//.*@", "//");
    }

    /** Whether a place on the web is at the same server, which may know who we are. */
    boolean isAtHome(URI place) {
        return place.getScheme().equalsIgnoreCase(uri.getScheme()) && place.getHost().equalsIgnoreCase(uri.getHost())
                && place.getPort() == uri.getPort();
    }
}
