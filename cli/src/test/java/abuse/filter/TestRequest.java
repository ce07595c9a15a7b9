// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncRequest;
import abuse.backend.Failure;
import java.nio.ByteBuffer;
import java.util.concurrent.CountDownLatch;

/** A request of a disk's users that nobody waits for yet. */
class TestRequest implements AsyncRequest, AsyncRequest.Answers {
    private final Kind kind;
    private final long offset;
    private final long length;
    private final ByteBuffer data;
    private final CountDownLatch end = new CountDownLatch(1);
    boolean fua;
    long deadline = Long.MAX_VALUE;
    volatile Failure failure;

    TestRequest(Kind kind, long block, long blocks) {
        this.kind = kind;
        offset = block * TestStore.BLOCK;
        length = blocks * TestStore.BLOCK;
        data = kind == Kind.READ || kind == Kind.WRITE ? ByteBuffer.allocateDirect((int) length) : null;
    }

    static TestRequest flush() {
        return new TestRequest(Kind.FLUSH, 0, 0);
    }

    TestRequest submitTo(FilteredBackend disk) {
        disk.submit(this);
        disk.submitted();
        return this;
    }

    boolean hasEnded() {
        return end.getCount() == 0;
    }

    /** Waits for its end; null if it ended well. */
    Failure await() throws InterruptedException {
        end.await();
        return failure;
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
        return fua;
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
        failure = reason;
        end.countDown();
    }
}
