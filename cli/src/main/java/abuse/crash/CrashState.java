// SPDX-License-Identifier: Apache-2.0
package abuse.crash;

import abuse.writelog.LogEntry;
import java.util.BitSet;
import java.util.List;

/**
 * What a power cut can leave: all entries of a log up to one, but without some of those that nothing has made durable.
 *
 * @param from the first entry behind the last flush
 * @param cut the last entry that can be there
 * @param lost those that are not
 * @param torn the entry of which only the first sectors are there; -1 for none
 * @param kept how many sectors of it; 0 for none
 */
public record CrashState(int from, int cut, BitSet lost, int torn, long kept) {
    CrashState(int from, int cut, BitSet lost) {
        this(from, cut, lost, -1, 0);
    }

    /**
     * The same in each walk through a log: the last entry; then behind "-" those that are lost or, if they are fewer, behind "+"
     * those that are there though they could be lost; and behind "~" the one that is torn, and after how many sectors.
     */
    public String name(List<LogEntry> log) {
        var there = new BitSet();
        for (LogEntry entry : log.subList(from, cut + 1)) {
            there.set(entry.number(), mayBeLost(entry) && !lost.get(entry.number()) && entry.number() != torn);
        }
        String text = lost.isEmpty() ? "" : there.cardinality() < lost.cardinality() ? "+" + words(there) : "-" + words(lost);
        return cut + text + (torn < 0 ? "" : "~" + torn + ":" + kept);
    }

    /** Numbers, with those that follow each other as 3..7. */
    public static String words(BitSet numbers) {
        var text = new StringBuilder();
        for (int first = numbers.nextSetBit(0); first >= 0;) {
            int end = numbers.nextClearBit(first);
            text.append(text.length() == 0 ? "" : ",").append(first);
            if (end - first > 1) {
                text.append(end - first == 2 ? "," : "..").append(end - 1);
            }
            first = numbers.nextSetBit(end);
        }
        return text.toString();
    }

    /** Whether an entry behind the last flush may be missing. */
    static boolean mayBeLost(LogEntry entry) {
        return entry.length() > 0 && !entry.isFua();
    }

    /** The last mark before the power cut; null if there is none. */
    public String mark(List<LogEntry> log) {
        for (int i = cut; i >= 0; i--) {
            if (log.get(i).mark() != null) {
                return log.get(i).mark();
            }
        }
        return null;
    }
}
