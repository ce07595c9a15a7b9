// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import java.util.Arrays;

/** The requests of a disk, which are made once and used again. One thread at a time. */
final class RequestPool {
    private final FilteredBackend backend;
    /** Those that stand for no request, linked by {@link FilteredRequest#next}. */
    private FilteredRequest free;
    private FilteredRequest[] all = {};
    private int made;

    RequestPool(FilteredBackend backend) {
        this.backend = backend;
    }

    FilteredRequest take() {
        FilteredRequest request = free;
        if (request == null) {
            request = new FilteredRequest(backend);
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

    void give(FilteredRequest request) {
        request.next = free;
        free = request;
    }

    /** All that there are, so that one may be found; null at the end. */
    FilteredRequest[] all() {
        return all;
    }
}
