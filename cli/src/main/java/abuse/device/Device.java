// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Consumer;

/**
 * An open control node. Once it is closed, requests that it took and did not answer are pending again for others.
 * Several threads may use it at once, each with a batch of its own.
 */
public interface Device extends AutoCloseable {
    /** Stands for all hardware queues. */
    int ANY_QUEUE = Abi.ABUSE_ANY_QUEUE;

    /** The path it was opened by. */
    String path();

    /** The device's setup, state and counters. */
    Status status() throws DeviceException;

    /** Why the path that the disk should have in /dev does not lead to it; null when it does. */
    String nodeProblem() throws DeviceException;

    /** Reads the partition table once more; false if the kernel has not begun to read it for the first time. */
    boolean rescan() throws DeviceException;

    /** Makes the disk, or with {@link Config#reconnect} changes it. */
    void setup(Config config) throws DeviceException;

    /** Fails every request, and takes the disk away even if somebody uses it. */
    void reset() throws DeviceException;

    /** Takes the disk away; fails with the reason BUSY if somebody has it open. */
    void remove() throws DeviceException;

    /** Takes the disk away as soon as nobody has it open; until then it works as before. */
    void removeLazily() throws DeviceException;

    /**
     * Lets no request be handed out until {@link #resume}, and waits until those that somebody has taken are answered.
     *
     * @param milliseconds the longest wait; negative for no limit
     * @return empty if that is so, or was not waited for; else how many requests somebody still has, 0 if only I/O to
     *     what is mapped is under way
     */
    OptionalInt quiesce(int milliseconds) throws DeviceException;

    /** Lets requests be handed out again. */
    void resume() throws DeviceException;

    /**
     * Lets the kernel itself carry out what is asked of these bytes. They stay mapped, whoever called this ends, until
     * they are unmapped, or the disk is taken away.
     *
     * @throws DeviceException with the reason UNSUPPORTED if the disk was not set up with {@link Flag#MAPPABLE}, and
     *     TAKEN if something is mapped there
     * @throws IOException about the target, which it names
     */
    void map(Mapping mapping) throws IOException;

    /**
     * Lets the kernel itself copy between requests for these bytes and memory. It stays mapped, and in memory, as with
     * {@link #map}.
     *
     * @throws DeviceException with the reason NO_MEMORY if so much must not stay in memory
     */
    void lend(Loan loan) throws DeviceException;

    /**
     * The memory that a byte of the disk is mapped to.
     *
     * @return a descriptor of its file, which the caller closes
     * @throws DeviceException with the reason MISSING if there is none
     */
    int lent(long offset) throws DeviceException;

    /** Servers get the requests for these bytes again. Nothing uses what was mapped there when this returns. */
    default void unmap(long offset, long length) throws DeviceException {
        unmap(length, new long[] {offset});
    }

    /** The same for ranges of one length, which takes hardly longer than for one of them. */
    void unmap(long length, long[] offsets) throws DeviceException;

    /** What is mapped, by its place on the disk. */
    default List<Extent> extents() throws DeviceException {
        var all = new ArrayList<Extent>();
        forEachExtent(all::add);
        return all;
    }

    /** Tells one after the other, as there may be more than the Java heap has room for. */
    void forEachExtent(Consumer<Extent> action) throws DeviceException;

    /** Makes every request that somebody has taken pending again; late answers of its former owner are refused. */
    void requeue() throws DeviceException;

    /** Who serves: the open files that have asked for requests, the first one first. */
    List<ServerStatus> servers() throws DeviceException;

    /** The requests that are not answered, in no order; they come and go meanwhile. */
    List<RequestStatus> requests() throws DeviceException;

    /**
     * Says what this open file serves; allowed once. From then on the file belongs to the present setup: after a
     * reset its calls fail, even if the device is set up anew.
     *
     * @throws OtherContentException when another server serves something else
     */
    void serve(Serving serving) throws DeviceException;

    /**
     * Sends the batch's answers, and receives requests into it. If it fails, no answer is lost unless the device is
     * gone.
     */
    void transfer(Batch batch) throws DeviceException;

    /**
     * Waits until a request is unanswered, no matter who owns it.
     *
     * @param milliseconds the longest wait; negative for no limit
     * @return the kernel's event bits, or 0 when the time is up
     */
    int pollUnanswered(int milliseconds) throws DeviceException;

    @Override
    void close();
}
