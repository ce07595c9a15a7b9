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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * A backend behind filters, the outermost first. It answers later, whether its backend does or not, so that a filter may
 * keep requests without a thread for each. The kernel can neither map it nor reach its bytes by itself, as it would pass
 * the filters by. A request allocates nothing, and takes no lock for a change of the
 * filters that it would not take anyway.
 */
public final class FilteredBackend implements AsyncBackend {
    /** One for each bit of a long. */
    private static final int MOST_FILTERS = 64;
    /** How long a change waits for requests to end, and then for what was not written. */
    private static final long MOST_WAIT_MS = 10_000;
    /** How long a change waits so that it can close what it took away; later that is done by {@link #look}. */
    private static final long LEAVE_MS = 1000;

    private final Backend base;
    /** The base, if it answers later, or what lets it do so. */
    final AsyncBackend later;
    private final boolean ownLater;
    private final Geometry geometry;
    private final OutputStream log;
    private final Delays delays = new Delays();
    /** Where the answers of the requests go that a thread has submitted last: it serves one queue. */
    private final ThreadLocal<AsyncRequest.Answers[]> latest = ThreadLocal.withInitial(() -> new AsyncRequest.Answers[1]);
    private volatile Consumer<String> administrator = problem -> {};
    private volatile boolean closing;
    private volatile boolean closed;
    private volatile long capacity;
    private boolean alone;
    /** Whether another server may serve the same bytes. */
    private boolean shared;

    /** Held by whoever changes the filters. */
    private final Object changes = new Object();
    private volatile Chain chain;
    /** Those that were taken away, and may still see the end of requests. */
    private final List<Filter> leaving = new ArrayList<>();
    /** Whether requests that come wait until the filters have changed. */
    private boolean holding;
    /** How many filters these may have to pass. */
    private int filtersAhead;
    private final RequestQueue held = new RequestQueue();
    /** Those that were held, for the thread that lets them go. */
    private final RequestQueue going = new RequestQueue();
    /** Requests in all chains. */
    private int underWay;
    private final RequestPool pool = new RequestPool(this);

