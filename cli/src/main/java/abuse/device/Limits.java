// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.nio.ByteBuffer;

/**
 * The limits of the running kernel.
 *
 * @param capacity bytes of the largest disk
 * @param blockSize bytes of the largest block
 * @param queueDepth the most requests of a hardware queue; while the device is set up, after a reconnect
 * @param queues the most hardware queues
 * @param requests the most queues times depth, for this user
 * @param maxRequestLeast bytes, the smallest value for the longest request
 * @param maxRequest bytes, the largest one
 * @param timeoutMs milliseconds
 * @param batch the most requests, and answers, of one transfer
 * @param pieces the most pieces of memory of one answer
 */
public record Limits(long capacity, int blockSize, int queueDepth, int queues, int requests, int maxRequestLeast,
        int maxRequest, int timeoutMs, int batch, int pieces) {
    /** Those of a machine with one processor and pages of 4096 bytes. */
    static final Limits SMALL = new Limits(Long.MAX_VALUE, 4096, Abi.ABUSE_MAX_DEPTH, 1, Abi.ABUSE_MAX_USER_REQUESTS, 4096,
            Abi.ABUSE_MAX_REQUEST, Abi.ABUSE_MAX_TIMEOUT, Abi.ABUSE_MAX_BATCH, Abi.ABUSE_MAX_PIECES);

    static Limits decode(ByteBuffer status) {
        return new Limits(
                status.getLong(Abi.Status.CAPACITY_LIMIT),
                status.getInt(Abi.Status.BLOCK_SIZE_LIMIT),
                status.getInt(Abi.Status.QUEUE_DEPTH_LIMIT),
                status.getInt(Abi.Status.QUEUES_LIMIT),
                status.getInt(Abi.Status.REQUESTS_LIMIT),
                status.getInt(Abi.Status.MAX_REQUEST_LEAST),
                status.getInt(Abi.Status.MAX_REQUEST_LIMIT),
                status.getInt(Abi.Status.TIMEOUT_LIMIT_MS),
                status.getInt(Abi.Status.BATCH_LIMIT),
                status.getInt(Abi.Status.PIECES_LIMIT));
    }
}
