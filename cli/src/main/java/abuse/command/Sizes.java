// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import java.math.BigDecimal;

/** Numbers of bytes as people write them: powers of 1024, and of 1000 where they say so. */
final class Sizes {
    /** What may stand behind a number, for help and messages. */
    static final String UNITS_HELP = "K, M, G, T, P or E";

    private static final String UNITS = "KMGTPE";

    private Sizes() {}

    /**
     * Reads a size: bytes, or a number with a unit. K, KiB and their like are powers of 1024, KB is one of 1000.
     *
     * @param name what a message puts in front of the text, such as "sz="
     * @throws UsageException unless it is one from 0 to 2^63 - 1; the message says what is wrong
     */
    static long bytes(String name, String text) throws UsageException {
        if (text.startsWith("-") && factor(text.substring(1)) > 0) {
            throw new UsageException(name + text + " must not be negative");
        }
        long factor = factor(text);
        if (factor < 0) {
            throw new UsageException(shown(name, text) + " is not a size: bytes, or a number with " + UNITS_HELP
                    + ", or with KB, MB and so on for powers of 1000");
        }
        String number = text.substring(0, numberLength(text));
        try {
            if (number.indexOf('.') < 0) {
                return Math.multiplyExact(Long.parseLong(number), factor);
            }
            var bytes = new BigDecimal(number).multiply(BigDecimal.valueOf(factor)).stripTrailingZeros();
            if (bytes.scale() > 0) {
                throw new UsageException(name + text + " is not a whole number of bytes");
            }
            return bytes.longValueExact();
        } catch (ArithmeticException | NumberFormatException e) {
            throw tooLarge(name + text);
        }
    }

    /** Reads a number that counts something, under the same rules. */
    static long number(String name, String text) throws UsageException {
        boolean negative = text.startsWith("-");
        String digits = negative ? text.substring(1) : text;
        if (digits.isEmpty() || digitsFrom(digits, 0) < digits.length()) {
            throw new UsageException(shown(name, text) + " is not a number");
        }
        if (negative) {
            throw new UsageException(name + text + " must not be negative");
        }
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw tooLarge(name + text);
        }
    }

    private static String shown(String name, String text) {
        boolean seen = !text.isBlank() || text.isEmpty() && name.endsWith("=");
        return name + (seen ? text : "'" + text + "'");
    }

    /** Whether a word is a size with a unit, such as 64M. */
    static boolean hasUnit(String text) {
        return factor(text) > 1;
    }

    static UsageException tooLarge(String what) {
        return new UsageException(what + " is beyond 2^63 - 1");
    }

    /** As short as lsblk writes it: 16M, 1.5G, 512B. */
    static String brief(long bytes) {
        if (bytes < 1024) {
            return bytes + "B";
        }
        int unit = 0;
        double value = bytes / 1024.0;
        while (value >= 1023.95 && unit < UNITS.length() - 1) {
            value /= 1024;
            unit++;
        }
        long tenths = Math.round(value * 10);
        return tenths / 10 + (tenths % 10 == 0 ? "" : "." + tenths % 10) + UNITS.charAt(unit);
    }

    /** In five characters at most: 9.5M, 16M, 1023M. */
    static String briefer(double bytes) {
        int unit = -1;
        while (bytes >= 1023.5 && unit < UNITS.length() - 1) {
            bytes /= 1024;
            unit++;
        }
        long tenths = Math.round(bytes * 10);
        String number = unit < 0 || tenths >= 100 ? Long.toString(Math.round(bytes))
                : tenths / 10 + (tenths % 10 == 0 ? "" : "." + tenths % 10);
        return number + (unit < 0 ? "B" : UNITS.charAt(unit));
    }

    /** In full and exact: 16 MiB, 1000 bytes. */
    static String exact(long bytes) {
        String text = shortest(bytes);
        String number = text.substring(0, text.length() - 1);
        return number + (text.endsWith("B") ? " bytes" : " " + text.charAt(number.length()) + "iB");
    }

    /** Exact, and as short as that can be: 16M, 1536B. */
    static String shortest(long bytes) {
        int unit = -1;
        while (bytes != 0 && bytes % 1024 == 0) {
            bytes /= 1024;
            unit++;
        }
        return bytes + (unit < 0 ? "B" : UNITS.substring(unit, unit + 1));
    }

    /** What a size's unit stands for; -1 when the text is no size. */
    private static long factor(String text) {
        int digits = numberLength(text);
        String unit = text.substring(digits);
        if (digits == 0) {
            return -1;
        }
        if (unit.isEmpty() || unit.equals("B")) {
            return 1;
        }
        int power = UNITS.indexOf(Character.toUpperCase(unit.charAt(0))) + 1;
        String rest = unit.substring(1);
        boolean decimal = rest.equals("B");
        if (power == 0 || !decimal && !rest.isEmpty() && !rest.equals("iB")) {
            return -1;
        }
        long factor = 1;
        for (int i = 0; i < power; i++) {
            factor *= decimal ? 1000 : 1024;
        }
        return factor;
    }

    /** How long the number is that a text begins with, such as 16 or 1.5; 0 when it begins with none. */
    private static int numberLength(String text) {
        int whole = digitsFrom(text, 0);
        int fraction = whole > 0 && whole < text.length() && text.charAt(whole) == '.' ? digitsFrom(text, whole + 1) : whole;
        return fraction > whole + 1 ? fraction : whole;
    }

    private static int digitsFrom(String text, int start) {
        int end = start;
        while (end < text.length() && text.charAt(end) >= '0' && text.charAt(end) <= '9') {
            end++;
        }
        return end;
    }
}
