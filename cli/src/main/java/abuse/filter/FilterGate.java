// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AddressedBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Gate;
import java.util.function.BooleanSupplier;

/** Lets the requests of a disk in memory through that no filter takes, without an object for each. */
final class FilterGate implements Gate {
    private final FilteredBackend backend;
    private final Entrance entrance;
    private final AddressedBackend memory;
    /** Stands for a request while filters are asked whether they take it. */
    private final FilteredRequest asked;
    private final BooleanSupplier idle;
    private Chain chain;
    /** With the lock of the entrance, as {@link #openings}. */
    private boolean open;
    private long openings;

    FilterGate(FilteredBackend backend, Entrance entrance, AddressedBackend memory, BooleanSupplier idle) {
        this.backend = backend;
        this.entrance = entrance;
        this.memory = memory;
        this.idle = idle;
        asked = new FilteredRequest(backend);
    }

    @Override
    public boolean open() {
        synchronized (entrance) {
            chain = entrance.enterTogether();
            open = chain != null;
            openings++;
            return open;
        }
    }

    @Override
    public int look(AsyncRequest request) {
        asked.standFor(request, chain, -1);
        int taker = asked.findTaker();
        return taker < chain.filters.length || !asked.hasData() ? taker : NOTHING;
    }

    @Override
    public long address(AsyncRequest request) {
        return request.kind() == Kind.READ ? memory.readAddress(request.offset(), request.length())
                : memory.writeAddress(request.offset(), request.length());
    }

    @Override
    public void submit(AsyncRequest request, int taker) {
        backend.sendLater(request.answers());
        entrance.enter(request, chain, -1).goTo(taker);
    }

    @Override
    public void close() {
        synchronized (entrance) {
            if (open) {
                open = false;
                entrance.leaveTogether(chain);
            }
        }
    }

    /** Has all classes loaded that {@link #closeIfIdle} needs. */
    void prepare() {
        idle.getAsBoolean();
        closeIfIdle();
    }

    /** Closes it if its thread waits for requests, with which it would close it, too. */
    void closeIfIdle() {
        long seen;
        synchronized (entrance) {
            if (!open) {
                return;
            }
            seen = openings;
        }
        // A look into the kernel, which is not to hold up requests
        if (!idle.getAsBoolean()) {
            return;
        }
        synchronized (entrance) {
            if (openings == seen) {
                close();
            }
        }
    }
}
