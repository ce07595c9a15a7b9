// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncRequest.Kind;
import java.util.List;
import java.util.Set;

/** Carries out requests again that have failed behind it. */
final class RetryFilter extends Filter {
    private static final long DEFAULT_TIMES = 3;

    /** retry. */
    public static final class Factory implements FilterFactory {
        @Override
        public String name() {
            return "retry";
        }

        @Override
        public String help() {
            return "Carries out requests again that have failed behind it, so that storage that fails now and then does not fail its"
                    + " users. A request that fails each time fails as it did the last time. A flush, or what has FUA,"
                    + " as all changes of a disk with wc=off, is not carried out again, because a failed flush may be all that tells"
                    + " of lost writes.";
        }

        @Override
        public List<Key> keys() {
            return List.of(new Key("times", Key.Kind.COUNT, String.valueOf(DEFAULT_TIMES), "how often a request is carried out again at most"),
                    new Key("wait", Key.Kind.TIME, "0", "how long a request waits before that"),
                    new Key("errno", Key.Kind.WORDS, LogFilter.ERRNOS, "all", "only after these errors: EIO, ENOSPC, ETIMEDOUT or EREMOTEIO,"
                            + " with + between them"));
        }

        @Override
        public Filter make(Settings settings) {
            Selection.refuseWithout(settings, "retry", "read", "write", "discard", "write_zeroes");
            return new RetryFilter(settings);
        }
    }

    private final long times;
    private final long wait;
    private final Set<String> errnos;

    private RetryFilter(Settings settings) {
        super(settings);
        times = settings.number("times", DEFAULT_TIMES);
        wait = settings.number("wait", 0);
        errnos = settings.words("errno");
    }

    @Override
    protected boolean looksAtData() {
        return false;
    }

    @Override
    protected void take(FilteredRequest request) {
        request.note(0);
        request.pass();
    }

    @Override
    protected void answered(FilteredRequest request) {
        if (request.failure() != null && request.kind() != Kind.FLUSH && !request.fua() && request.note() < times
                && (errnos.isEmpty() || errnos.contains(LogFilter.word(request.failure())))) {
            request.note(request.note() + 1);
            request.passAgain(wait);
        }
    }
}
