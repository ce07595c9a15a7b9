// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is shown of a URL has nothing of its password. */
class UrlsTest {
    private static final List<String> SCHEMES = List.of("http:", "http://", "HTTPS://", "nbd+unix:///");
    private static final List<String> PLACES = List.of("host", "host/disk", "host:80/disk?key=k", "[::1]:80/", "host/a@b", "host/disk?a=b@c");

    @ParameterizedTest
    @ValueSource(strings = {"@", ":", "/", "//", "://", "s://", "%", "%20", " ", "\t", "\n", "'", "\"", "\\", "?", "#", "&", "=", "[", "]", "{", "}", "<", ">", "|",
        "^", "`", "+", ",", ";", "$", "!", "*", "(", ")", "~", "\u00fc", "@:", "/:", ":/", "@/", "?@", "' '", "\" \"", "1@2/", ":1/"})
    void a_password_may_have_any_character(String character) {
        for (String secret : List.of("XXX" + character + "YYY", character + "YYY", "XXX" + character, "777" + character + "888", "777" + character + "YYY")) {
            for (String scheme : SCHEMES) {
                for (String place : PLACES) {
                    String url = scheme + "me:" + secret + "@" + place;
                    assertHidden(url, Urls.shown(url));
                    if (scheme.endsWith("://")) {
                        for (String command : List.of("curl " + url, "curl '" + url + "'", "curl \"" + url + "\" -o x", "sh -c \"curl '" + url + "'; echo\"",
                                "a " + url + " https://other/x")) {
                            assertHidden(command, Urls.shownIn(command));
                        }
                    }
                }
            }
        }
    }

    private static void assertHidden(String text, String shown) {
        assertFalse(shown.matches("(?s).*(XXX|YYY|777|888).*"), () -> text + " is shown as " + shown);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '^', value = {
        "curl https://me:secret@host:1/disk?key=k -o x | curl https://host:1/disk -o x",
        "curl 'https://me:secret@host/disk?key=k' -o x | curl 'https://host/disk' -o x",
        "curl \"https://host/disk\" | curl \"https://host/disk\"",
        "a one@two https://host/a https://host/b?key=k | a one@two https://host/a https://host/b",
        "a 'https://me:se cret@host/disk' b | a 'https://... b",
        "a https://me:se cret@host/disk b | a https://... b",
        "a https://host/disk me@there b | a https://... b",
        "a https://host/x@y | a https://host/x@y",
        "a https://host:1/x@y | a https://...@y",
    })
    void a_command_is_shown_otherwise(String command, String shown) {
        assertEquals(shown, Urls.shownIn(command));
    }

    @Test
    void a_part_of_a_password_that_a_blank_has_made_a_word_is_not_shown() {
        assertEquals("...", new Backends().shown("cret@host/disk"));
        assertEquals("htpp:...", new Backends().shown("htpp:me:secret@host"));
        assertEquals("htpp:...", new Backends().shown("htpp://host?key=k"));
        assertEquals("/dev/abuse?", new Backends().shown("/dev/abuse?"));
    }
}
