// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import java.util.Arrays;

/** The filters of a disk, the outermost first, from one change of them to the next. */
final class Chain {
    final Filter[] filters;
    /** Whether one of them may look at the data of requests. */
    final boolean looksAtData;
    /** Requests that began in it and have not ended, under the lock of the backend. */
    int underWay;

    Chain(Filter[] filters) {
        this.filters = filters;
        looksAtData = Arrays.stream(filters).anyMatch(Filter::looksAtData);
    }

    /** Where a filter is; -1 if it is not here. */
    int placeOf(Filter filter) {
        for (int i = 0; i < filters.length; i++) {
            if (filters[i] == filter) {
                return i;
            }
        }
        return -1;
    }
}
