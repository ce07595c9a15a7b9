// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncRequest.Kind;
import abuse.backend.Failure;
import java.io.IOException;
import java.util.List;

/** Fails requests. */
final class ErrorFilter extends Filter {
    private static final List<String> ERRNOS = LogFilter.ERRNOS;
    /** Notes of what happens at the end of a request that was passed. */
    private static final int NOTHING = 0;
    private static final int FAILS = 1;
    private static final int HEALS = 2;

    /** error. */
    public static final class Factory implements FilterFactory {
        @Override
        public String name() {
            return "error";
        }

        @Override
        public String help() {
            return "Fails requests with an error of your choice.";
        }

        @Override
        public List<Key> keys() {
            return List.of(Key.word("errno", ERRNOS, "what the disk's users get"),
                    Key.word("fail", List.of("before", "after"), "whether a request fails before it is carried out or after that,"
                            + " such as a write that has happened all the same"),
                    new Key("list", Key.Kind.FILE, null, "only requests for the bad bytes that this file lists: in each line an offset and"
                            + " a length in bytes; or a map file of ddrescue"),
                    new Key("sticky", Key.Kind.SWITCH, "off", "the bytes of a request that has failed are bad from then on, so that all"
                            + " requests for them fail"),
                    new Key("heal", Key.Kind.SWITCH, "off", "bad bytes can be written, and are good after that, as those of a disk that"
                            + " has spare sectors; with list or sticky"));
        }

        @Override
        public Filter make(Settings settings) throws IOException {
            if (settings.isOn("heal") && !settings.has("list") && !settings.isOn("sticky")) {
                throw new IllegalArgumentException("heal is of use only with list or sticky, as there are no bad bytes without");
            }
            return new ErrorFilter(settings);
        }
    }

    private final Failure failure;
    private final boolean after;
    private final boolean listed;
    private final boolean sticky;
    private final boolean heal;
    /** Null unless bytes are bad by their place. */
    private final BadSectors bad;

    ErrorFilter(Settings settings) throws IOException {
        super(settings);
        failure = Failure.values()[ERRNOS.indexOf(settings.word("errno", "EIO"))];
        after = settings.word("fail", "before").equals("after");
        listed = settings.has("list");
        sticky = settings.isOn("sticky");
        heal = settings.isOn("heal");
        bad = listed ? BadSectors.read(settings.word("list", null)) : sticky ? new BadSectors() : null;
    }

    @Override
    protected boolean looksAtData() {
        return false;
    }

    @Override
    protected boolean takes(FilteredRequest request) {
        return bad != null || selection().picks(request);
    }

    @Override
    protected void take(FilteredRequest request) {
        int how = bad == null ? FAILS : look(request);
        request.note(how);
        if (how == FAILS && !after) {
            request.fail(failure, null);
        } else {
            request.pass();
        }
    }

    /** What happens to a request, as some bytes may be bad. */
    private int look(FilteredRequest request) {
        boolean placed = request.kind() != Kind.FLUSH;
        boolean touches = placed && bad.touch(request.offset(), request.length());
        if (touches && heal && (request.kind() == Kind.WRITE || request.kind() == Kind.WRITE_ZEROES)) {
            return HEALS;
        }
        boolean picked = (touches || !listed) && selection().picks(request);
        if (picked && sticky && placed) {
            bad.add(request.offset(), request.length());
        }
        return picked || touches && sticky && selection().matches(request) ? FAILS : NOTHING;
    }

    @Override
    protected void answered(FilteredRequest request) {
        if (request.note() == FAILS) {
            request.turn(failure);
        } else if (request.note() == HEALS && request.failure() == null) {
            bad.remove(request.offset(), request.length());
        }
    }
}
