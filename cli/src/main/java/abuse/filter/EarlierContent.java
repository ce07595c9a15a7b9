// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.libc.Memory;

/** The content that blocks had before the last write, as far as it has passed; when there is no room left, it begins anew. */
final class EarlierContent implements AutoCloseable {
    private final int blockSize;
    private final WriteCache latest;
    private final WriteCache earlier;
    private boolean closed;

    EarlierContent(int blockSize, int blocks) {
        this.blockSize = blockSize;
        latest = new WriteCache(blockSize, blocks);
        earlier = new WriteCache(blockSize, blocks);
    }

    /** Remembers a write on its way in. */
    synchronized void written(FilteredRequest request) {
        remember(request, true);
    }

    /** Remembers what a read has found, if nothing was known. */
    synchronized void read(FilteredRequest request) {
        remember(request, false);
    }

    /** Gives a read the earlier content of its blocks, and returns how many of them had one. */
    synchronized int putInto(FilteredRequest request) {
        int found = 0;
        if (closed) {
            return found;
        }
        long block = request.offset() / blockSize;
        for (long i = 0; i < request.length() / blockSize; i++) {
            int place = earlier.find(block + i);
            if (place >= 0) {
                Memory.copy(earlier.address(place), request.address() + i * blockSize, blockSize);
                found++;
            }
        }
        return found;
    }

    private void remember(FilteredRequest request, boolean written) {
        if (closed) {
            return;
        }
        long block = request.offset() / blockSize;
        long count = request.length() / blockSize;
        if (!latest.hasRoom(block, count)) {
            latest.clear();
            earlier.clear();
        }
        for (long i = 0; i < count; i++) {
            int place = latest.find(block + i);
            if (place >= 0 && written) {
                earlier.write(block + i, latest.address(place));
            }
            if (place < 0 || written) {
                latest.write(block + i, request.address() + i * blockSize);
            }
        }
    }

    /** What is abandoned may end later. */
    @Override
    public synchronized void close() {
        closed = true;
        latest.close();
        earlier.close();
    }
}
