// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.nio.ByteBuffer;
import java.util.Locale;
import java.util.Set;

/**
 * A request that is not answered, as the kernel tells of it to whoever looks.
 *
 * @param operation what is asked
 * @param sector the first sector of 512 bytes
 * @param length bytes
 * @param flags more about it
 * @param state whether somebody has it
 * @param queue its hardware queue
 * @param gets how often it was handed out
 * @param ageMs milliseconds since it was submitted
 * @param pid the process that has it; 0 when there is none to be seen
 * @param server the number of the open file that has it; 0 for none
 */
public record RequestStatus(Operation operation, long sector, long length, Set<RequestFlag> flags, Ownership state, int queue,
        int gets, long ageMs, int pid, long server) {

    /** Who has a request. */
    public enum Ownership {
        /** Nobody. */
        PENDING(Abi.ABUSE_REQUEST_PENDING),
        /** A server. */
        OWNED(Abi.ABUSE_REQUEST_OWNED),
        /** A server, and its data is being copied right now. */
        BUSY(Abi.ABUSE_REQUEST_BUSY);

        final int code;

        Ownership(int code) {
            this.code = code;
        }

        /** In one word, such as "owned". */
        public String word() {
            return name().toLowerCase(Locale.ROOT);
        }

        /** A state that only later kernels have is one of a request that somebody has. */
        static Ownership of(int code) {
            return code == PENDING.code ? PENDING : code == BUSY.code ? BUSY : OWNED;
        }
    }

    static RequestStatus decode(ByteBuffer from, int at) {
        return new RequestStatus(
                Operation.of(from.getShort(at + Abi.Request.COMMAND) & 0xffff),
                from.getLong(at + Abi.Request.SECTOR),
                Integer.toUnsignedLong(from.getInt(at + Abi.Request.LENGTH)),
                RequestFlag.of(from.getShort(at + Abi.Request.FLAGS)),
                Ownership.of(from.getInt(at + Abi.Request.STATE)),
                from.getInt(at + Abi.Request.QUEUE),
                from.getInt(at + Abi.Request.GETS),
                Integer.toUnsignedLong(from.getInt(at + Abi.Request.AGE_MS)),
                from.getInt(at + Abi.Request.PID),
                from.getLong(at + Abi.Request.SERVER));
    }
}
