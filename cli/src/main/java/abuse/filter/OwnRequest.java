// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.Failure;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A request that a filter makes for itself, in memory of its own, and waits for. */
final class OwnRequest implements AsyncRequest, AsyncRequest.Answers {
    private final Kind kind;
    private final long offset;
    private final long length;
    private final ByteBuffer data;
    private final long deadline;
    private final CountDownLatch end = new CountDownLatch(1);
    private volatile String failure;

    /**
     * Is not begun.
     *
     * @param deadline of the request for whose sake it is made
     */
    OwnRequest(Kind kind, long offset, ByteBuffer data, long deadline) {
        this.kind = kind;
        this.offset = offset;
        this.data = data;
        this.deadline = deadline;
        length = data == null ? 0 : data.remaining();
    }

    /**
     * Has it carried out, and returns when it has ended.
     *
     * @param limitMs the longest wait; the storage may use its memory after that, too
     */
    void carryOut(AsyncBackend inner, long limitMs) throws IOException {
        inner.submit(this);
        inner.submitted();
        boolean interrupted = false;
        while (true) {
            try {
                if (!end.await(limitMs, TimeUnit.MILLISECONDS)) {
                    throw new IOException("the storage has not answered for " + limitMs / 1000 + " seconds");
                }
                break;
            } catch (InterruptedException e) {
                // The storage uses the data until the end
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (failure != null) {
            throw new IOException(failure);
        }
    }

    boolean hasEnded() {
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
        return false;
    }

    @Override
    public boolean redelivered() {
        return false;
    }

    @Override
    public boolean mayUnmap() {
        return true;
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
        failure = cause == null ? reason.toString() : cause;
        end.countDown();
    }
}
