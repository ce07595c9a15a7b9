// SPDX-License-Identifier: Apache-2.0
package abuse.nbd;

/**
 * What a server says of an export.
 *
 * @param flags of its transmission
 * @param minimum bytes of the smallest block that can be asked for, 1 if the server does not say
 * @param maximum bytes of the longest read or write
 */
record Export(long size, int flags, int minimum, int maximum) {
    boolean has(int flag) {
        return (flags & flag) != 0;
    }

    boolean readOnly() {
        return has(Protocol.SEND_READ_ONLY);
    }

    /** Why one that was found later cannot take the place of this one; null if it can. */
    String difference(Export later) {
        return later.size != size ? "the export now has " + later.size + " bytes, but had " + size
                : later.readOnly() && !readOnly() ? "the export is now read-only"
                : later.minimum > minimum || later.maximum < maximum || (flags & ~later.flags & Protocol.ABILITIES) != 0
                        ? "the server can now do less than before" : null;
    }
}
