// SPDX-License-Identifier: Apache-2.0
package abuse.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.net.http.HttpRequest;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** When two parts are parts of one file. */
class VersionTest {
    private static final String HERE = "http://host/disk";

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '\'', nullValues = "-", value = {
        "\"1\"   | day 1 | http://host/disk | \"1\"   | day 1 | true  | the same",
        "\"1\"   | day 1 | http://host/disk | \"1\"   | day 2 | true  | a strong tag decides",
        "\"1\"   | day 1 | http://host/disk | \"2\"   | day 1 | false | a strong tag decides",
        "\"1\"   | day 1 | http://host/disk | -       | day 1 | false | a strong tag decides",
        "\"1\"   | day 1 | http://host/disk | W/\"1\" | day 1 | false | it became weak",
        "W/\"1\" | day 1 | http://host/disk | W/\"1\" | day 1 | true  | nothing is different",
        "W/\"1\" | day 1 | http://host/disk | \"1\"   | day 1 | true  | it became strong after a moment",
        "W/\"1\" | day 1 | http://host/disk | W/\"1\" | day 2 | false | a weak tag decides nothing",
        "W/\"1\" | day 1 | http://host/disk | W/\"2\" | day 1 | false | even a weak tag is another one",
        "1       | day 1 | http://host/disk | 1       | day 2 | false | what is no tag is like a weak one",
        "-       | day 1 | http://host/disk | -       | day 2 | false | the time is all",
        "-       | -     | http://host/disk | -       | -     | true  | nothing is known",
        "\"1\"   | day 1 | http://mirror/disk | \"2\" | day 1 | true  | each place has its tags",
        "\"1\"   | day 1 | http://mirror/disk | \"2\" | day 2 | false | the time is all",
        "\"1\"   | day 1 | http://mirror/disk | \"1\" | day 2 | true  | tags that are made of the bytes",
        "W/\"1\" | day 1 | http://mirror/disk | W/\"1\" | day 2 | false | a weak tag decides nothing",
        "\"1\"   | -     | http://mirror/disk | \"2\" | -     | false | nothing is known",
        "-       | -     | http://mirror/disk | -     | -     | false | nothing is known",
    })
    void parts_are_parts_of_one_file(String tag, String modified, String place, String laterTag, String laterModified, boolean same, String why) {
        var first = new Version(HERE, 1000, tag, modified);
        assertEquals(same, new Version(place, 1000, laterTag, laterModified).isOf(first), why);
        assertFalse(new Version(place, 2000, laterTag, laterModified).isOf(first));
    }

    private static String demanded(String header, String tag, String modified, String place) {
        var request = HttpRequest.newBuilder(URI.create(place));
        new Version(HERE, 1000, tag, modified).demand(request, URI.create(place));
        Optional<String> value = request.build().headers().firstValue(header);
        return value.orElse(null);
    }

    @Test
    void only_a_strong_tag_is_demanded_and_only_where_it_belongs() {
        assertEquals("\"1\"", demanded("If-Match", "\"1\"", "day 1", HERE + "?signature=2"));
        assertEquals("day 1", demanded("If-Unmodified-Since", "\"1\"", "day 1", "http://mirror/disk"));
        for (String tag : new String[] {"W/\"1\"", "1", "\"1", "\"1\" 2\"", null}) {
            assertEquals(null, demanded("If-Match", tag, "day 1", HERE));
            assertEquals("day 1", demanded("If-Unmodified-Since", tag, "day 1", HERE));
            assertFalse(new Version(HERE, 1000, tag, "day 1").isStrong());
        }
    }

    @Test
    void what_java_cannot_send_is_not_demanded() {
        String tag = "\"\u00e9\"";
        assertNull(demanded("If-Match", tag, "day 1", HERE));
        assertEquals("day 1", demanded("If-Unmodified-Since", tag, "day 1", HERE));
        assertTrue(new Version(HERE, 1000, tag, null).isStrong());
    }

    @ParameterizedTest
    @CsvSource(nullValues = "-", value = {"1, -", "w/\"1\", -", "W/\"1\", -", "-, -", "\"1\", 1000 \"1\""})
    void only_a_strong_tag_keeps_a_cache(String tag, String stamp) throws Exception {
        var backend = new HttpBackend(WebFile.parse(HERE), new Version(HERE, 1000, tag, "day 1"));
        assertEquals(stamp, backend.stamp());
        backend.close();
    }
}
