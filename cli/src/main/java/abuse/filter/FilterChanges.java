// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Changes the filters of a disk while it is in use, one change at a time. */
final class FilterChanges {
    /** One for each bit of a long. */
    private static final int MOST_FILTERS = 64;
    /** How long a change waits for requests to end. */
    private static final long MOST_WAIT_MS = 10_000;
    /** How long a change waits so that it can close what it took away; later that is done by {@link #look}. */
    private static final long LEAVE_MS = 1000;

    private final FilteredBackend backend;
    private final Entrance entrance;
    /** Those that were taken away, and may still see the end of requests. */
    private final List<Filter> leaving = new ArrayList<>();

    FilterChanges(FilteredBackend backend, Entrance entrance) {
        this.backend = backend;
        this.entrance = entrance;
    }

    /** As {@link FilteredBackend#change} says. */
    synchronized void change(List<Filter> next) throws IOException {
        Chain before = entrance.chain();
        long size = backend.capacity();
        var gone = new ArrayList<>(List.of(before.filters));
        gone.removeAll(next);
        var fresh = new ArrayList<>(next);
        fresh.removeAll(List.of(before.filters));
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
            if (entrance.chain() == before) {
                closeAll(fresh);
            }
            throw e;
        } finally {
            entrance.letGo(backend::report);
        }
        for (Filter filter : gone) {
            backend.delays().hasten(filter);
        }
        leaving.addAll(gone);
        closeThoseThatLeft(LEAVE_MS);
    }

    /** Is called now and then, and tidies up. */
    synchronized void look() {
        closeThoseThatLeft(0);
    }

    /** Closes all filters, after the last change, and returns why one of them could not be closed well; others are told. */
    synchronized Throwable close() {
        Throwable failure = null;
        leaving.addAll(Arrays.asList(entrance.chain().filters));
        for (Filter filter : leaving) {
            try {
                filter.close();
            } catch (Throwable e) {
                if (failure != null) {
                    backend.report(failure);
                }
                failure = e;
            }
        }
        // A look may still come
        leaving.clear();
        return failure;
    }

    /** Fails if there are too many. */
    void checkNumber(int filters) throws IOException {
        if (filters + leaving.size() > MOST_FILTERS) {
            throw new IOException("more than " + MOST_FILTERS + " filters"
                    + (leaving.isEmpty() ? "" : ", with those that were taken away and still have requests"));
        }
    }

    private void prepare(List<Filter> next, List<Filter> fresh) throws IOException {
        if (backend.isClosing()) {
            throw new IOException("the server ends");
        }
        closeThoseThatLeft(0);
        checkNumber(next.size());
        FilteredBackend.checkOrder(next);
        for (Filter filter : fresh) {
            String conflict = backend.isShared() ? FilteredBackend.conflict(filter) : null;
            if (conflict != null) {
                throw new IOException(conflict + "; start the server with --control");
            }
            backend.open(filter);
        }
    }

    /** Has requests that come wait, and returns when there is none under way. */
    private void hold(int filters) throws IOException {
        if (!entrance.hold(filters, MOST_WAIT_MS)) {
            throw new IOException("requests are under way that have not ended within " + MOST_WAIT_MS / 1000
                    + " seconds; try again when they have");
        }
    }

    private void swap(List<Filter> next, List<Filter> fresh, long knownSize) throws IOException {
        var after = new Chain(next.toArray(Filter[]::new));
        synchronized (entrance) {
            if (backend.capacity() != knownSize) {
                for (Filter filter : fresh) {
                    filter.grow(backend.capacity());
                }
            }
            entrance.change(after);
        }
    }

    /** Closes filters that were taken away, when no request will come to them any more; those that still have some wait. */
    private void closeThoseThatLeft(long milliseconds) {
        if (!leaving.isEmpty() && entrance.awaitEarlier(milliseconds)) {
            closeAll(leaving);
            leaving.clear();
        }
    }

    private void closeAll(List<Filter> filters) {
        for (Filter filter : filters) {
            try {
                filter.close();
            } catch (Throwable e) {
                backend.report(e);
            }
        }
    }
}
