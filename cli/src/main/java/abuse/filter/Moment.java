// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

/**
 * Either how many requests there have been, or how long there have been any.
 *
 * @param count requests; -1 if it is a time
 * @param nanoseconds since the disk was opened; -1 if it is a number of requests
 */
public record Moment(long count, long nanoseconds) {
    /** After so many requests. */
    public static Moment ofCount(long count) {
        return new Moment(count, -1);
    }

    /** After so long. */
    public static Moment ofTime(long nanoseconds) {
        return new Moment(-1, nanoseconds);
    }
}
