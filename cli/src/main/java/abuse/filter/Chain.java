// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

/** The filters of a disk, the outermost first, from one change of them to the next. */
final class Chain {
    final Filter[] filters;
    /** Requests that began in it and have not ended, under the lock of the backend. */
    int underWay;

    Chain(Filter[] filters) {
        this.filters = filters;
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
