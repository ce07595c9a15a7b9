// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AddressedBackend;
import abuse.backend.AsyncRequest;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Where requests enter the filters of a disk. All that are under way are counted, and those that come while the filters
 * change are held. Its lock is the only one that a request takes for a change of the filters.
 */
final class Entrance {
    /** Nobody says when a thread begins to wait in the kernel. */
    private static final long LOOK_NS = 10_000_000;

    private final RequestPool pool;
    private final List<FilterGate> gates = new CopyOnWriteArrayList<>();
    private volatile Chain chain;
    /** Whether requests that come wait until the filters have changed. */
    private boolean holding;
    /** How many filters these may have to pass. */
    private int filtersAhead;
    private final RequestQueue held = new RequestQueue();
    /** Those that were held, for the thread that lets them go. */
    private final RequestQueue going = new RequestQueue();
    /** Requests in all chains. */
    private int underWay;
    private boolean ended;

    Entrance(FilteredBackend backend, Chain chain) {
        pool = new RequestPool(backend);
        this.chain = chain;
    }

    /** The filters of the requests that come now. */
    Chain chain() {
        return chain;
    }

    /** All objects that stand for requests, or may do so; null at the end. */
    synchronized FilteredRequest[] known() {
        return pool.all();
    }

    /** What stands for a request of the disk, which may pass the filters now; null if it is held. */
    synchronized FilteredRequest enter(AsyncRequest request) {
        if (!holding) {
            return enter(request, chain, -1);
        }
        FilteredRequest mine = pool.take();
        mine.standFor(request, chain, -1);
        mine.reserve(filtersAhead);
        held.add(mine);
        return null;
    }

    /** What stands for a request that goes in behind a filter, or before all of them: -1. */
    synchronized FilteredRequest enter(AsyncRequest request, Chain here, int behind) {
        FilteredRequest mine = pool.take();
        admit(mine, request, here, behind);
        return mine;
    }

    /** A gate for one thread; see {@link FilteredBackend#gate}. */
    FilterGate gate(FilteredBackend backend, AddressedBackend memory, BooleanSupplier idle) {
        var gate = new FilterGate(backend, this, memory, idle);
        gates.add(gate);
        return gate;
    }

    /** Lets a group of requests in, as one, and returns their filters; null if requests are held. */
    synchronized Chain enterTogether() {
        if (holding) {
            return null;
        }
        chain.underWay++;
        underWay++;
        return chain;
    }

    /** What was let in together has ended, but for what has entered by itself. */
    synchronized void leaveTogether(Chain from) {
        leave(from);
    }

    private void admit(FilteredRequest mine, AsyncRequest request, Chain here, int behind) {
        // What may fail comes first, as a change waits until all that was counted has ended
        mine.standFor(request, here, behind);
        here.underWay++;
        underWay++;
    }

    /** A request has ended that was in a chain. */
    synchronized void release(FilteredRequest request, Chain from) {
        leave(from);
        pool.give(request);
    }

    private void leave(Chain from) {
        from.underWay--;
        underWay--;
        if (from.underWay == 0) {
            // Somebody may wait to change the filters
            notifyAll();
        }
    }

    /** Has requests that come wait; whether there is none under way, for which it waits so long. */
    boolean hold(int filters, long milliseconds) {
        // From then on no class is loaded, whose file may be on the disk
        BooleanSupplier nothing = () -> underWay == 0;
        for (FilterGate gate : gates) {
            gate.prepare();
        }
        synchronized (this) {
            filtersAhead = filters;
            holding = true;
        }
        return await(nothing, milliseconds);
    }

    /** From now on requests enter other filters. */
    synchronized void change(Chain after) {
        chain = after;
    }

    /** Lets the requests go that have come meanwhile; those that come from now on do not wait for them. */
    void letGo(Consumer<Throwable> problems) {
        synchronized (this) {
            for (FilteredRequest request = held.poll(); request != null; request = held.poll()) {
                admit(request, request.outer(), chain, -1);
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
                problems.accept(e);
            }
        }
    }

    /** Whether all requests have ended that entered earlier filters, for which it waits so long. */
    boolean awaitEarlier(long milliseconds) {
        return await(() -> underWay == chain.underWay, milliseconds);
    }

    /** Nobody waits here any more. */
    synchronized void end() {
        ended = true;
        notifyAll();
    }

    private boolean await(BooleanSupplier end, long milliseconds) {
        long nextLook = System.nanoTime();
        long until = nextLook + milliseconds * 1_000_000;
        while (true) {
            long now = System.nanoTime();
            if (now - nextLook >= 0) {
                for (FilterGate gate : gates) {
                    gate.closeIfIdle();
                }
                nextLook = now + LOOK_NS;
            }
            synchronized (this) {
                if (end.getAsBoolean()) {
                    return true;
                }
                if (now - until >= 0 || ended) {
                    return false;
                }
                try {
                    wait(Math.max(1, Math.min(until - now, nextLook - now) / 1_000_000));
                } catch (InterruptedException e) {
                    // Nobody has a reason to
                }
            }
        }
    }
}
