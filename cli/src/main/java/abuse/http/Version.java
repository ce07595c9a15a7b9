// SPDX-License-Identifier: Apache-2.0
package abuse.http;

import java.net.URI;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a server says of a file together with a part of it.
 *
 * @param place where it is, without the query, which may be another one each time
 * @param size bytes
 * @param tag its entity tag there; null without one
 * @param modified when it was changed last, in the server's words; null if it does not say
 */
record Version(String place, long size, String tag, String modified) {
    private static final Pattern RANGE = Pattern.compile("bytes (\\d{1,18})-(\\d{1,18})/(\\d{1,18})");
    private static final String WEAK = "W/";
    private static final Pattern STRONG = Pattern.compile("\"[!#-~\u0080-\u00ff]*\"");

    /** Whether a server sends something else that is made of the bytes, such as what gzip makes of them. */
    static boolean isEncoded(HttpHeaders headers) {
        return !headers.firstValue("Content-Encoding").orElse("identity").equalsIgnoreCase("identity");
    }

    /** What a part belongs to; null if it is not the one that was asked for, as far as the file has it. */
    static Version of(URI place, HttpHeaders headers, long first, long length) {
        Matcher range = RANGE.matcher(headers.firstValue("Content-Range").orElse(""));
        if (!range.matches() || isEncoded(headers)) {
            return null;
        }
        long size = Long.parseLong(range.group(3));
        boolean right = Long.parseLong(range.group(1)) == first && Long.parseLong(range.group(2)) == Math.min(first + length, size) - 1;
        return !right ? null
                : new Version(WebFile.placeOf(place), size, headers.firstValue("ETag").orElse(null),
                        headers.firstValue("Last-Modified").orElse(null));
    }

    /** Has the server refuse to send what belongs to another version. */
    void demand(HttpRequest.Builder request, URI at) {
        // Of other characters Java would send something else
        if (isStrong() && tag.chars().allMatch(one -> one < 0x80) && place.equals(WebFile.placeOf(at))) {
            request.header("If-Match", tag);
        } else if (modified != null) {
            request.header("If-Unmodified-Since", modified);
        }
    }

    /**
     * Whether a part of this one, which was seen later, belongs to the first. A strong tag alone decides, but each place has
     * tags of its own. With a weak one, which need not change with each byte, or at another place, the time must be the same.
     */
    boolean isOf(Version first) {
        if (size != first.size) {
            return false;
        }
        boolean here = place.equals(first.place);
        boolean sameTag = Objects.equals(tag, first.tag);
        if (first.isStrong() && (here || sameTag)) {
            return sameTag;
        }
        return (here ? Objects.equals(opaque(tag), opaque(first.tag)) : modified != null) && Objects.equals(modified, first.modified);
    }

    private static String opaque(String tag) {
        return tag != null && tag.startsWith(WEAK) ? tag.substring(WEAK.length()) : tag;
    }

    /** Whether its tag is another one after every change. */
    boolean isStrong() {
        return tag != null && STRONG.matcher(tag).matches();
    }

    /** The same for the same bytes. */
    String identity() {
        return size + " " + (isStrong() ? tag : tag + " " + modified);
    }
}
