// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Failure;
import java.io.IOException;
import java.util.List;

/** Keeps what is written in an overlay, so that the backend stays as it is. */
final class CowFilter extends Filter {
    /** cow. */
    public static final class Factory implements TakesAll {
        @Override
        public String name() {
            return "cow";
        }

        @Override
        public String help() {
            return "Copy on write: what is written is kept in an overlay, and the backend is never written. Discarded and zeroed bytes"
                    + " read as zeros, and take no space of the overlay. A flush and FUA have nothing to do, as the overlay is thrown away when"
                    + " the filter is removed or set, and when the server ends. It takes all requests. When the overlay has no room, writes"
                    + " fail with ENOSPC.";
        }

        @Override
        public List<Key> keys() {
            return List.of(new Key("file", Key.Kind.FILE, "in memory", "where the overlay is; the file must not be there yet, and loses its"
                    + " name at once, so that nothing of it stays; it becomes as long as the disk, and takes space for what is written"));
        }

        @Override
        public Filter make(Settings settings) throws IOException {
            Selection.refuse(settings, "an overlay");
            return new CowFilter(settings);
        }
    }

    private final Overlay overlay;

    private CowFilter(Settings settings) throws IOException {
        super(settings);
        overlay = new Overlay(settings.word("file", null));
    }

    @Override
    protected void open(Surroundings surroundings) throws IOException {
        overlay.open(surroundings.geometry().capacity(), surroundings.geometry().blockSize());
    }

    @Override
    protected void grow(long capacity) throws IOException {
        overlay.grow(capacity);
    }

    @Override
    protected boolean keepsState() {
        return true;
    }

    @Override
    protected void take(FilteredRequest request) {
        try {
            if (request.kind() == Kind.READ && !overlay.hasAll(request.offset(), request.length())) {
                request.pass();
                return;
            }
            carryOut(request);
        } catch (IOException e) {
            request.fail(Failure.of(e), FilteredBackend.words(e));
            return;
        }
        request.completeSoon();
    }

    private void carryOut(FilteredRequest request) throws IOException {
        switch (request.kind()) {
            case READ -> overlay.read(request.offset(), request.length(), request.address());
            case WRITE -> overlay.write(request.offset(), request.length(), request.address());
            case DISCARD, WRITE_ZEROES -> overlay.zero(request.offset(), request.length());
            case FLUSH -> {
                // Nothing of it outlives the server
            }
        }
    }

    /** A read has what the backend has; what was written since is in the overlay. */
    @Override
    protected void answered(FilteredRequest request) {
        if (request.kind() != Kind.READ || request.failure() != null) {
            return;
        }
        try {
            overlay.read(request.offset(), request.length(), request.address());
        } catch (IOException e) {
            request.turn(Failure.of(e));
        }
    }

    @Override
    public void close() throws IOException {
        overlay.close();
        super.close();
    }
}
