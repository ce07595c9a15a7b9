// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import java.io.IOException;
import java.util.List;

/** Keeps requests until it is told to let them go. */
final class StallFilter extends Filter {
    /** How often to look for a file while requests wait. */
    private static final long LOOK_NS = 10_000_000;

    /** stall. */
    public static final class Factory implements FilterFactory {
        @Override
        public String name() {
            return "stall";
        }

        @Override
        public String help() {
            return "Keeps requests, as a disk that hangs: until the file of when is gone, until that of release is there, or for"
                    + " a time; whichever comes first.";
        }

        @Override
        public List<Key> keys() {
            return List.of(new Key("release", Key.Kind.FILE, null, "keeps requests until there is a file with that name, for which it looks a hundred times a second"),
                    new Key("for", Key.Kind.TIME, "for ever", "keeps each request at most so long"));
        }

        @Override
        public Filter make(Settings settings) {
            if (!settings.has("when") && !settings.has("release") && !settings.has("for")) {
                throw new IllegalArgumentException("nothing would ever release a request; add when=PATH, release=PATH or for=TIME");
            }
            return new StallFilter(settings);
        }
    }

    private final TriggerFile release;
    private final long most;

    private StallFilter(Settings settings) {
        super(settings);
        release = settings.has("release") ? new TriggerFile(settings.word("release", null)) : null;
        most = settings.number("for", Long.MAX_VALUE);
    }

    @Override
    protected boolean looksAtData() {
        return false;
    }

    @Override
    protected void take(FilteredRequest request) {
        request.note(System.nanoTime());
        due(request);
    }

    @Override
    protected void due(FilteredRequest request) {
        long now = System.nanoTime();
        long left = most == Long.MAX_VALUE ? most : most - (now - request.note());
        boolean released = selection().hasTrigger() && !selection().isOpen() || release != null && release.exists();
        if (released || left <= 0) {
            request.pass();
        } else {
            request.passAfter(release == null && !selection().hasTrigger() ? left : Math.min(left, LOOK_NS));
        }
    }

    @Override
    public void close() throws IOException {
        if (release != null) {
            release.close();
        }
        super.close();
    }
}
