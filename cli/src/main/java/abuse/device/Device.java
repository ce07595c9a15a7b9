// SPDX-License-Identifier: Apache-2.0
package abuse.device;

/**
 * An open control node. What it got and did not put is pending again for others once it is closed.
 * Several threads may use it at once, each with a batch of its own.
 */
public interface Device extends AutoCloseable {
    /** Stands for all hardware queues. */
    int ANY_QUEUE = Abi.ABUSE_ANY_QUEUE;

    /** The path it was opened by. */
    String path();

    /** What the device is and did. */
    Status status() throws DeviceException;

    /** Why the path that the disk should have in /dev does not lead to it; null when it does. */
    String nodeProblem() throws DeviceException;

    /** Makes the disk, or with {@link Config#reconnect} changes it. */
    void setup(Config config) throws DeviceException;

    /** Fails every request, and takes the disk away, whoever uses it. */
    void reset() throws DeviceException;

    /** Takes the disk away, if nobody has it open: else the reason is BUSY. */
    void remove() throws DeviceException;

    /** Makes every request that somebody has taken pending again; who had it is refused when he answers. */
    void requeue() throws DeviceException;

    /**
     * Says what this open file serves; once. From then on it belongs to the device as it was set up: after
     * a reset there is none for it, even if the device is set up anew.
     *
     * @throws OtherContentException when another one serves something else
     */
    void serve(Serving serving) throws DeviceException;

    /**
     * Sends the batch's answers, and receives requests into it. When it fails, the answers may be
     * lost only because there is no device for them any more.
     */
    void transfer(Batch batch) throws DeviceException;

    /**
     * Waits until a request is unanswered, whoever has it.
     *
     * @param milliseconds how long to wait at most; negative waits for ever
     * @return the kernel's event bits, or 0 when the time is over
     */
    int pollUnanswered(int milliseconds) throws DeviceException;

    @Override
    void close();
}
