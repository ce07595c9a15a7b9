// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.util.EnumSet;
import java.util.Set;

/** What a device offers, and how long it lives. */
public enum Flag {
    /** Writes are refused. */
    READ_ONLY(Abi.ABUSE_FLAGS_READ_ONLY),
    /** An answered write may be volatile until a flush; flush and FUA reach the server. */
    WRITE_CACHE(Abi.ABUSE_FLAGS_WRITE_CACHE),
    /** Users may discard. */
    DISCARD(Abi.ABUSE_FLAGS_DISCARD),
    /** Users may write zeroes without sending them. */
    WRITE_ZEROES(Abi.ABUSE_FLAGS_WRITE_ZEROES),
    /** The disk goes when the device that it was set up with is closed. */
    AUTOREMOVE(Abi.ABUSE_FLAGS_AUTOREMOVE),
    /** The partition table is read, no matter how the module was loaded. */
    PARTSCAN(Abi.ABUSE_FLAGS_PARTSCAN),
    /** The storage has moving parts. */
    ROTATIONAL(Abi.ABUSE_FLAGS_ROTATIONAL),
    /** Bytes of the disk may be mapped to other block devices. */
    MAPPABLE(Abi.ABUSE_FLAGS_MAPPABLE);

    private final int bit;

    Flag(int bit) {
        this.bit = bit;
    }

    /** In words, such as "write-cache". */
    public String words() {
        return name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
    }

    /** As the 2009 ABI shows flags: it knows only read-only. */
    public static int oldBits(Set<Flag> flags) {
        return flags.contains(READ_ONLY) ? READ_ONLY.bit : 0;
    }

    static int bits(Set<Flag> flags) {
        int bits = 0;
        for (Flag flag : flags) {
            bits |= flag.bit;
        }
        return bits;
    }

    static Set<Flag> of(int bits) {
        var flags = EnumSet.noneOf(Flag.class);
        for (Flag flag : values()) {
            if ((bits & flag.bit) != 0) {
                flags.add(flag);
            }
        }
        return flags;
    }
}
