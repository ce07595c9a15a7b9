// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static java.nio.charset.StandardCharsets.UTF_8;

/** Texts of others, for people: a terminal obeys nothing in them, and a line stays one. */
final class Printable {
    private Printable() {}

    /**
     * A text with each byte of what is not printable as \x0a, as util-linux has it, and with the backslash of what looks like that
     * as \x5c.
     */
    static String text(String text) {
        return text(text, -1);
    }

    /** The same, but for tabs. */
    static String line(String text) {
        return text(text, '\t');
    }

    private static String text(String text, int kept) {
        int plain = 0;
        while (plain < text.length() && text.charAt(plain) >= ' ' && text.charAt(plain) < 0x7f && text.charAt(plain) != '\\') {
            plain++;
        }
        if (plain == text.length()) {
            return text;
        }
        var printable = new StringBuilder();
        text.codePoints().forEach(c -> {
            int before = printable.length();
            printable.appendCodePoint(c);
            boolean escape = before > 0 && c == 'x' && printable.charAt(before - 1) == '\\';
            if (escape) {
                printable.setLength(before - 1);
                printable.append("\\x5cx");
            } else if (c != kept && isUnprintable(c)) {
                printable.setLength(before);
                for (byte b : Character.toString(c).getBytes(UTF_8)) {
                    printable.append("\\x%02x".formatted(b));
                }
            }
        });
        return printable.toString();
    }

    private static boolean isUnprintable(int c) {
        return switch (Character.getType(c)) {
            // FORMAT can turn the direction of all that follows
            case Character.CONTROL, Character.FORMAT, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR, Character.SURROGATE -> true;
            default -> false;
        };
    }
}
