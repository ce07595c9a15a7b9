// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A filter of a disk that is served.
 *
 * @param name by which it can be changed
 * @param keys as they are written behind its name
 * @param matched requests that it could act on
 */
record FilterRow(String name, String keys, long matched) {
    String line() {
        return name + "\t" + matched + "\t" + keys;
    }

    static FilterRow of(String line) {
        String[] words = line.split("\t", 3);
        return new FilterRow(words[0], words[2], Long.parseLong(words[1]));
    }

    /** The keys with their values; a switch alone is on. */
    Map<String, String> values() {
        var values = new LinkedHashMap<String, String>();
        for (String word : keys.isEmpty() ? new String[0] : keys.split(",")) {
            int equals = word.indexOf('=');
            values.put(equals < 0 ? word : word.substring(0, equals), equals < 0 ? "on" : word.substring(equals + 1));
        }
        return values;
    }
}
