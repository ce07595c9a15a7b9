// SPDX-License-Identifier: Apache-2.0
package abuse.http;

import java.net.http.HttpResponse.BodySubscriber;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;

/** Brings what a server sends to its place, and no more than fits there. */
final class Body implements BodySubscriber<Body> {
    /** A page with the reason of an error is read, so that the connection can be used again. */
    private static final int MOST_WASTE = 64 << 10;
    /** How long nothing may come. */
    static final long STALL_NS = 30_000_000_000L;
    /** How long less than so much may come, or a server could keep a read waiting with a byte now and then. */
    static final long CRAWL_NS = 600_000_000_000L;
    private static final int PROGRESS = 16 << 10;

    private final CompletableFuture<Body> end = new CompletableFuture<>();
    private final ByteBuffer into;
    private Flow.Subscription subscription;
    private int waste;
    private boolean tooLong;
    private boolean closed;
    private int since;
    /** When anything had come last, and when enough had. */
    private volatile long arrived = System.nanoTime();
    private volatile long progress = arrived;

    /**
     * Waits for the first bytes.
     *
     * @param into where they belong; null for nowhere
     */
    Body(ByteBuffer into) {
        this.into = into;
    }

    /** Whether nothing has come for so long, or too little for so long. */
    boolean isStuck(long now, long stall, long crawl) {
        return now - arrived >= stall || now - progress >= crawl;
    }

    /** Does not touch the place any more from now on; whether all bytes are there, and none too many. */
    synchronized boolean close() {
        closed = true;
        return !tooLong && into != null && !into.hasRemaining();
    }

    @Override
    public CompletionStage<Body> getBody() {
        return end;
    }

    @Override
    public void onSubscribe(Flow.Subscription to) {
        subscription = to;
        to.request(1);
    }

    @Override
    public void onNext(List<ByteBuffer> buffers) {
        for (ByteBuffer one : buffers) {
            since += one.remaining();
            if (!take(one)) {
                subscription.cancel();
                end.complete(this);
                return;
            }
        }
        arrived = System.nanoTime();
        if (since >= PROGRESS) {
            since = 0;
            progress = arrived;
        }
        subscription.request(1);
    }

    /** False if it is more than is wanted. */
    private synchronized boolean take(ByteBuffer bytes) {
        if (into == null) {
            waste += bytes.remaining();
            return waste <= MOST_WASTE;
        }
        tooLong |= bytes.remaining() > into.remaining();
        if (closed || tooLong) {
            return false;
        }
        into.put(bytes);
        return true;
    }

    @Override
    public void onError(Throwable e) {
        end.completeExceptionally(e);
    }

    @Override
    public void onComplete() {
        end.complete(this);
    }
}
