// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.nio.ByteBuffer;

/**
 * An open control node that has asked for requests, as the kernel tells of it.
 *
 * @param number by which requests name it; never 0
 * @param pid the process that asked last; 0 when it is gone, or not to be seen from here
 * @param uid that process's user
 * @param queue the hardware queue that it serves, or {@link Device#ANY_QUEUE}
 * @param draining whether it gets nothing any more, by its own wish
 * @param over whether what it served was reset since
 * @param waiting its calls that wait for requests now
 * @param owned requests that it has
 * @param oldestMs milliseconds since the oldest of them was submitted
 * @param idleMs milliseconds since it last began or ended a call
 * @param gets requests that it was handed
 * @param puts requests that it answered
 * @param stale its answers that were refused, as the request was not its own any more
 * @param command the name of the process; empty when there is no pid
 * @param text what it says that it serves; empty when it says nothing
 */
public record ServerStatus(long number, int pid, long uid, int queue, boolean draining, boolean over, int waiting, int owned,
        long oldestMs, long idleMs, long gets, long puts, long stale, String command, String text) {

    static ServerStatus decode(ByteBuffer from, int at) {
        int flags = from.getInt(at + Abi.Server.FLAGS);
        return new ServerStatus(
                from.getLong(at + Abi.Server.SERVER),
                from.getInt(at + Abi.Server.PID),
                Integer.toUnsignedLong(from.getInt(at + Abi.Server.UID)),
                from.getInt(at + Abi.Server.QUEUE),
                (flags & Abi.ABUSE_SERVER_DRAINING) != 0,
                (flags & Abi.ABUSE_SERVER_OVER) != 0,
                from.getInt(at + Abi.Server.WAITING),
                from.getInt(at + Abi.Server.OWNED),
                Integer.toUnsignedLong(from.getInt(at + Abi.Server.OLDEST_MS)),
                Integer.toUnsignedLong(from.getInt(at + Abi.Server.IDLE_MS)),
                from.getLong(at + Abi.Server.GETS),
                from.getLong(at + Abi.Server.PUTS),
                from.getLong(at + Abi.Server.STALE),
                Serving.text(from, at + Abi.Server.COMMAND, Abi.ABUSE_COMMAND_SIZE),
                Serving.text(from, at + Abi.Server.TEXT, Abi.ABUSE_TEXT_SIZE));
    }
}
