// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import java.math.BigDecimal;

/** Times as people type them, such as 30, 0.5, 30s or 500ms, and as they read them. */
final class Seconds {
    /** The option's value for no limit. */
    static final String FOREVER = "forever";

    private static final long MILLISECOND = 1_000_000;

    private Seconds() {}

    /** Milliseconds as a number of seconds, with a fraction only where there is one. */
    static Number of(long milliseconds) {
        if (milliseconds % 1000 == 0) {
            return milliseconds / 1000;
        }
        return BigDecimal.valueOf(milliseconds, 3).stripTrailingZeros();
    }

    /** Milliseconds in four characters or so: 850ms, 3.2s, 40s, 12m, 5h, 3d. */
    static String brief(long milliseconds) {
        long seconds = milliseconds / 1000;
        return milliseconds < 1000 ? milliseconds + "ms"
                : seconds < 10 ? seconds + "." + milliseconds % 1000 / 100 + "s"
                : seconds < 100 ? seconds + "s"
                : seconds < 100 * 60 ? seconds / 60 + "m"
                : seconds < 48 * 3600 ? seconds / 3600 + "h" : seconds / 86400 + "d";
    }

    /** Nanoseconds of an option's value: 0 when it was not given, -1 without limit. */
    static long parse(String option, String value) throws UsageException {
        return value == null ? 0 : value.equals(FOREVER) ? -1 : nanoseconds(option + "=", value);
    }

    /** Milliseconds, of which there must be a whole number. */
    static long milliseconds(String name, String text) throws UsageException {
        long nanoseconds = nanoseconds(name, text);
        if (nanoseconds % MILLISECOND != 0) {
            throw new UsageException(name + text + " is not a whole number of milliseconds");
        }
        return nanoseconds / MILLISECOND;
    }

    /** As typed, with a unit: 5 seconds, 500ms. */
    static String words(String text) {
        return text.endsWith("s") ? text : text + " seconds";
    }

    /** Nanoseconds. */
    static long nanoseconds(String name, String text) throws UsageException {
        boolean milliseconds = text.endsWith("ms");
        String number = milliseconds ? text.substring(0, text.length() - 2)
                : text.endsWith("s") ? text.substring(0, text.length() - 1) : text;
        if (number.matches("-[0-9]+(\\.[0-9]+)?")) {
            throw new UsageException(name + text + " must not be negative");
        }
        if (!number.matches("[0-9]{1,9}(\\.[0-9]{1,9})?")) {
            throw new UsageException(name + text + " is not a time: seconds, or a number with s or ms");
        }
        return new BigDecimal(number).movePointRight(milliseconds ? 6 : 9).longValue();
    }
}
