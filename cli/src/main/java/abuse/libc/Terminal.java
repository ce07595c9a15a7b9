// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

/** What may be shown on a terminal. */
public final class Terminal {
    private Terminal() {}

    /** The text of a stranger in one line, with a question mark for each character that can move the cursor or turn the text round. */
    public static String printable(String text) {
        return text.replaceAll("[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}]", "?");
    }
}
