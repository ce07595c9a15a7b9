// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import abuse.libc.Memory;
import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * One request that an {@link AsyncBackend} carries out. It ends with one call of {@link #complete}, {@link #completeSoon},
 * {@link #completeSoonAt}, {@link #retry} or {@link #fail}, in any thread. After that call the object must not be used any
 * more, because it then stands for another request.
 */
public interface AsyncRequest {
    /** What is asked for. */
    enum Kind {
        /** Fill the data. */
        READ,
        /** Keep the data. */
        WRITE,
        /** Make durable what all requests did that had ended before this one was submitted. */
        FLUSH,
        /** The range is not needed any more; later reads return old data or zeros. */
        DISCARD,
        /** Make the range read as zeros. */
        WRITE_ZEROES
    }

    /** The answers of one hardware queue. */
    interface Answers {
        /** Sends those that are not sent yet; from any thread. */
        void send();
    }

    /** What is asked for. */
    Kind kind();

    /** The first byte; 0 for a flush. */
    long offset();

    /** Bytes; 0 for a flush, and at most 4 GiB minus 1 MiB for a request without data. */
    long length();

    /**
     * The bytes of a write, or the place for those of a read, as direct memory: its position is 0, its limit is
     * {@link #length}, and its order is big endian. Position and limit may be changed; they do not say how much was
     * done. Null for a request without data. It must not be used after the end of the request.
     *
     * @throws java.io.UncheckedIOException when the data of a write is only brought now, as the backend does not
     *     {@linkplain AsyncBackend#wantsData want} it, and cannot be; the request is still to be ended
     */
    ByteBuffer data();

    /** Where its {@link #data} begins, whatever the position of the buffer is; for a request that has data. */
    default long address() {
        ByteBuffer data = data();
        return Memory.addressOf(data) - data.position();
    }

    /** Whether what it does must be durable before its end; only for writes, discards and writes of zeroes. */
    boolean fua();

    /** Whether an earlier server had this request, and may have carried it out, in part or as a whole, or may still do so. */
    boolean redelivered();

    /** Whether a write of zeroes may give back the space. */
    boolean mayUnmap();

    /**
     * When its users are told that it has failed with {@link Failure#TIMEOUT}, as a value of {@link System#nanoTime};
     * {@link Long#MAX_VALUE} for never. The request is still to be ended after that, and its data stays until then.
     */
    long deadline();

    /** Whether the deadline has passed at a time, a value of {@link System#nanoTime}. */
    default boolean isLate(long now) {
        return deadline() != Long.MAX_VALUE && now - deadline() >= 0;
    }

    /** Where its answer is sent. It may be kept, and used after the end of the request. */
    Answers answers();

    /** Ends it well, and sends the answer. */
    default void complete() {
        Answers answers = answers();
        completeSoon();
        answers.send();
    }

    /** Ends it well; the answer is sent by the next {@link Answers#send}, which must follow soon. */
    void completeSoon();

    /**
     * Ends a read or a write well whose bytes lie at an address: the kernel moves them itself when the answer is sent, as with
     * an {@link AddressedBackend}. An {@link Answers#send} must follow soon.
     *
     * @param address where they are until then, or belong; 0 for those of a write that is dropped
     * @param moved run when they are moved, or will never be, unless the server has ended; by any thread, and without a wait
     */
    default void completeSoonAt(long address, Runnable moved) {
        Objects.requireNonNull(moved);
        if (kind() == Kind.READ) {
            Memory.copy(address, address(), length());
        } else if (address != 0) {
            Memory.copy(address(), address, length());
        }
        completeSoon();
        moved.run();
    }

    /**
     * Ends what is no flush without an answer, after its bytes were {@linkplain Mapper mapped}: the kernel carries it out
     * anew, as after a {@link RetryException}. Only for requests of a disk for which the backend was given a Mapper.
     */
    default void retry() {
        throw new UnsupportedOperationException("nothing of this disk can be mapped");
    }

    /**
     * Ends it, and sends the answer that it has failed.
     *
     * @param cause told to the administrator; null if that was done already
     */
    void fail(Failure failure, String cause);
}
