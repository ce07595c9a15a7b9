// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.nio.ByteBuffer;
import java.util.Set;

/**
 * A device's setup and state, and its counters since it was set up.
 *
 * @param capacity bytes; 0: not set up
 * @param number N of /dev/abctlN and /dev/abuseN
 * @param state whether it works
 * @param blockSize bytes
 * @param physicalBlockSize bytes that the storage writes at once
 * @param queueDepth requests of one hardware queue
 * @param queues hardware queues
 * @param maxRequest bytes of the longest read or write
 * @param timeoutMs milliseconds until an unanswered request fails; 0: never
 * @param orphanMs milliseconds that requests wait once the last server is gone; 0: for ever
 * @param unservedMs the same from setup on while nobody has ever served
 * @param hints what the disk's users know of the storage
 * @param flags what the device offers
 * @param pending requests that nobody has taken
 * @param owned requests that were taken and not answered yet
 * @param servers open control nodes that have asked for requests
 * @param openers how many times the disk and its partitions are open, mounts and swap included
 * @param gets requests handed out, redelivered ones again
 * @param puts requests answered
 * @param redelivered requests handed out again because their owner went away
 * @param stale answers refused because the request was not the sender's any more
 * @param timeouts requests that failed because nobody answered in time
 * @param errors requests that failed for any reason
 * @param mapped what the kernel did by itself
 * @param conditions what somebody asked of it that lasts
 * @param limits the kernel's limits, also of a device that is not set up
 * @param latency how long answered requests took
 */
public record Status(long capacity, int number, State state, int blockSize, int physicalBlockSize, int queueDepth,
        int queues, int maxRequest, int timeoutMs, int orphanMs, int unservedMs, Hints hints, Set<Flag> flags, int pending,
        int owned, int servers, int openers, long gets, long puts, long redelivered, long stale, long timeouts, long errors,
        Mapped mapped, Set<Condition> conditions, Limits limits, Latency latency) {

    /** The status of a device that was just set up. */
    public static Status fresh(int number, Config config) {
        return new Status(config.capacity(), number, State.LIVE, config.blockSize(),
                config.physicalBlockSize() == 0 ? config.blockSize() : config.physicalBlockSize(), config.queueDepth(),
                config.queues(), config.maxRequest() == 0 ? Config.MAX_REQUEST : config.maxRequest(), config.timeoutMs(),
                config.orphanMs(), config.unservedMs(), config.hints(), config.flags(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                Mapped.NONE, Set.of(), Limits.SMALL, Latency.NONE);
    }

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
                State.of(from.getInt(Abi.Status.STATE)),
                from.getInt(Abi.Status.BLOCK_SIZE),
                from.getInt(Abi.Status.PHYSICAL_BLOCK_SIZE),
                from.getInt(Abi.Status.QUEUE_DEPTH),
                from.getInt(Abi.Status.QUEUES),
                from.getInt(Abi.Status.MAX_REQUEST),
                from.getInt(Abi.Status.TIMEOUT_MS),
                from.getInt(Abi.Status.ORPHAN_MS),
                from.getInt(Abi.Status.UNSERVED_MS),
                Hints.decode(from),
                Flag.of(from.getInt(Abi.Status.FLAGS)),
                from.getInt(Abi.Status.PENDING),
                from.getInt(Abi.Status.OWNED),
                from.getInt(Abi.Status.SERVERS),
                from.getInt(Abi.Status.OPENERS),
                from.getLong(Abi.Status.GETS),
                from.getLong(Abi.Status.PUTS),
                from.getLong(Abi.Status.REDELIVERED),
                from.getLong(Abi.Status.STALE),
                from.getLong(Abi.Status.TIMEOUTS),
                from.getLong(Abi.Status.ERRORS),
                Mapped.decode(from),
                Condition.of(from.getInt(Abi.Status.CONDITIONS)),
                Limits.decode(from),
                Latency.decode(from));
    }
}
