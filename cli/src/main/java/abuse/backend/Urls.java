// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What may be shown of URLs, which may have passwords and keys. A password may have what belongs in no URL, or into another part
 * of one: what could be a part of it is not shown, even if it is none.
 */
public final class Urls {
    private static final Pattern BEGIN = Pattern.compile("\\b[A-Za-z][A-Za-z0-9+.-]*://");
    private static final String HIDDEN = "...";

    private Urls() {}

    /**
     * What is wrong with a URL that has no host.
     *
     * @param rest what belongs behind the host
     */
    public static String noHost(URI uri, String rest) {
        boolean underscore = uri.getRawAuthority() != null && uri.getRawAuthority().contains("_");
        return "names no host" + (underscore ? ", as a host has no _" : "") + "; it is " + uri.getScheme() + "://HOST[:PORT]/" + rest;
    }

    /** The scheme, host and path of a text: never a user, a password or a query; perhaps too little of one with a {@code @}, and of what is no URL. */
    public static String shown(String text) {
        int start = text.indexOf(':') + 1;
        while (start < text.length() && text.charAt(start) == '/') {
            start++;
        }
        int at = text.lastIndexOf('@');
        String unknown = at < start ? "" : text.substring(start, at);
        boolean isUrl = false;
        try {
            URI uri = new URI(text);
            isUrl = uri.getHost() != null;
            // With a colon before a @ that is not in its place, what looks like a host or a port may be a part of a password
            if (isUrl && (!unknown.contains(":") || uri.getRawAuthority().length() > unknown.length())) {
                return uri.getScheme() + "://" + uri.getRawAuthority().substring(uri.getRawAuthority().lastIndexOf('@') + 1)
                        + uri.getRawPath();
            }
        } catch (URISyntaxException e) {
            // So it cannot be told what is what
        }
        // Such a sign ends the place or is in a password, and so is a colon
        String rest = unknown.matches("(?s).*[?#].*") ? HIDDEN
                : (isUrl ? HIDDEN + "@" : "") + text.substring(Math.max(start, at + 1)).replaceFirst("(?s)[:?#].*", "");
        return text.substring(0, start) + rest;
    }

    /**
     * A command, whose words are those of {@link Words}, with its URLs as they may be shown; without all from the first one to the
     * last word with a {@code @}, if that is a later one.
     */
    public static String shownIn(String command) {
        Matcher url = BEGIN.matcher(command);
        if (!url.find()) {
            return command;
        }
        int end = endOfWord(command, url.start());
        int at = command.lastIndexOf('@');
        if (at >= end || command.substring(url.end(), Math.max(url.end(), at)).matches("(?s).*\\s.*")) {
            return command.substring(0, url.end()) + HIDDEN + shownIn(command.substring(endOfWord(command, at)));
        }
        int last = end;
        while (last > url.end() && isQuote(command.charAt(last - 1))) {
            last--;
        }
        return command.substring(0, url.start()) + shown(command.substring(url.start(), last)) + command.substring(last, end)
                + shownIn(command.substring(end));
    }

    /** Where the word with a place ends. */
    private static int endOfWord(String command, int place) {
        char quote = 0;
        for (int i = 0; i < command.length(); i++) {
            char c = command.charAt(i);
            if (quote != 0 ? c == quote : isQuote(c)) {
                quote = quote == 0 ? c : 0;
            } else if (i > place && quote == 0 && Character.isWhitespace(c)) {
                return i;
            }
        }
        return command.length();
    }

    private static boolean isQuote(char c) {
        return c == '"' || c == '\'';
    }
}
