// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Something to be shown of each row: a column in a table, a member in JSON. */
interface Field<R> {
    /** The heading. */
    String name();

    String help();

    /** Whether it stands to the right. */
    boolean isNumber();

    /** For programs; null for what there is not. */
    Object value(R row);

    /** The key in JSON. */
    default String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** For people; "-" for what there is not. */
    default String text(R row, boolean inBytes) {
        Object value = value(row);
        if (value instanceof List<?> words) {
            return words.isEmpty() ? "-" : words.stream().map(Object::toString).collect(Collectors.joining(","));
        }
        return value == null ? "-" : value.toString();
    }
}
