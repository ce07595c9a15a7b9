// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

/** Numbers by chance that depend on nothing but a seed and how many there were before, so that any thread may draw. */
final class Chance {
    private Chance() {}

    /** The nth number of a seed, as SplitMix64 makes it. */
    static long mix(long seed, long n) {
        long z = seed * 0xD1342543DE82EF95L + n * 0x9E3779B97F4A7C15L;
        z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
        z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
        return z ^ z >>> 31;
    }
}
