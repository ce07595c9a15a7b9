// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.libc.Memory;
import java.util.Set;

/**
 * A copy of one request.
 *
 * @param id opaque, unsigned
 * @param operation what is asked
 * @param sector the first sector of 512 bytes
 * @param length bytes
 * @param flags what else is known of it
 */
public record Request(long id, Operation operation, long sector, long length, Set<RequestFlag> flags) {

    /** Whether the write must be durable before it is answered. */
    public boolean fua() {
        return flags.contains(RequestFlag.FUA);
    }

    /** The request's first byte on the device. */
    public long offset() {
        return sector << 9;
    }

    /** How many pieces the 2009 ABI hands the data out in: pages, or one that only has a length. */
    public int pieces() {
        return switch (operation) {
            case READ, WRITE -> (int) ((length + Memory.pageSize() - 1) / Memory.pageSize());
            case DISCARD, WRITE_ZEROES -> 1;
            default -> 0;
        };
    }

    /** Bytes of one piece: a page, except for the last one. */
    public long pieceLength(int piece) {
        return pieces() == 1 ? length : Math.min(Memory.pageSize(), length - (long) piece * Memory.pageSize());
    }
}
