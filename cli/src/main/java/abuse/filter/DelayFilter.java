// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import java.util.List;

/** Lets requests wait for a while. */
final class DelayFilter extends Filter {
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
                    Key.word("shape", List.of("uniform", "normal"), "how delays are spread: uniform, at most spread more or less than"
                            + " time; or normal, as a bell curve has it, with spread as the standard deviation"));
        }

        @Override
        public Filter make(Settings settings) {
            if (!settings.has("time")) {
                throw new IllegalArgumentException("time=TIME is missing, as in time=10ms");
            }
            return new DelayFilter(settings);
        }
    }

    private final long time;
    private final long spread;
    private final boolean normal;

    private DelayFilter(Settings settings) {
        super(settings);
        time = settings.number("time", 0);
        spread = settings.number("spread", 0);
        normal = settings.word("shape", "uniform").equals("normal");
    }

    @Override
    protected void take(FilteredRequest request) {
        request.passAfter(time + more());
    }

    private long more() {
        if (spread == 0) {
            return 0;
        }
        double first = Selection.fraction(selection().draw());
        if (!normal) {
            return (long) ((2 * first - 1) * spread);
        }
        // Box and Muller make two uniform numbers one of a normal distribution
        double second = Selection.fraction(selection().draw());
        return (long) (Math.sqrt(-2 * Math.log(1 - first)) * Math.cos(2 * Math.PI * second) * spread);
    }
}
