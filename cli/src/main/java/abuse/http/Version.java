// SPDX-License-Identifier: Apache-2.0
package abuse.http;

import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a server says of a file together with a part of it. Two parts with the same are parts of the same file.
 *
 * @param size bytes
 * @param tag its entity tag; null without one
 * @param modified when it was changed last, in the server's words; null if it does not say
 */
record Version(long size, String tag, String modified) {
    private static final Pattern RANGE = Pattern.compile("bytes (\\d{1,18})-(\\d{1,18})/(\\d{1,18})");

    /** Whether a server sends something else that is made of the bytes, such as what gzip makes of them. */
    static boolean isEncoded(HttpHeaders headers) {
        return !headers.firstValue("Content-Encoding").orElse("identity").equalsIgnoreCase("identity");
    }

    /** What a part belongs to; null if it is not the one that was asked for, as far as the file has it. */
    static Version of(HttpHeaders headers, long first, long length) {
        Matcher range = RANGE.matcher(headers.firstValue("Content-Range").orElse(""));
        if (!range.matches() || isEncoded(headers)) {
            return null;
        }
        long size = Long.parseLong(range.group(3));
        boolean right = Long.parseLong(range.group(1)) == first && Long.parseLong(range.group(2)) == Math.min(first + length, size) - 1;
        return !right ? null
                : new Version(size, headers.firstValue("ETag").orElse(null), headers.firstValue("Last-Modified").orElse(null));
    }

    /** Has the server refuse to send what belongs to another version. */
    void demand(HttpRequest.Builder request) {
        if (tag != null && !tag.startsWith("W/")) {
            request.header("If-Match", tag);
        } else if (modified != null) {
            request.header("If-Unmodified-Since", modified);
        }
    }

    /** The same for the same bytes. */
    String identity() {
        return size + " " + (tag != null ? tag : modified);
    }
}
