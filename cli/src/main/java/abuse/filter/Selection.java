// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import abuse.backend.AsyncRequest.Kind;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/** Which requests a filter acts on: by what they ask for and where, by their number, by chance, and by time. */
public final class Selection implements AutoCloseable {
    private static final List<String> OPERATIONS = List.of("read", "write", "flush", "discard", "write_zeroes");

    /** The keys that every filter has. */
    public static final List<Key> KEYS = List.of(
            new Key("op", Key.Kind.WORDS, OPERATIONS, "all", "only these requests: read, write, flush, discard or write_zeroes, with + between them"),
            new Key("range", Key.Kind.SPAN, "all", "only requests for some of the bytes from START to before END, or to the end of the"
                    + " disk without END; never a flush"),
            new Key("when", Key.Kind.FILE, null, "only while there is a file with that name, for which it looks once in a millisecond at most"),
            new Key("nth", Key.Kind.COUNT, null, "of these only the Nth, and no other"),
            new Key("every", Key.Kind.COUNT, "1", "of these only each Nth"),
            new Key("from", Key.Kind.MOMENT, null, "of these only from the Nth on, or from so long after the start; a time has its unit, as in 10s"),
            new Key("until", Key.Kind.MOMENT, null, "of these only up to the Nth, or until so long after the start"),
            new Key("rate", Key.Kind.SHARE, "1", "of these only so many by chance, as 0.01 or 1%"),
            new Key("seed", Key.Kind.NUMBER, "1", "makes all that happens by chance happen differently, but in the same way each time"));

    private final int operations;
    private final Span range;
    private final TriggerFile trigger;
    private final long nth;
    private final long every;
    private final Moment from;
    private final Moment until;
    private final double rate;
    private final long seed;
    private volatile long start = System.nanoTime();
    private final AtomicLong count = new AtomicLong();
    private final AtomicLong draws = new AtomicLong();

    /** @throws IllegalArgumentException when it can never pick a request */
    Selection(Settings settings) {
        Set<String> words = settings.words("op");
        range = settings.span("range");
        nth = settings.number("nth", 0);
        every = settings.number("every", 1);
        from = settings.moment("from");
        until = settings.moment("until");
        checkPossible(words);
        int bits = 0;
        for (String word : words) {
            bits |= 1 << OPERATIONS.indexOf(word);
        }
        operations = words.isEmpty() ? -1 : bits;
        trigger = settings.has("when") ? new TriggerFile(settings.word("when", null)) : null;
        rate = settings.share("rate", 1);
        seed = settings.number("seed", 1);
    }

    /** Fails if only requests are selected for something that it does not act on. */
    static void refuseWithout(Settings settings, String what, String... operations) {
        Set<String> words = settings.words("op");
        if (!words.isEmpty() && List.of(operations).stream().noneMatch(words::contains)) {
            throw new IllegalArgumentException(what + " acts only on "
                    + String.join(", ", operations).replaceFirst(", (?=\\w+$)", " and ") + ", and op leaves that out");
        }
    }

    private void checkPossible(Set<String> words) {
        String why = null;
        if (range != null && range.start() >= range.end()) {
            why = "range ends before it begins";
        } else if (range != null && words.equals(Set.of("flush"))) {
            why = "a flush has no range";
        } else if (nth % every != 0) {
            why = "nth is not a multiple of every";
        } else if (nth > 0 && (from != null && nth < from.count() || until != null && until.count() >= 0 && nth > until.count())) {
            why = "nth is not within from and until";
        } else if (until != null && until.nanoseconds() == 0) {
            why = "until=0s is over at the start";
        } else if (from != null && until != null && isEmpty()) {
            why = "nothing is between from and until";
        }
        if (why != null) {
            throw new IllegalArgumentException(why + ", so no request would ever be picked");
        }
    }

    /** Whether there is nothing between two times, or two numbers, both of which are within. */
    private boolean isEmpty() {
        return from.count() >= 0 ? until.count() >= 0 && from.count() > until.count()
                : until.nanoseconds() >= 0 && from.nanoseconds() >= until.nanoseconds();
    }

    /** The disk is opened, from which time is counted. */
    void begin() {
        start = System.nanoTime();
    }

    /** Fails if requests are selected for something that takes all. */
    static void refuse(Settings settings, String what) {
        for (Key key : KEYS) {
            if (settings.has(key.name())) {
                throw new IllegalArgumentException(key.name() + " is of no use, as " + what + " takes all requests");
            }
        }
    }

    /** Whether the filter acts on a request, which is counted if it matches. */
    public boolean picks(FilteredRequest request) {
        if (!matches(request)) {
            return false;
        }
        long number = count.incrementAndGet();
        if (nth != 0 && number != nth || number % every != 0) {
            return false;
        }
        if (from != null && !reached(from, number, number >= from.count())
                || until != null && reached(until, number, number > until.count())) {
            return false;
        }
        return rate >= 1 || rate > 0 && fraction(Chance.mix(seed, number)) < rate;
    }

    /** Whether a request is one of those that may be picked. */
    public boolean matches(FilteredRequest request) {
        Kind kind = request.kind();
        return (operations & 1 << kind.ordinal()) != 0
                && (range == null || kind != Kind.FLUSH && range.overlaps(request.offset(), request.length()))
                && isOpen();
    }

    /** How many requests have matched. */
    long count() {
        return count.get();
    }

    /** Whether there is the file that it waits for, or none to wait for. */
    public boolean isOpen() {
        return trigger == null || trigger.exists();
    }

    /** Whether it waits for a file. */
    public boolean hasTrigger() {
        return trigger != null;
    }

    /** The next number that is drawn by chance, the same in each run with that seed. */
    public long draw() {
        return Chance.mix(~seed, draws.incrementAndGet());
    }

    /** A number by chance that belongs to another one, such as that of a block, and is always the same with that seed. */
    public long drawFor(long number) {
        return Chance.mix(~seed, -number);
    }

    /** A number from 0 to before 1, made of one that was drawn. */
    public static double fraction(long drawn) {
        return (drawn >>> 11) * 0x1p-53;
    }

    private boolean reached(Moment moment, long number, boolean counted) {
        return moment.count() >= 0 ? counted : System.nanoTime() - start >= moment.nanoseconds();
    }

    @Override
    public void close() {
        if (trigger != null) {
            trigger.close();
        }
    }
}
