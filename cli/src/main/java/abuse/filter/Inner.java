// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AddressedBackend;
import abuse.backend.AsyncBackend;
import abuse.backend.AsyncRequest;
import abuse.backend.Backend;

/** What lies behind a filter. */
final class Inner implements AsyncBackend {
    private final FilteredBackend backend;
    /** The base of the disk, if its bytes are in memory, where nobody waits for them; else null. */
    private final AddressedBackend memory;
    private final Entrance entrance;
    private final Filter filter;
    /** Where it was last. */
    private Chain here;
    private int place;
    /** The filters between {@link #enter} and {@link #leave}. */
    private Chain entered;

    Inner(FilteredBackend backend, Backend base, Entrance entrance, Filter filter) {
        this.backend = backend;
        memory = LaterBackend.memoryOf(base);
        this.entrance = entrance;
        this.filter = filter;
    }

    @Override
    public void submit(AsyncRequest request) {
        FilteredRequest mine;
        synchronized (entrance) {
            int now = entrance.chain().placeOf(filter);
            if (now >= 0) {
                here = entrance.chain();
                place = now;
            }
            mine = entrance.enter(request, here, place);
        }
        mine.pass();
    }

    /**
     * The memory of the disk, if nothing else lies behind the filter. One thread may use it until {@link #leave}, which must
     * follow soon, without a request for each access; null if it is to submit requests.
     */
    AddressedBackend enter() {
        if (memory == null) {
            return null;
        }
        synchronized (entrance) {
            Chain now = entrance.chain();
            entered = now.placeOf(filter) == now.filters.length - 1 ? entrance.enterTogether() : null;
            return entered == null ? null : memory;
        }
    }

    void leave() {
        entrance.leaveTogether(entered);
    }

    @Override
    public void submitted() {
        backend.sendAll();
    }

    @Override
    public void close() {
        // It is closed with the disk
    }
}
