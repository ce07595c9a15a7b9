// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import java.math.BigDecimal;

/** Times as people type and read them. */
final class Seconds {
    /** The option's value for no limit. */
    static final String FOREVER = "forever";

    private static final BigDecimal NANOS = BigDecimal.valueOf(1_000_000_000);

    private Seconds() {}

    /** Milliseconds as a number of seconds, with a fraction only where there is one. */
    static Number of(int milliseconds) {
        if (milliseconds % 1000 == 0) {
            return milliseconds / 1000;
        }
        return BigDecimal.valueOf(milliseconds, 3).stripTrailingZeros();
    }

    /** Nanoseconds of an option's value: 0 when it was not given, -1 without limit. */
    static long parse(String option, String value) throws UsageException {
        if (value == null) {
            return 0;
        }
        if (value.equals(FOREVER)) {
            return -1;
        }
        if (!value.matches("[0-9]{1,9}(\\.[0-9]{1,9})?")) {
            throw new UsageException(option + "=" + value + " is not a number of seconds");
        }
        return new BigDecimal(value).multiply(NANOS).longValue();
    }
}
