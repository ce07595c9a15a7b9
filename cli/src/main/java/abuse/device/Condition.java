// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;

/** What somebody asked of a device that lasts. */
public enum Condition {
    /** No request is handed out until a resume. */
    QUIESCED(Abi.ABUSE_CONDITION_QUIESCED),
    /** The disk goes when its last user has closed it. */
    LEAVING(Abi.ABUSE_CONDITION_LEAVING);

    private final int bit;

    Condition(int bit) {
        this.bit = bit;
    }

    /** In one word, such as "quiesced". */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    static Set<Condition> of(int bits) {
        var conditions = EnumSet.noneOf(Condition.class);
        for (Condition condition : values()) {
            if ((bits & condition.bit) != 0) {
                conditions.add(condition);
            }
        }
        return conditions;
    }
}
