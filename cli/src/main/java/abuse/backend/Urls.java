// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What may be shown of URLs, which may have passwords and keys. */
public final class Urls {
    private static final String SCHEME = "[A-Za-z][A-Za-z0-9+.-]*://";
    /** Another one may follow without a blank. */
    private static final Pattern URL = Pattern.compile("\\b" + SCHEME + "(?:(?!\\b" + SCHEME + ")[^\\s'\"])*");

    private Urls() {}

    /** The scheme, host and path of a text: never a user, a password or a query; of one that is not a URL perhaps too little. */
    public static String shown(String text) {
        try {
            URI uri = new URI(text);
            if (uri.getHost() != null) {
                return uri.getScheme() + "://" + uri.getRawAuthority().substring(uri.getRawAuthority().lastIndexOf('@') + 1)
                        + uri.getRawPath();
            }
        } catch (URISyntaxException e) {
            // A password may have what belongs into no URL
        }
        int start = text.indexOf(':') + 1;
        while (start < text.length() && text.charAt(start) == '/') {
            start++;
        }
        int at = text.lastIndexOf('@');
        String unknown = at < start ? "" : text.substring(start, at);
        // Such a sign ends the place or is in a password, and so is a colon
        String rest = unknown.matches("(?s).*[?#].*") ? "..." : text.substring(Math.max(start, at + 1)).replaceFirst("(?s)[:?#].*", "");
        return text.substring(0, start) + rest;
    }

    /** A text, such as a command, with its URLs as they may be shown. */
    public static String shownIn(String text) {
        return URL.matcher(text).replaceAll(url -> Matcher.quoteReplacement(shown(url.group())));
    }
}
