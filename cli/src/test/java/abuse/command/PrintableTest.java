// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** What a terminal must not obey is shown as util-linux shows it. */
class PrintableTest {
    @Test
    void what_is_not_printable_is_shown_in_bytes() {
        assertEquals("", Printable.text(""));
        assertEquals("a file\u00e4\u4e2d\ud83d\ude00", Printable.text("a file\u00e4\u4e2d\ud83d\ude00"));
        assertEquals("a\\x0astate: 9\\x1b[31m\\x07\\x00\\x7f\\x09", Printable.text("a\nstate: 9\u001b[31m\u0007\0\u007f\t"));
        assertEquals("\\xc2\\x85\\xe2\\x80\\xae\\xe2\\x80\\xa8", Printable.text("\u0085\u202e\u2028"));
        assertEquals("a\tb\\x1b", Printable.line("a\tb\u001b"));
    }

    @Test
    void a_backslash_is_told_from_one_that_stands_for_a_byte() {
        assertEquals("C:\\dir\\x5cx0a\\\\", Printable.text("C:\\dir\\x0a\\\\"));
    }
}
