// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncRequest;
import abuse.backend.Failure;
import abuse.libc.Memory;
import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * A request on its way through the filters of a disk, to its backend and back. It has the data of the disk's own
 * request, so that nothing is copied; and it is used again for later requests.
 */
public final class FilteredRequest implements AsyncRequest {
    private final FilteredBackend backend;
    /** The filters that it passes. */
    private Chain chain;
    private long[] notes = {};
    private AsyncRequest outer;
    /** Whether a filter has made it for itself. */
    private boolean inside;
    /** The filter that has it; their number while the backend has it. */
    private int place;
    /** A bit for each filter that will see its end. */
    private long seen;
    private Kind kind;
    private long offset;
    private long length;
    private Failure failure;
    private String cause;
    /** What the backend has done when the kernel has moved the bytes at the address; null if it is not to move any. */
    private Runnable whenMoved;
    private long bytesAt;
    private final Runnable moved = this::wasMoved;
    /** Whether the filter that has looked at its end sends it in again, and after how many nanoseconds; -1 if not. */
    private long again = -1;

    /** For whoever keeps it in a list. */
    FilteredRequest next;
    /** When it goes on, as long as it is delayed. */
    long due;

    FilteredRequest(FilteredBackend backend) {
        this.backend = backend;
    }

    /** Stands for a request from now on, which goes in behind a filter at the next {@link #pass}. */
    void standFor(AsyncRequest request, Chain here, int behind) {
        reserve(here.filters.length);
        outer = request;
        chain = here;
        inside = behind >= 0;
        place = behind;
        seen = 0;
        kind = request.kind();
        offset = request.offset();
        length = request.length();
        failure = null;
        cause = null;
        whenMoved = null;
    }

    /** Makes room for so many filters to keep a note; it has none yet. */
    void reserve(int filters) {
        if (notes.length < filters) {
            notes = new long[filters];
        }
    }

    /** Lets it go in after it was held, unless it is too late. */
    void begin() {
        if (isLate(System.nanoTime())) {
            fail(Failure.TIMEOUT, null);
        } else {
            resume();
        }
    }

    /** Lets it go on to the next filter, or to the backend; for the filter that has just taken it. */
    public void pass() {
        try {
            findTaker();
        } catch (Throwable e) {
            fail(Failure.IO, FilteredBackend.words(e));
            return;
        }
        goTo(place);
    }

    /** Asks the filters behind the one that has it whether they take it, and returns which one does; their number if none. */
    int findTaker() {
        Filter[] filters = chain.filters;
        do {
            place++;
        } while (place < filters.length && !filters[place].takes(this));
        return place;
    }

    /** Gives it to the filter that takes it, or to the backend. */
    void goTo(int taker) {
        place = taker;
        if (place == chain.filters.length) {
            backend.carryOut(this);
            return;
        }
        AsyncRequest mine = outer;
        try {
            seen |= 1L << place;
            chain.filters[place].take(this);
        } catch (Throwable e) {
            if (outer != mine) {
                // The filter has ended it, or let it go on
                backend.report(e);
                return;
            }
            fail(Failure.IO, FilteredBackend.words(e));
        }
    }

    /** The same, for a thread that was not called with this request. */
    public void resume() {
        Answers answers = answers();
        pass();
        backend.sendAll();
        answers.send();
    }

    /** Has {@link Filter#due} called after so many nanoseconds, or at its deadline. */
    public void passAfter(long nanoseconds) {
        backend.delays().add(this, nanoseconds);
    }

    /** The time has come. */
    void isDue() {
        Answers answers = answers();
        try {
            if (isLate(System.nanoTime())) {
                fail(Failure.TIMEOUT, null);
            } else {
                Filter filter = chain.filters[place];
                if (filter.hasLeft()) {
                    pass();
                } else {
                    filter.due(this);
                }
            }
        } catch (Throwable e) {
            fail(Failure.IO, FilteredBackend.words(e));
        }
        backend.sendAll();
        answers.send();
    }

    /** A number that the filter which has it may keep with it until its end. */
    public void note(long number) {
        notes[place] = number;
    }

    /** The number that the filter has kept. */
    public long note() {
        return notes[place];
    }

    /** How it ended, for {@link Filter#answered}; null if well. */
    public Failure failure() {
        return failure;
    }

    /** Decides how it ends, in {@link Filter#answered}; null for well. */
    public void turn(Failure how) {
        failure = how;
        cause = null;
    }

    /** Sends it in again behind the filter, after so many nanoseconds, or at its deadline; in {@link Filter#answered}. */
    public void passAgain(long nanoseconds) {
        again = nanoseconds;
    }

    /** Sends a write to another place of the disk, until its end. */
    void moveTo(long place) {
        offset = place;
    }

