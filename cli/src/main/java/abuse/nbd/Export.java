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
}
