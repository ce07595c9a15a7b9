// SPDX-License-Identifier: Apache-2.0
package abuse.command;

/** Numbers of bytes as people write them: powers of 1024. */
final class Sizes {
    private static final String UNITS = "KMGTPE";

    private Sizes() {}

    /**
     * Reads a number, or a size with K, M, G or T.
     *
     * @throws UsageException unless it is one from 0 to 2^63 - 1; the message says what is wrong
     */
    static long parse(String text, boolean unitAllowed) throws UsageException {
        if (text.startsWith("-") && isNumber(text.substring(1), unitAllowed)) {
            throw new UsageException("must not be negative");
        }
        if (!isNumber(text, unitAllowed)) {
            throw new UsageException("is not a " + (unitAllowed ? "size: bytes, or a number with K, M, G or T" : "number"));
        }
        int unit = unit(text);
        try {
            long number = Long.parseLong(unit < 0 ? text : text.substring(0, text.length() - 1));
            return Math.multiplyExact(number, 1L << 10 * (unit + 1));
        } catch (ArithmeticException | NumberFormatException e) {
            throw new UsageException("is beyond 2^63 - 1");
        }
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

    /** In full and exact: 16 MiB, 1000 bytes. */
    static String exact(long bytes) {
        int unit = -1;
        while (bytes != 0 && bytes % 1024 == 0) {
            bytes /= 1024;
            unit++;
        }
        return unit < 0 ? bytes + " bytes" : bytes + " " + UNITS.charAt(unit) + "iB";
    }

    private static boolean isNumber(String text, boolean unitAllowed) {
        int digits = unitAllowed && unit(text) >= 0 ? text.length() - 1 : text.length();
        for (int i = 0; i < digits; i++) {
            if (text.charAt(i) < '0' || text.charAt(i) > '9') {
                return false;
            }
        }
        return digits > 0;
    }

    private static int unit(String text) {
        return text.isEmpty() ? -1 : "KMGT".indexOf(Character.toUpperCase(text.charAt(text.length() - 1)));
    }
}
