// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Geometry;
import java.io.IOException;
import java.util.List;

/** Keeps what was read or written last, and answers reads of it. */
final class CacheFilter extends Filter {
    private static final long NOT_PICKED = -1;

    /** cache. */
    public static final class Factory implements FilterFactory {
        @Override
        public String name() {
            return "cache";
        }

        @Override
        public String help() {
            return "A read cache. What was read or written is kept in memory, and reads of which all is there go no further. A write"
                    + " is answered once it was carried out behind the filter; with op=read it is not kept, and what it overwrites is"
                    + " forgotten. It would hide what corrupt, cow and powerfail lose or change, so it comes after them.";
        }

        @Override
        public List<Key> keys() {
            return List.of(new Key("memory", Key.Kind.SIZE, "16M", "how much is kept"));
        }

        @Override
        public Filter make(Settings settings) {
            Selection.refuseWithout(settings, "cache", "read");
            return new CacheFilter(settings);
        }
    }

    private final long memory;
    private int blockSize;
    private CachedBlocks blocks;

    private CacheFilter(Settings settings) {
        super(settings);
        memory = settings.number("memory", 16 << 20);
    }

    @Override
    protected void open(Surroundings surroundings) {
        Geometry geometry = surroundings.geometry();
        blockSize = geometry.blockSize();
        blocks = new CachedBlocks(blockSize, (int) Math.min(1 << 28, Math.max(memory, geometry.maxRequest()) / blockSize));
    }

    @Override
    protected boolean takes(FilteredRequest request) {
        return request.kind() != Kind.FLUSH;
    }

    @Override
    protected boolean keepsState() {
        return true;
    }

    @Override
    protected void take(FilteredRequest request) {
        boolean picked = selection().picks(request);
        long first = request.offset() / blockSize;
        long count = request.length() / blockSize;
        if (request.kind() != Kind.READ) {
            long begun = blocks.begin(first, count);
            request.note(picked && request.kind() == Kind.WRITE ? begun : NOT_PICKED);
        } else if (!picked) {
            request.note(NOT_PICKED);
        } else if (blocks.read(first, count, request.address())) {
            request.completeSoon();
            return;
        } else {
            request.note(blocks.now());
        }
        request.pass();
    }

    @Override
    protected void answered(FilteredRequest request) {
        boolean keep = request.failure() == null && request.note() != NOT_PICKED;
        long first = request.offset() / blockSize;
        long count = request.length() / blockSize;
        if (request.kind() != Kind.READ) {
            blocks.end(first, count, keep ? request.note() : NOT_PICKED, keep ? request.address() : 0);
        } else if (keep) {
            blocks.keep(first, count, request.note(), request.address());
        }
    }

    @Override
    public void close() throws IOException {
        if (blocks != null) {
            blocks.close();
        }
        super.close();
    }
}
