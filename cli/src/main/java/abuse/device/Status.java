// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.nio.ByteBuffer;
import java.util.Set;

/**
 * What a device is, and what it did since it was set up.
 *
 * @param capacity bytes; 0: not set up
 * @param number N of /dev/abctlN and /dev/abuseN
 * @param blockSize bytes
 * @param queueDepth requests of one hardware queue
 * @param queues hardware queues
 * @param maxRequest bytes of the longest read or write
 * @param timeout seconds until an unanswered request fails; 0: never
 * @param flags what the device offers
 * @param pending requests that nobody has taken
 * @param owned requests that were taken and not answered yet
 * @param gets requests handed out, redelivered ones again
 * @param puts requests answered
 * @param redelivered requests handed out again because their owner went away
 * @param stale answers refused because the request was not the sender's any more
 * @param timeouts requests that failed because nobody answered in time
 * @param errors requests that failed for any reason
 * @param servers open control nodes that have asked for requests
 * @param latency how long answered requests took
 */
public record Status(long capacity, int number, int blockSize, int queueDepth, int queues, int maxRequest, int timeout,
        Set<Flag> flags, int pending, int owned, long gets, long puts, long redelivered, long stale, long timeouts,
        long errors, int servers, Latency latency) {

    /** Whether there is a disk. */
    public boolean isSetUp() {
        return capacity != 0;
    }

    /** Requests that are not answered yet. */
    public int unanswered() {
        return pending + owned;
    }

    /** The block device's path. */
    public String disk() {
        return "/dev/" + diskName();
    }

    String diskName() {
        return "abuse" + number;
    }

    static Status decode(ByteBuffer from) {
        return new Status(
                from.getLong(Abi.Status.CAPACITY),
                from.getInt(Abi.Status.NUMBER),
                from.getInt(Abi.Status.BLOCK_SIZE),
                from.getInt(Abi.Status.QUEUE_DEPTH),
                from.getInt(Abi.Status.QUEUES),
                from.getInt(Abi.Status.MAX_REQUEST),
                from.getInt(Abi.Status.TIMEOUT),
                Flag.of(from.getInt(Abi.Status.FLAGS)),
                from.getInt(Abi.Status.PENDING),
                from.getInt(Abi.Status.OWNED),
                from.getLong(Abi.Status.GETS),
                from.getLong(Abi.Status.PUTS),
                from.getLong(Abi.Status.REDELIVERED),
                from.getLong(Abi.Status.STALE),
                from.getLong(Abi.Status.TIMEOUTS),
                from.getLong(Abi.Status.ERRORS),
                from.getInt(Abi.Status.SERVERS),
                Latency.decode(from));
    }
}
