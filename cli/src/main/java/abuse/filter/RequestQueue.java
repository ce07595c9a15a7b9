// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

/** Requests that wait for a thread, the first one first, linked by {@link FilteredRequest#next}. One thread at a time. */
final class RequestQueue {
    private FilteredRequest first;
    private FilteredRequest last;
    private int size;

    int size() {
        return size;
    }

    boolean isEmpty() {
        return size == 0;
    }

    void add(FilteredRequest request) {
        request.next = null;
        if (last == null) {
            first = request;
        } else {
            last.next = request;
        }
        last = request;
        size++;
    }

    /** Takes the first one; null if there is none. */
    FilteredRequest poll() {
        FilteredRequest request = first;
        if (request != null) {
            first = request.next;
            last = first == null ? null : last;
            request.next = null;
            size--;
        }
        return request;
    }
}