    /** Lets only the beginning of a write be carried out. */
    void shorten(long bytes) {
        length = bytes;
    }

    /** Is again what the disk's users asked for. */
    void restore() {
        offset = outer.offset();
        length = outer.length();
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
        return outer.data();
    }

    @Override
    public long address() {
        return outer.address();
    }

    @Override
    public boolean fua() {
        return outer.fua();
    }

    @Override
    public boolean redelivered() {
        return outer.redelivered();
    }

    @Override
    public boolean mayUnmap() {
        return outer.mayUnmap();
    }

    @Override
    public long deadline() {
        return outer.deadline();
    }

    @Override
    public Answers answers() {
        return outer.answers();
    }

    /** Whether its server has ended without it; then nothing may happen to it any more. */
    boolean isAbandoned() {
        return inside ? backend.isClosed() : backend.isClosing();
    }

    /** Whether a filter has it. */
    boolean isAt(Filter filter) {
        return place < chain.filters.length && chain.filters[place] == filter;
    }

    /** Whether the filter that has it was taken away. */
    boolean isLeftBehind() {
        return chain.filters[place].hasLeft();
    }

    /** Whether it is a read or a write. */
    boolean hasData() {
        return kind == Kind.READ || kind == Kind.WRITE;
    }

    /** Whether a filter or the backend wants its data to be there. */
    boolean wantsData() {
        return chain.looksAtData || backend.later.wantsData();
    }

    /** Whether it stands for this request of the disk. */
    boolean isFor(AsyncRequest request) {
        return outer == request;
    }

    /** Whether its users were told that it has failed, and may have written there anew; what a filter has made it keeps in order. */
    boolean isTooLate() {
        return !inside && isLate(System.nanoTime());
    }

    /** Whether it is a filter's own, and its deadline has passed. */
    boolean isOverdue(long now) {
        AsyncRequest request = outer;
        return inside && request != null && request.isLate(now);
    }

    /** The request that it stands for. */
    AsyncRequest outer() {
        return outer;
    }

    @Override
    public void completeSoon() {
        goOut();
    }

    @Override
    public void completeSoonAt(long where, Runnable then) {
        Objects.requireNonNull(then);
        if (chain.looksAtData) {
            AsyncRequest.super.completeSoonAt(where, then);
        } else if (outer != null) {
            bytesAt = where;
            whenMoved = then;
            goOut();
        }
    }

    @Override
    public void fail(Failure how, String why) {
        AsyncRequest request = outer;
        if (request == null) {
            return;
        }
        Answers answers = request.answers();
        failure = how;
        cause = why;
        goOut();
        // A filter may have turned it, and whoever fails a request sends nothing
        answers.send();
    }

    private void goOut() {
        if (outer == null) {
            // It has ended already
            return;
        }
        for (int i = isAbandoned() ? -1 : place - 1; i >= 0; i--) {
            if ((seen & 1L << i) != 0) {
                place = i;
                try {
                    chain.filters[i].answered(this);
                } catch (Throwable e) {
                    failure = Failure.IO;
                    cause = FilteredBackend.words(e);
                }
                if (again >= 0 && goAgain(i)) {
                    return;
                }
            }
        }
        if (failure != null) {
            moveNow();
        }
        AsyncRequest request = outer;
        Failure how = failure;
        String why = cause;
        outer = null;
        if (whenMoved != null) {
            request.completeSoonAt(bytesAt, moved);
            return;
        }
        backend.release(this, chain);
        if (how == null) {
            request.completeSoon();
        } else {
            request.fail(how, why);
        }
    }

    /** Lets it wait until it is sent in again behind a filter; if that cannot be, it ends as it has, and not well. */
    private boolean goAgain(int behind) {
        moveNow();
        long nanoseconds = again;
        Failure how = failure;
        String why = cause;
        again = -1;
        failure = null;
        cause = null;
        // Those behind it may take it anew, or not
        seen &= -1L >>> Long.SIZE - 1 - behind;
        try {
            passAfter(nanoseconds);
            return true;
        } catch (Throwable e) {
            backend.report(e);
            failure = how == null ? Failure.IO : how;
            cause = why;
            return false;
        }
    }

    /** Moves the bytes of what a filter has turned, as the kernel will not. */
    private void moveNow() {
        if (whenMoved == null) {
            return;
        }
        try {
            if (kind == Kind.WRITE && bytesAt != 0) {
                Memory.copy(address(), bytesAt, length);
            }
        } catch (RuntimeException e) {
            backend.report(e);
        } finally {
            tellMoved();
        }
    }

    private void tellMoved() {
        Runnable then = whenMoved;
        whenMoved = null;
        then.run();
    }

    private void wasMoved() {
        try {
            tellMoved();
        } finally {
            backend.release(this, chain);
        }
    }
}
