// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.Backend;
import abuse.backend.BackendException;
import abuse.backend.Failure;
import abuse.backend.Geometry;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/**
 * A backend behind filters, the outermost first. It answers later, whether its backend does or not, so that a filter may
 * keep requests without a thread for each. The kernel can neither map it nor reach its bytes by itself, as it would pass
 * the filters by. A request allocates nothing.
 */
public final class FilteredBackend implements AsyncBackend {
    /** One for each bit of a long. */
    private static final int MOST_FILTERS = 64;

    final Filter[] filters;
    private final Backend base;
    /** The base, if it answers later, or what lets it do so. */
    private final AsyncBackend later;
    private final boolean ownLater;
    private final Delays delays = new Delays();
    /** Where the answers of the requests go that a thread has submitted last: it serves one queue. */
    private final ThreadLocal<AsyncRequest.Answers[]> latest = ThreadLocal.withInitial(() -> new AsyncRequest.Answers[1]);
    private volatile Consumer<String> administrator = problem -> {};
    private volatile boolean closing;

    /** Those that stand for no request, linked by {@link FilteredRequest#next}. */
    private FilteredRequest free;
    /** All, so that one may be found. */
    private FilteredRequest[] all = {};
    private int made;

    /**
     * Takes over a backend and its filters, and closes them if this fails.
     *
     * @param log where filters write what has no place of its own
     */
    public FilteredBackend(Backend base, List<Filter> filters, Geometry geometry, OutputStream log) throws IOException {
        this.base = base;
        this.filters = filters.toArray(Filter[]::new);
        ownLater = !(base instanceof AsyncBackend);
        later = base instanceof AsyncBackend async ? async : LaterBackend.of(base);
        try {
            if (this.filters.length > MOST_FILTERS) {
                throw new IOException("more than " + MOST_FILTERS + " filters");
            }
            for (int i = 0; i < this.filters.length; i++) {
                this.filters[i].open(new Surroundings(geometry, log, problem -> administrator.accept(problem), new Inner(i)));
            }
        } catch (IOException | RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    @Override
    public void submit(AsyncRequest request) {
        latest.get()[0] = request.answers();
        take().begin(request, -1);
    }

    @Override
    public void submitted() {
        later.submitted();
        AsyncRequest.Answers answers = latest.get()[0];
        if (answers != null) {
            answers.send();
        }
    }

    @Override
    public int mostUnderWay() {
        return later.mostUnderWay();
    }

    @Override
    public void expired(AsyncRequest request) {
        FilteredRequest[] now = known();
        for (FilteredRequest one : now) {
            if (one != null && one.isFor(request)) {
                later.expired(one);
            }
        }
    }

    @Override
    public void abandon() {
        later.abandon();
    }

    @Override
    public void tellProblemsTo(Consumer<String> listener) {
        administrator = listener;
        later.tellProblemsTo(listener);
    }

    @Override
    public long size() {
        return base.size();
    }

    @Override
    public void grow(long capacity) throws IOException {
        base.grow(capacity);
        for (Filter filter : filters) {
            filter.grow(capacity);
        }
    }

    /** The same bytes as without filters, unless one of these keeps some of them. */
    @Override
    public String identity() {
        for (Filter filter : filters) {
            if (filter.keepsState()) {
                return null;
            }
        }
        return base.identity();
    }

    @Override
    public void close() throws IOException {
        closing = true;
        Throwable failure = null;
        for (Filter filter : filters) {
            try {
                filter.close();
            } catch (Throwable e) {
                failure = e;
            }
        }
        // A filter that has just closed may have had requests of its own
        delays.close();
        if (ownLater) {
            later.close();
        }
        base.close();
        if (failure != null) {
            throw failure instanceof IOException e ? e : new IOException(failure.toString(), failure);
        }
    }

    void report(Throwable e) {
        Consumer<String> told = administrator;
        String words = words(e);
        if (told != null && words != null) {
            told.accept(words);
        }
    }

    boolean isClosing() {
        return closing;
    }

    Delays delays() {
        return delays;
    }

    /** Has the backend carry out a request that has passed all filters. */
    void carryOut(FilteredRequest request) {
        try {
            ByteBuffer data = request.data();
            if (data != null) {
                // A filter may have looked at it
                data.clear().limit((int) request.length());
            }
            later.submit(request);
        } catch (Throwable e) {
            request.fail(Failure.of(e), words(e));
        }
    }

    /** Sends what the calling thread has submitted to the backend. */
    void sendAll() {
        later.submitted();
    }

    synchronized void release(FilteredRequest request) {
        request.next = free;
        free = request;
    }

    /** What the administrator is told of a failure; null if that was done already. */
    static String words(Throwable e) {
        return e instanceof BackendException || e instanceof IOException && e.getMessage() != null ? e.getMessage() : e.toString();
    }

    private synchronized FilteredRequest take() {
        FilteredRequest request = free;
        if (request == null) {
            request = new FilteredRequest(this, filters.length);
            if (made == all.length) {
                all = Arrays.copyOf(all, Math.max(64, 2 * made));
            }
            all[made++] = request;
        } else {
            free = request.next;
            request.next = null;
        }
        return request;
    }

    private synchronized FilteredRequest[] known() {
        return all;
    }

    /** What lies behind a filter. */
    private final class Inner implements AsyncBackend {
        private final int behind;

        Inner(int behind) {
            this.behind = behind;
        }

        @Override
        public void submit(AsyncRequest request) {
            take().begin(request, behind);
        }

        @Override
        public void submitted() {
            sendAll();
        }

        @Override
        public void close() {
            // It is closed with the disk
        }
    }
}
