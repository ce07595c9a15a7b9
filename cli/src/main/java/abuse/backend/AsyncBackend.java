// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * A backend that answers later: one thread of each hardware queue submits requests, does not wait for them, and hundreds
 * may be under way. They may end in any order and in any thread.
 *
 * <p>When a server is told to stop, it submits nothing more, and waits until all requests have ended. A server that is
 * killed loses none either: those that it did not answer are submitted to the next server, marked as
 * {@linkplain AsyncRequest#redelivered redelivered}. If what the old one had sent elsewhere can still be carried out
 * then, it can undo what was written since; only the backend can prevent that.
 *
 * <p>The methods of {@link Backend} that carry out one request are there for servers that wait for each; they need not
 * be implemented.
 */
public interface AsyncBackend extends Backend {
    /**
     * Begins to carry out a request, or throws, and then the request fails and is the backend's no longer. It should
     * not wait for other requests. One thread for each hardware queue calls it.
     *
     * @throws RetryException when it is mapped by now, as {@link AsyncRequest#retry} says
     */
    void submit(AsyncRequest request) throws IOException;

    /**
     * What one thread that submits requests asks before that, made for it alone; null if it is to submit all.
     *
     * @param idle whether the kernel has moved all bytes, as the thread waits there for requests; from any thread
     */
    default Gate gate(BooleanSupplier idle) {
        return null;
    }

    /** The calling thread submits nothing more for now, so what {@link #submit} has gathered should be sent. */
    default void submitted() {}

    /** The most requests of a hardware queue that may be under way at once, 1 to 4096; the others wait in the kernel. */
    default int mostUnderWay() {
        return 256;
    }

    /**
     * Whether the data of writes should be there when they are submitted, asked again and again. If not,
     * {@link AsyncRequest#data} brings that of a write, which takes a call of the kernel each time, and throws if the request is
     * no longer this server's.
     */
    default boolean wantsData() {
        return true;
    }

    /**
     * Called soon after the {@linkplain AsyncRequest#deadline deadline} of a request; its users know that it has failed.
     * The request should end soon now. It may end, and its object stand for another one, while this is called.
     */
    default void expired(AsyncRequest request) {}

    /**
     * The disk is gone, so nobody waits for requests any more: those that are under way and those that are submitted later
     * should fail soon, and {@link #submit} and {@link #submitted} return soon, whatever they wait for. Called by a thread
     * that submits nothing.
     */
    default void abandon() {}

    /**
     * Called before the first request, if there is a limit: how long each may take from then on when it is submitted without
     * delay, so that its {@linkplain AsyncRequest#deadline deadline} is no later.
     *
     * @param nanoseconds more than 0
     */
    default void limitTo(long nanoseconds) {}

    /** Called before the first request: where to tell the administrator of what concerns no single request. */
    default void tellProblemsTo(Consumer<String> administrator) {}

    /**
     * Called before the first request.
     *
     * @param others whether other servers serve the disk at the moment, too, whose requests this backend knows nothing of; from any
     *     thread
     */
    default void serveTogetherWith(BooleanSupplier others) {}

    /** Ends everything. It touches the data of requests no more, and need not end those that are still under way. */
    @Override
    void close() throws IOException;

    @Override
    default void read(long offset, ByteBuffer into) throws IOException {
        OneRequest.carryOut(this, AsyncRequest.Kind.READ, offset, into.remaining(), into);
        into.position(into.limit());
    }

    @Override
    default void write(long offset, ByteBuffer from) throws IOException {
        OneRequest.carryOut(this, AsyncRequest.Kind.WRITE, offset, from.remaining(), from);
        from.position(from.limit());
    }

    @Override
    default void flush() throws IOException {
        OneRequest.carryOut(this, AsyncRequest.Kind.FLUSH, 0, 0, null);
    }

    @Override
    default void discard(long offset, long length) throws IOException {
        OneRequest.carryOut(this, AsyncRequest.Kind.DISCARD, offset, length, null);
    }

    @Override
    default void writeZeroes(long offset, long length) throws IOException {
        OneRequest.carryOut(this, AsyncRequest.Kind.WRITE_ZEROES, offset, length, null);
    }
}
