// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncRequest.Kind;
import java.util.List;

/** Lets requests wait for a while. */
final class DelayFilter extends Filter {
    private static final String UNIFORM = "uniform";
    private static final String SEEK = "seek";
    private static final long DEFAULT_TURN = 8_000_000;

    /** delay. */
    public static final class Factory implements FilterFactory {
        @Override
        public String name() {
            return "delay";
        }

        @Override
        public String help() {
            return "Lets requests wait for a while before they are carried out; they may overtake each other.";
        }

        @Override
        public List<Key> keys() {
            return List.of(new Key("time", Key.Kind.TIME, null, "how long; must be given"),
                    new Key("spread", Key.Kind.TIME, "0", "how much more or less"),
                    Key.word("shape", List.of("uniform", "normal", "seek"), "how delays are spread; uniform: at most spread more or less than"
                            + " time; normal: as a bell curve has it, with spread as the standard deviation; seek: as those of a disk with"
                            + " one arm, which moves for one request after the other: time for the whole way across the disk, less for a"
                            + " shorter one, as its square root, and then a part of a turn, by chance; none for the bytes that follow those of"
                            + " the last request"),
                    new Key("turn", Key.Kind.TIME, "8ms", "how long the disk takes for a turn; with shape=seek"));
        }

        @Override
        public Filter make(Settings settings) {
            if (!settings.has("time")) {
                throw new IllegalArgumentException("time=TIME is missing, as in time=10ms");
            }
            boolean seek = settings.word("shape", UNIFORM).equals(SEEK);
            if (seek && settings.has("spread")) {
                throw new IllegalArgumentException("spread is of no use with shape=seek; turn is");
            }
            if (!seek && settings.has("turn")) {
                throw new IllegalArgumentException("turn is of use only with shape=seek");
            }
            return new DelayFilter(settings);
        }
    }

    private final long time;
    private final long spread;
    private final String shape;
    private final long turn;
    private volatile long capacity;
    /** Behind what byte the arm is, and from when on it is free. */
    private long arm;
    private long free = System.nanoTime();

    private DelayFilter(Settings settings) {
        super(settings);
        time = settings.number("time", 0);
        spread = settings.number("spread", 0);
        shape = settings.word("shape", UNIFORM);
        turn = settings.number("turn", DEFAULT_TURN);
    }

    @Override
    protected boolean looksAtData() {
        return false;
    }

    @Override
    protected void open(Surroundings surroundings) {
        grow(surroundings.geometry().capacity());
    }

    @Override
    protected void grow(long bytes) {
        capacity = bytes;
    }

    @Override
    protected void take(FilteredRequest request) {
        request.passAfter(shape.equals(SEEK) ? seek(request) : time + more());
    }

    /** How long it is until the arm has come to a request, behind all that came before. */
    private synchronized long seek(FilteredRequest request) {
        long now = System.nanoTime();
        long there = Math.max(free - now, 0) + now;
        boolean moves = request.kind() != Kind.FLUSH;
        if (moves && request.offset() != arm) {
            double way = (double) Math.abs(request.offset() - arm) / capacity;
            there += (long) (time * Math.sqrt(way) + turn * Selection.fraction(selection().draw()));
        }
        // For what will be too late the arm does not move, or those behind it would be too late as well
        if (moves && !request.isLate(there)) {
            free = there;
            arm = request.offset() + request.length();
        }
        return there - now;
    }

    private long more() {
        if (spread == 0) {
            return 0;
        }
        double first = Selection.fraction(selection().draw());
        if (shape.equals(UNIFORM)) {
            return (long) ((2 * first - 1) * spread);
        }
        // Box and Muller make two uniform numbers one of a normal distribution
        double second = Selection.fraction(selection().draw());
        return (long) (Math.sqrt(-2 * Math.log(1 - first)) * Math.cos(2 * Math.PI * second) * spread);
    }
}
