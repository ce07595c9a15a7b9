// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import abuse.libc.Memory;
import java.nio.ByteBuffer;
import java.util.Set;

/**
 * How a device is to be set up. The kernel has the last word on every value.
 *
 * @param capacity bytes, a multiple of the block size, more than 0
 * @param blockSize bytes, a power of two from {@value #MIN_BLOCK} to {@value #MAX_BLOCK}; many
 *     kernels stop at their page size
 * @param physicalBlockSize bytes that the storage writes at once, a power of two from the block size
 *     to {@value #MAX_REQUEST}; 0 is the block size
 * @param queueDepth requests of one hardware queue, 1 to {@value #MAX_DEPTH}
 * @param queues hardware queues; no more than there are processors
 * @param maxRequest bytes of the longest read or write, a multiple of the block size from the page
 *     size to {@value #MAX_REQUEST}; 0 leaves it to the kernel
 * @param timeoutMs milliseconds until an unanswered request fails, up to {@value #MAX_TIMEOUT_MS}; 0
 *     is never
 * @param orphanMs milliseconds that requests wait once the last server is gone, until they fail; up to
 *     {@value #MAX_TIMEOUT_MS}; 0 is for ever
 * @param unservedMs the same from setup on while nobody has ever served
 * @param hints what the disk's users should know of the storage
 * @param flags what the device offers
 * @param reconnect change a device that is set up already, keeping its requests
 */
public record Config(long capacity, int blockSize, int physicalBlockSize, int queueDepth, int queues, int maxRequest,
        int timeoutMs, int orphanMs, int unservedMs, Hints hints, Set<Flag> flags, boolean reconnect) {
    public static final int MIN_BLOCK = 512;
    public static final int MAX_BLOCK = 64 * 1024;
    public static final int MAX_DEPTH = Abi.ABUSE_MAX_DEPTH;
    public static final int MAX_REQUEST = Abi.ABUSE_MAX_REQUEST;
    public static final int MAX_TIMEOUT_MS = Abi.ABUSE_MAX_TIMEOUT;

    /** The least that the longest read or write may be: a page of the kernel that runs. */
    public static int minRequest() {
        return Memory.pageSize();
    }

    void encode(ByteBuffer to) {
        to.putInt(Abi.Config.SIZE, Abi.Config.SIZE_OF);
        to.putInt(Abi.Config.FLAGS, Flag.bits(flags) | (reconnect ? Abi.ABUSE_FLAGS_RECONNECT : 0));
        to.putLong(Abi.Config.CAPACITY, capacity);
        to.putInt(Abi.Config.BLOCK_SIZE, blockSize);
        to.putInt(Abi.Config.PHYSICAL_BLOCK_SIZE, physicalBlockSize);
        to.putInt(Abi.Config.QUEUE_DEPTH, queueDepth);
        to.putInt(Abi.Config.QUEUES, queues);
        to.putInt(Abi.Config.MAX_REQUEST, maxRequest);
        to.putInt(Abi.Config.TIMEOUT_MS, timeoutMs);
        to.putInt(Abi.Config.ORPHAN_MS, orphanMs);
        to.putInt(Abi.Config.UNSERVED_MS, unservedMs);
        hints.encode(to);
    }
}
