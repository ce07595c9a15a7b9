// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/** Carries out no more than so much in a second. */
final class RateFilter extends Filter {
    private static final double SECOND = 1e9;

    /** rate. */
    public static final class Factory implements FilterFactory {
        @Override
        public String name() {
            return "rate";
        }

        @Override
        public String help() {
            return "Carries out only so many bytes or requests in a second; the others wait for their turn.";
        }

        @Override
        public List<Key> keys() {
            return List.of(new Key("bytes", Key.Kind.SIZE, "any", "bytes of reads and writes in a second"),
                    new Key("requests", Key.Kind.COUNT, "any", "requests in a second"),
                    new Key("burst", Key.Kind.TIME, "0", "what was not used for so long may be used at once, and so may as much at the start"));
        }

        @Override
        public Filter make(Settings settings) {
            if (settings.number("bytes", 1) == 0) {
                throw new IllegalArgumentException("bytes=0 would let nothing through; 'stall' does that");
            }
            if (!settings.has("bytes") && !settings.has("requests")) {
                throw new IllegalArgumentException("bytes=SIZE or requests=N is missing, as in bytes=1M");
            }
            return new RateFilter(settings);
        }
    }

    private final double nanosecondsOfByte;
    private final double nanosecondsOfRequest;
    private final long burst;
    /** When all that was let through will have had its time. */
    private final AtomicLong end;

    private RateFilter(Settings settings) {
        super(settings);
        nanosecondsOfByte = settings.has("bytes") ? SECOND / settings.number("bytes", 1) : 0;
        nanosecondsOfRequest = settings.has("requests") ? SECOND / settings.number("requests", 1) : 0;
        burst = settings.number("burst", 0);
        end = new AtomicLong(System.nanoTime() - burst);
    }

    @Override
    protected boolean looksAtData() {
        return false;
    }

    @Override
    protected void take(FilteredRequest request) {
        double bytes = request.hasData() ? request.length() : 0;
        long takes = (long) Math.max(bytes * nanosecondsOfByte, nanosecondsOfRequest);
        long now = System.nanoTime();
        while (true) {
            long before = end.get();
            long start = before - (now - burst) < 0 ? now - burst : before;
            // What will be too late takes no time, or those behind it would be too late as well
            if (request.isLate(start) || end.compareAndSet(before, start + takes)) {
                if (start - now <= 0) {
                    request.pass();
                } else {
                    request.passAfter(start - now);
                }
                return;
            }
        }
    }
}
