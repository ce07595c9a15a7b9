// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;

/** What else is known of a request. */
public enum RequestFlag {
    /** The write must be durable before it is answered. */
    FUA(Abi.ABUSE_GET_FUA),
    /** An earlier owner went away without an answer, and may have carried it out in part or whole. */
    REDELIVERED(Abi.ABUSE_GET_REDELIVERED),
    /** This write zeroes should leave the space allocated. */
    NOUNMAP(Abi.ABUSE_GET_NOUNMAP),
    /** A hint: metadata of a filesystem. */
    META(Abi.ABUSE_GET_META),
    /** A hint: a read that nobody waits for yet. */
    READAHEAD(Abi.ABUSE_GET_RAHEAD),
    /** A hint: a page that is swapped. */
    SWAP(Abi.ABUSE_GET_SWAP),
    /** It was carried out where its bytes are mapped, and failed there. */
    FAULT(Abi.ABUSE_GET_FAULT);

    final int bit;

    RequestFlag(int bit) {
        this.bit = bit;
    }

    /** In one word, such as "fua". */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Whether it is among the bits that {@link Batch#flags} returns. */
    public boolean isIn(int bits) {
        return (bits & bit) != 0;
    }

    /** The known flags among the bits; later kernels may set more. */
    static Set<RequestFlag> of(int bits) {
        var flags = EnumSet.noneOf(RequestFlag.class);
        for (RequestFlag flag : values()) {
            if (flag.isIn(bits)) {
                flags.add(flag);
            }
        }
        return flags;
    }
}
