// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A request whose submitter waits for its end. */
public final class OneRequest implements AsyncRequest, AsyncRequest.Answers {
    private final Kind kind;
    private final long offset;
    private final long length;
    private final ByteBuffer data;
    private final long deadline;
    /** What it was made for; null if for nothing else. */
    private final AsyncRequest outer;
    private final CountDownLatch end = new CountDownLatch(1);
    private volatile BackendException failure;

    /**
     * Is not begun.
     *
     * @param data as {@link AsyncRequest#data} says
     * @param deadline as {@link AsyncRequest#deadline} says
     */
    public OneRequest(Kind kind, long offset, long length, ByteBuffer data, long deadline) {
        this.kind = kind;
        this.offset = offset;
        this.length = length;
        this.data = data;
        this.deadline = deadline;
        outer = null;
    }

    /**
     * Asks for the same as another request, with its data, and is not begun.
     *
     * @param deadline as {@link AsyncRequest#deadline} says
     */
    public OneRequest(AsyncRequest outer, long deadline) {
        kind = outer.kind();
        offset = outer.offset();
        length = outer.length();
        data = outer.data();
        this.deadline = deadline;
        this.outer = outer;
    }

    static void carryOut(AsyncBackend backend, Kind kind, long offset, long length, ByteBuffer data) throws IOException {
        new OneRequest(kind, offset, length, data == null ? null : data.slice(), Long.MAX_VALUE).carryOut(backend, Long.MAX_VALUE);
    }

    /**
     * Has a backend that makes its callers wait carry out a request, and make durable what must be.
     *
     * @throws IOException when it has failed, or when the backend has left out bytes
     */
    public static void carryOut(Backend backend, AsyncRequest request) throws IOException {
        ByteBuffer data = request.data();
        switch (request.kind()) {
            case READ -> backend.read(request.offset(), data);
            case WRITE -> backend.write(request.offset(), data);
            case FLUSH -> backend.flush();
            case DISCARD -> backend.discard(request.offset(), request.length());
            case WRITE_ZEROES -> backend.writeZeroes(request.offset(), request.length());
        }
        // In memory the position stays, so it says nothing
        if (data != null && data.hasRemaining() && !(backend instanceof AddressedBackend addressed && !addressed.isStored())) {
            throw new IOException("the backend left out " + data.remaining() + " bytes of a request");
        }
        if (request.fua()) {
            backend.flush();
        }
    }

    /**
     * Has it carried out, and waits for its end.
     *
     * @param limitMs the longest wait, unless there are interrupts; the backend may use the data after that, too
     * @return whether it has ended
     * @throws IOException when it has failed
     */
    public boolean carryOut(AsyncBackend backend, long limitMs) throws IOException {
        backend.submit(this);
        backend.submitted();
        return await(limitMs);
    }

    /**
     * Waits for its end, once it is begun.
     *
     * @param limitMs as for {@link #carryOut}
     * @return whether it has ended
     * @throws IOException when it has failed
     */
    public boolean await(long limitMs) throws IOException {
        boolean interrupted = false;
        boolean ended;
        while (true) {
            try {
                ended = end.await(limitMs, TimeUnit.MILLISECONDS);
                break;
            } catch (InterruptedException e) {
                // The backend may use the data until the end
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (ended && failure != null) {
            throw failure;
        }
        return ended;
    }

    /** Whether the backend does not use the data any more. */
    public boolean hasEnded() {
        return end.getCount() == 0;
    }

    @Override
    public Kind kind() {
        return kind;
    }

    @Override
    public long offset() {
        return offset;
    }

    @Override
    public long length() {
        return length;
    }

    @Override
    public ByteBuffer data() {
        return data;
    }

    @Override
    public boolean fua() {
        return outer != null && outer.fua();
    }

    @Override
    public boolean redelivered() {
        return outer != null && outer.redelivered();
    }

    @Override
    public boolean mayUnmap() {
        return outer == null || outer.mayUnmap();
    }

    @Override
    public long deadline() {
        return deadline;
    }

    @Override
    public Answers answers() {
        return this;
    }

    @Override
    public void completeSoon() {
        end.countDown();
    }

    @Override
    public void send() {
        // Nobody waits for anything but the end
    }

    @Override
    public void fail(Failure reason, String cause) {
        failure = new BackendException(reason, cause);
        end.countDown();
    }
}
