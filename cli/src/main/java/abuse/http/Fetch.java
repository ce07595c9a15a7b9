// SPDX-License-Identifier: Apache-2.0
package abuse.http;

import abuse.backend.AsyncRequest;
import abuse.backend.Failure;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.ResponseInfo;
import java.util.concurrent.CompletableFuture;

/** A read of the disk, which asks the server until it has the bytes, or knows that it will not get them. Any thread. */
final class Fetch {
    private static final long FIRST_DELAY_MS = 50;
    private static final long LAST_DELAY_MS = 5000;

    private final HttpBackend backend;
    private final AsyncRequest request;
    private final long offset;
    private final int length;
    private URI place;
    private int hops;
    private int failures;
    /** The attempt that is under way; null between two of them, and at the end. */
    private Body body;
    private CompletableFuture<?> exchange;
    /** Why it is to end; null while it goes on. */
    private Failure reason;
    private boolean ended;

    Fetch(HttpBackend backend, AsyncRequest request) {
        this.backend = backend;
        this.request = request;
        offset = request.offset();
        length = (int) request.length();
        place = backend.place();
    }

    /** Asks, and asks again later if need be. */
    void attempt() {
        try {
            ask();
        } catch (Throwable e) {
            end(Failure.IO, Web.words(e));
        }
    }

    private void ask() {
        Body mine;
        synchronized (this) {
            if (ended || body != null) {
                return;
            }
            mine = new Body(request.data().clear().limit(length));
            body = mine;
        }
        CompletableFuture<HttpResponse<Body>> asked;
        try {
            var ask = Web.ask(backend.file(), place, offset, length);
            backend.version().demand(ask, place);
            asked = Web.send(ask.build(), info -> subscriber(info, mine));
        } catch (Throwable e) {
            // If there is no memory, that may pass
            answered(mine, null, e);
            return;
        }
        synchronized (this) {
            if (body == mine) {
                exchange = asked;
            }
            if (reason != null) {
                asked.cancel(true);
            }
        }
        asked.whenComplete((answer, e) -> answered(mine, answer, e));
    }

    /** Ends it soon, without the bytes. */
    void giveUp(Failure how) {
        boolean now;
        CompletableFuture<?> waiting;
        synchronized (this) {
            if (ended || reason != null) {
                return;
            }
            reason = how;
            waiting = exchange;
            now = body == null;
            ended = now;
        }
        if (now) {
            fail(how, null);
        } else if (waiting != null) {
            waiting.cancel(true);
        }
    }

    /** Gives up if the time of the request is over. */
    void expire(long now) {
        if (request.isLate(now)) {
            giveUp(Failure.TIMEOUT);
        }
    }

    /** Ends an attempt that does not get on, and so begins another one. */
    void hurry(long now) {
        CompletableFuture<?> slow;
        synchronized (this) {
            slow = body != null && body.isStuck(now, Body.STALL_NS, Body.CRAWL_NS) ? exchange : null;
        }
        if (slow != null) {
            slow.cancel(true);
        }
    }

    /** Only what belongs to our version of the file goes to the disk's users. */
    private BodySubscriber<Body> subscriber(ResponseInfo info, Body mine) {
        return info.statusCode() == Web.PART && isOurs(Version.of(place, info.headers(), offset, length)) ? mine : new Body(null);
    }

    private boolean isOurs(Version other) {
        return other != null && other.isOf(backend.version());
    }

    private void answered(Body mine, HttpResponse<Body> answer, Throwable e) {
        boolean whole = mine.close();
        Failure how;
        boolean good;
        synchronized (this) {
            if (body != mine) {
                return;
            }
            body = null;
            exchange = null;
            how = reason;
            good = how == null && whole && answer != null && answer.body() == mine;
            // Decided once, because the request may be another one as soon as it has ended
            ended = how != null || good;
        }
        try {
            if (how != null) {
                fail(how, null);
            } else if (good) {
                complete();
            } else if (answer == null) {
                if (Web.isFinal(e)) {
                    end(Failure.REMOTE, Web.words(e));
                } else {
                    again(Web.words(e), 0);
                }
            } else if (answer.body() == mine) {
                again(Web.OTHER_LENGTH, 0);
            } else {
                judge(answer);
            }
        } catch (Throwable failure) {
            end(Failure.IO, Web.words(failure));
        }
    }

    /** Decides what follows from an answer without the bytes. */
    private void judge(HttpResponse<Body> answer) throws IOException {
        int status = answer.statusCode();
        if (Web.isElsewhere(status) && hops++ < Web.MOST_HOPS) {
            place = Web.elsewhere(place, answer);
            backend.isAt(place);
            attempt();
        } else if (Web.isPassing(status)) {
            again(Web.words(backend.file(), place, status), Web.retryAfterMs(answer.headers()));
        } else if (!place.equals(backend.file().uri()) && hops == 0) {
            // What we were sent to earlier may be valid only for some time
            goHome();
            hops = 1;
            attempt();
        } else if (status == Web.PART && Version.of(place, answer.headers(), offset, length) == null) {
            end(Failure.REMOTE, Web.otherPart(answer.headers()));
        } else if (status == Web.PART || status == Web.CHANGED || status == Web.BEYOND) {
            end(Failure.IO, "the file was changed on the server, so its disk is not what it was; reads fail until the old file is back");
        } else {
            end(Failure.REMOTE, status == 200 ? "the server sends the whole file instead of a part" : Web.words(backend.file(), place, status));
        }
    }

    private void again(String cause, long leastMs) {
        int earlier = failures++;
        if (earlier > 0 || leastMs > LAST_DELAY_MS) {
            backend.lost(cause);
        }
        hops = 0;
        goHome();
        long delay = Math.max(leastMs, Math.min(LAST_DELAY_MS, FIRST_DELAY_MS << Math.min(earlier, 10)));
        backend.later(this::attempt, delay);
        // The end may have come first
        if (backend.isOver()) {
            giveUp(Failure.IO);
        }
    }

    /** Asks where the file was at first, and so do later reads, until they are sent elsewhere. */
    private void goHome() {
        place = backend.file().uri();
        backend.isAt(place);
    }

    private void complete() {
        backend.ended(this);
        request.complete();
        backend.found();
    }

    private void end(Failure how, String cause) {
        Body last;
        CompletableFuture<?> asked;
        synchronized (this) {
            if (ended) {
                return;
            }
            ended = true;
            last = body;
            asked = exchange;
            body = null;
        }
        if (last != null) {
            last.close();
        }
        if (asked != null) {
            asked.cancel(true);
        }
        fail(how, backend.file().text() + ": " + cause);
    }

    private void fail(Failure how, String cause) {
        backend.ended(this);
        request.fail(how, cause);
    }
}
