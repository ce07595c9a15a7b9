// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AddressedBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Gate;

/** Lets the requests of a disk in memory through that no filter takes, without an object for each. */
final class FilterGate implements Gate {
    private final FilteredBackend backend;
    private final Entrance entrance;
    private final AddressedBackend memory;
    /** Stands for a request while filters are asked whether they take it. */
    private final FilteredRequest asked;
    private Chain chain;

    FilterGate(FilteredBackend backend, Entrance entrance, AddressedBackend memory) {
        this.backend = backend;
        this.entrance = entrance;
        this.memory = memory;
        asked = new FilteredRequest(backend);
    }

    @Override
    public boolean open() {
        chain = entrance.enterTogether();
        return chain != null;
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
        entrance.leaveTogether(chain);
    }
}
