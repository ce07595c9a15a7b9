// SPDX-License-Identifier: Apache-2.0
package abuse.device;

/** What a request asks for. */
public enum Operation {
    READ,
    WRITE,
    /** Every write answered before must be durable; has no offset and no length. */
    FLUSH,
    /** The range is not needed any more; has a length and no data. */
    DISCARD,
    /** The range must read as zeros; has a length and no data. */
    WRITE_ZEROES,
    /** Something that only later kernels ask for. */
    UNKNOWN;

    private static final Operation[] BY_COMMAND = {READ, WRITE, FLUSH, DISCARD, WRITE_ZEROES};

    static Operation of(int command) {
        return command < BY_COMMAND.length ? BY_COMMAND[command] : UNKNOWN;
    }
}
