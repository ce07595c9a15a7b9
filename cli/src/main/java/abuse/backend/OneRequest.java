// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.CountDownLatch;

/** A request whose submitter waits for its end. */
final class OneRequest implements AsyncRequest, AsyncRequest.Answers {
    private final Kind kind;
    private final long offset;
    private final long length;
    private final ByteBuffer data;
    private final CountDownLatch end = new CountDownLatch(1);
    private volatile BackendException failure;

    private OneRequest(Kind kind, long offset, long length, ByteBuffer data) {
        this.kind = kind;
        this.offset = offset;
        this.length = length;
        this.data = data;
    }

    static void carryOut(AsyncBackend backend, Kind kind, long offset, long length, ByteBuffer data) throws IOException {
        var request = new OneRequest(kind, offset, length, data == null ? null : data.slice());
        backend.submit(request);
        backend.submitted();
        boolean interrupted = false;
        while (request.end.getCount() > 0) {
            try {
                request.end.await();
            } catch (InterruptedException e) {
                // The backend may use the data until the end
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (request.failure != null) {
            throw request.failure;
        }
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
        return Long.MAX_VALUE;
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
