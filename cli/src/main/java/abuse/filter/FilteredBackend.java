// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AddressedBackend;
import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.Backend;
import abuse.backend.BackendException;
import abuse.backend.Failure;
import abuse.backend.Gate;
import abuse.backend.Geometry;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteOrder;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * A backend behind filters, the outermost first. It answers later, whether its backend does or not, so that a filter may
 * keep requests without a thread for each. The kernel cannot map it, as it would pass the filters by; but it moves the bytes
 * of a disk in memory itself if no filter looks at them. A request allocates nothing.
 */
public final class FilteredBackend implements AsyncBackend {
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
    private Runnable before = () -> {};

    private final Entrance entrance;
    private final FilterChanges changes;

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
        entrance = new Entrance(this, new Chain(filters.toArray(Filter[]::new)));
        changes = new FilterChanges(this, entrance);
        ownLater = !(base instanceof AsyncBackend);
        later = base instanceof AsyncBackend async ? async : LaterBackend.of(base);
        try {
            changes.checkNumber(filters.size());
            checkOrder(filters);
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

    /** Why a filter cannot be there while other servers may serve the same bytes; null if it can. */
    public static String conflict(Filter filter) {
        return filter.keepsState() ? "another server may serve the disk, too, and would not know what this filter keeps of it" : null;
    }

    /** Fails if one would see, or show, nothing of what it is there for. */
    static void checkOrder(List<Filter> filters) throws IOException {
        boolean kept = false;
        boolean cached = false;
        for (Filter filter : filters) {
            if (cached && (filter instanceof CorruptFilter || filter instanceof CowFilter || filter instanceof PowerFailFilter)) {
                throw new IOException("the 'cache' filter would hide what corrupt, cow and powerfail behind it lose or change; name cache after"
                        + " them");
            }
            cached |= filter instanceof CacheFilter;
            if (kept && filter instanceof RecordFilter) {
                throw new IOException("the 'record' filter sees no write behind cow, which keeps them; name record first");
            }
            kept |= filter instanceof CowFilter;
        }
    }

    /** Why a filter cannot be behind a cache of the disk; null if it can. */
    public static String cacheConflict(Filter filter) {
        if (filter instanceof CorruptFilter) {
            return "a cache has what was written, and would hide what this filter makes of it";
        }
        return filter.keepsState() ? "this filter keeps something of the disk, which it may change later, and a cache would not know" : null;
    }

    /** Has something done at the end, before the filters are closed. */
    public FilteredBackend onClose(Runnable part) {
        before = part;
        return this;
    }

    boolean isShared() {
        return shared;
    }

    long capacity() {
        return capacity;
    }

    void open(Filter filter) throws IOException {
        var now = new Geometry(geometry.number(), capacity, geometry.blockSize(), geometry.maxRequest(), geometry.readOnly());
        filter.open(new Surroundings(now, log, problem -> administrator.accept(problem), new Inner(this, base, entrance, filter)));
        filter.begin();
    }

    @Override
    public void submit(AsyncRequest request) {
        sendLater(request.answers());
        FilteredRequest mine = entrance.enter(request);
        if (mine != null) {
            mine.pass();
        }
    }

    /** Has answers sent at the next {@link #submitted} of the calling thread. */
    void sendLater(AsyncRequest.Answers answers) {
        latest.get()[0] = answers;
    }

    @Override
    public Gate gate(BooleanSupplier idle) {
        AddressedBackend memory = LaterBackend.memoryOf(base);
        return memory == null ? null : entrance.gate(this, memory, idle);
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
    public boolean wantsData() {
        return later.wantsData() || entrance.chain().looksAtData;
    }

    @Override
    public int mostUnderWay() {
        return later.mostUnderWay();
    }

    @Override
    public void expired(AsyncRequest request) {
        long now = System.nanoTime();
        for (FilteredRequest one : entrance.known()) {
            // Or one that a filter has made for its sake
            if (one != null && (one.isFor(request) || one.isOverdue(now))) {
                later.expired(one);
            }
        }
    }

    @Override
    public void limitTo(long nanoseconds) {
        later.limitTo(nanoseconds);
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
    public void serveTogetherWith(BooleanSupplier others) {
        later.serveTogetherWith(others);
    }

    @Override
    public long size() {
        return base.size();
    }

    @Override
    public void grow(long bytes) throws IOException {
        base.grow(bytes);
        Filter[] filters;
        synchronized (entrance) {
            // Those that come later are told by whoever brings them
            capacity = bytes;
            filters = entrance.chain().filters;
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
        for (Filter filter : entrance.chain().filters) {
            if (filter.keepsState()) {
                return null;
            }
        }
        shared |= base.identity() != null;
        return base.identity();
    }

    @Override
    public boolean isFenced() throws IOException {
        return base.isFenced();
    }

    @Override
    public void close() throws IOException {
        closing = true;
        // Nobody changes the filters any more
        entrance.end();
        before.run();
        Throwable failure = changes.close();
        closed = true;
        try {
            // A filter that has just closed may have had requests of its own
            delays.close();
            if (ownLater) {
                later.close();
            }
            base.close();
        } catch (IOException | RuntimeException | Error e) {
            if (failure != null) {
                report(failure);
            }
            throw e;
        }
        if (failure != null) {
            throw failure instanceof IOException e ? e : new IOException(failure.toString(), failure);
        }
    }

    /** The filters of the requests that come now, the outermost first. */
    public List<Filter> filters() {
        return List.of(entrance.chain().filters);
    }

    /**
     * Changes the filters while the disk is in use. A request that is under way ends in the filters that it began with;
     * but one that a filter keeps which is taken away goes on at once. If one that is taken away or comes keeps something of
     * the disk, there is no request under way at that moment: what it has not written yet is written then.
     *
     * @throws IOException when nothing was changed; the new filters are closed then
     */
    public void change(List<Filter> next) throws IOException {
        changes.change(next);
    }

    /** Is called now and then, and tidies up after changes. */
    public void look() {
        changes.look();
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
            if (request.hasData() && request.wantsData()) {
                // A filter may have looked at it, or the backend before
                request.data().clear().limit((int) request.length()).order(ByteOrder.BIG_ENDIAN);
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
    void release(FilteredRequest request, Chain from) {
        entrance.release(request, from);
    }

    /** What the administrator is told of a failure; null if that was done already. */
    static String words(Throwable failure) {
        Throwable e = failure instanceof UncheckedIOException unchecked ? unchecked.getCause() : failure;
        return e instanceof BackendException || e instanceof IOException && e.getMessage() != null ? e.getMessage() : e.toString();
    }
}