    /**
     * Takes over a backend and its filters, and closes them if this fails.
     *
     * @param log where filters write what has no place of its own
     */
    public FilteredBackend(Backend base, List<Filter> filters, Geometry geometry, OutputStream log) throws IOException {
        this.base = base;
        this.geometry = geometry;
        this.log = log;
        capacity = geometry.capacity();
        chain = new Chain(filters.toArray(Filter[]::new));
        ownLater = !(base instanceof AsyncBackend);
        later = base instanceof AsyncBackend async ? async : LaterBackend.of(base);
        try {
            checkNumber(filters.size());
            for (Filter filter : filters) {
                open(filter);
            }
        } catch (IOException | RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** Makes this the only server of its disk, so that any filter may be added later. */
    public FilteredBackend alone() {
        alone = true;
        return this;
    }

    /** Lets others serve the same bytes without being compared with this one. */
    public FilteredBackend shared() {
        shared = true;
        return this;
    }

    private void open(Filter filter) throws IOException {
        var now = new Geometry(geometry.number(), capacity, geometry.blockSize(), geometry.maxRequest(), geometry.readOnly());
        filter.open(new Surroundings(now, log, problem -> administrator.accept(problem), new Inner(filter)));
    }

    private void checkNumber(int filters) throws IOException {
        if (filters + leaving.size() > MOST_FILTERS) {
            throw new IOException("more than " + MOST_FILTERS + " filters"
                    + (leaving.isEmpty() ? "" : ", with those that were taken away and still have requests"));
        }
    }

    @Override
    public void submit(AsyncRequest request) {
        latest.get()[0] = request.answers();
        FilteredRequest mine;
        synchronized (this) {
            mine = pool.take();
            if (holding) {
                mine.standFor(request, chain, -1);
                mine.reserve(filtersAhead);
                held.add(mine);
                return;
            }
            enter(mine, request, chain, -1);
        }
        mine.pass();
    }

    private void enter(FilteredRequest mine, AsyncRequest request, Chain here, int behind) {
        // What may fail comes first, as a change waits until all that was counted has ended
        mine.standFor(request, here, behind);
        here.underWay++;
        underWay++;
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
        long now = System.nanoTime();
        for (FilteredRequest one : known()) {
            // Or one that a filter has made for its sake
            if (one != null && (one.isFor(request) || one.isOverdue(now))) {
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
    public void grow(long bytes) throws IOException {
        base.grow(bytes);
        Filter[] filters;
        synchronized (this) {
            // Those that come later are told by whoever brings them
            capacity = bytes;
            filters = chain.filters;
        }
        for (Filter filter : filters) {
            filter.grow(bytes);
        }
    }

    /** The same bytes as without filters, unless one of these keeps some of them. */
    @Override
    public String identity() {
        if (alone) {
            return null;
        }
        for (Filter filter : chain.filters) {
            if (filter.keepsState()) {
                return null;
            }
        }
        shared |= base.identity() != null;
        return base.identity();
    }

    @Override
    public void close() throws IOException {
        closing = true;
        synchronized (this) {
            // Nobody changes the filters any more
            notifyAll();
        }
        Throwable failure = null;
        synchronized (changes) {
            leaving.addAll(Arrays.asList(chain.filters));
            for (Filter filter : leaving) {
                try {
                    filter.close();
                } catch (Throwable e) {
                    failure = e;
                }
            }
            // A look may still come
            leaving.clear();
            closed = true;
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

    /** The filters of the requests that come now, the outermost first. */
    public List<Filter> filters() {
        return List.of(chain.filters);
    }

    /**
     * Changes the filters while the disk is in use. A request that is under way ends in the filters that it began with;
     * but one that a filter keeps which is taken away goes on at once. If one that is taken away or comes keeps something of
     * the disk, there is no request under way at that moment: what it has not written yet is written then.
     *
     * @throws IOException when nothing was changed; the new filters are closed then
     */
    public void change(List<Filter> next) throws IOException {
        synchronized (changes) {
            Chain before = chain;
            long size = capacity;
            var gone = new ArrayList<>(filters());
            gone.removeAll(next);
            var fresh = new ArrayList<>(next);
            fresh.removeAll(filters());
            try {
                prepare(next, fresh);
                if (gone.stream().anyMatch(Filter::keepsState) || fresh.stream().anyMatch(Filter::keepsState)) {
                    hold(next.size());
                }
                for (Filter filter : gone) {
                    filter.leave();
                }
                swap(next, fresh, size);
            } catch (IOException | RuntimeException | Error e) {
                if (chain == before) {
                    closeAll(fresh);
                }
                throw e;
            } finally {
                letGo();
            }
            for (Filter filter : gone) {
                delays.hasten(filter);
            }
            leaving.addAll(gone);
            closeThoseThatLeft(LEAVE_MS);
        }
    }

    /** Is called now and then, and tidies up after changes. */
    public void look() {
        synchronized (changes) {
            closeThoseThatLeft(0);
        }
    }

    private void prepare(List<Filter> next, List<Filter> fresh) throws IOException {
        if (closing) {
            throw new IOException("the server ends");
        }
        closeThoseThatLeft(0);
        checkNumber(next.size());
        for (Filter filter : fresh) {
            if (filter.keepsState() && shared) {
                throw new IOException("another server may serve the disk, too, and would not know what this filter keeps of it;"
                        + " start the server with --control");
            }
            open(filter);
        }
    }

    /** Has requests that come wait, and returns when there is none under way. */
    private void hold(int filters) throws IOException {
        synchronized (this) {
            filtersAhead = filters;
            holding = true;
        }
        if (!awaitEnd(() -> underWay == 0, MOST_WAIT_MS)) {
            throw new IOException("requests are under way that have not ended within " + MOST_WAIT_MS / 1000
                    + " seconds; try again when they have");
        }
    }

    private void swap(List<Filter> next, List<Filter> fresh, long knownSize) throws IOException {
        var after = new Chain(next.toArray(Filter[]::new));
        synchronized (this) {
            if (capacity != knownSize) {
                for (Filter filter : fresh) {
                    filter.grow(capacity);
                }
            }
            chain = after;
        }
    }

    /** Lets the requests go that have come meanwhile; those that come from now on do not wait for them. */
    private void letGo() {
        synchronized (this) {
            for (FilteredRequest request = held.poll(); request != null; request = held.poll()) {
                enter(request, request.outer(), chain, -1);
                going.add(request);
            }
            holding = false;
        }
        for (FilteredRequest request = going.poll(); request != null; request = going.poll()) {
            try {
                if (!request.isAbandoned()) {
                    request.begin();
                }
            } catch (Throwable e) {
                report(e);
            }
        }
    }

    /** Closes filters that were taken away, when no request will come to them any more; those that are left have to wait. */
    private void closeThoseThatLeft(long milliseconds) {
        if (!leaving.isEmpty() && awaitEnd(() -> underWay == chain.underWay, milliseconds)) {
            closeAll(leaving);
            leaving.clear();
        }
    }

    private void closeAll(List<Filter> filters) {
        for (Filter filter : filters) {
            try {
                filter.close();
            } catch (Throwable e) {
                report(e);
            }
        }
    }

    private synchronized boolean awaitEnd(BooleanSupplier end, long milliseconds) {
        long until = System.nanoTime() + milliseconds * 1_000_000;
        while (!end.getAsBoolean()) {
            long left = (until - System.nanoTime()) / 1_000_000;
            if (left <= 0 || closing) {
                return false;
            }
            try {
                wait(left);
            } catch (InterruptedException e) {
                // Nobody has a reason to
            }
        }
        return true;
    }

    /**
     * Has a filter cut the power, and returns when it is off.
     *
     * @return false if it is not one that can
     * @throws IOException when the power is off already
     */
    public boolean cut(Filter filter) throws IOException {
        if (!(filter instanceof PowerFailFilter powerFail)) {
            return false;
        }
        powerFail.cut();
        return true;
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

    boolean isClosed() {
        return closed;
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

    /** A request has ended that was in a chain. */
    synchronized void release(FilteredRequest request, Chain from) {
        from.underWay--;
        underWay--;
        if (from.underWay == 0) {
            // Somebody may wait to change the filters
            notifyAll();
        }
        pool.give(request);
    }

    /** What the administrator is told of a failure; null if that was done already. */
    static String words(Throwable e) {
        return e instanceof BackendException || e instanceof IOException && e.getMessage() != null ? e.getMessage() : e.toString();
    }

    private synchronized FilteredRequest[] known() {
        return pool.all();
    }

    /** What lies behind a filter. */
    private final class Inner implements AsyncBackend {
        private final Filter filter;
        /** Where it was last. */
        private Chain here;
        private int place;

        Inner(Filter filter) {
            this.filter = filter;
        }

        @Override
        public void submit(AsyncRequest request) {
            FilteredRequest mine;
            synchronized (FilteredBackend.this) {
                int now = chain.placeOf(filter);
                if (now >= 0) {
                    here = chain;
                    place = now;
                }
                mine = pool.take();
                enter(mine, request, here, place);
            }
            mine.pass();
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
