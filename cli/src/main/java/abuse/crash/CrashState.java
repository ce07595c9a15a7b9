// SPDX-License-Identifier: Apache-2.0
package abuse.crash;

import abuse.writelog.LogEntry;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.BitSet;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What a power cut can leave: all entries of a log that have ended, but without some of those that nothing has made durable, and
 * some that were under way.
 *
 * @param from before which all entries are durable
 * @param cut the last entry that has ended; -1 for none
 * @param lost those up to there that are missing
 * @param early those behind it that are there
 * @param torn the entry of which only the first sectors are there; -1 for none
 * @param kept how many sectors of it; 0 for none
 */
public record CrashState(int from, int cut, BitSet lost, BitSet early, int torn, long kept) {
    /** A longer one does not fit what a name is good for, such as an environment variable. */
    private static final int LONGEST_LIST = 200;

    /**
     * The same in each walk through a log, and no other state has it: the last entry that has ended, or "start"; then behind "-"
     * those that are lost or, if that is shorter, the first one, "..", and behind "+" those from there on that are there
     * though they could be lost; behind "^" those that are there though they had not ended; and behind "~" the one that is torn,
     * and after how many sectors. Instead of long lists there is "#" and a number that tells them apart.
     */
    public String name(List<LogEntry> log) {
        var there = new BitSet();
        int first = lost.nextSetBit(0);
        for (int i = first; i >= 0 && i <= cut; i++) {
            there.set(i, mayBeLost(log.get(i)) && !lost.get(i) && i != torn);
        }
        String all = words(lost);
        String but = first + ".." + (there.isEmpty() ? "" : "+" + words(there));
        String text = lost.isEmpty() ? "" : "-" + (all.length() <= but.length() ? all : but);
        var ahead = (BitSet) early.clone();
        if (torn >= 0) {
            ahead.clear(torn);
        }
        String more = ahead.isEmpty() ? "" : "^" + words(ahead);
        if (text.length() + more.length() > LONGEST_LIST) {
            text = "-#" + digest(lost);
            more = ahead.isEmpty() ? "" : "^#" + digest(ahead);
        }
        return (cut < 0 ? "start" : cut) + text + more + (torn < 0 ? "" : "~" + torn + ":" + kept);
    }

    /** Long enough that chance does not give it to two lists. */
    private static String digest(BitSet numbers) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(numbers.toByteArray());
            return HexFormat.of().formatHex(digest, 0, digest.length / 4);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The entries that are there and are not before the first one that may be lost, in their order. */
    IntStream there() {
        return IntStream.concat(IntStream.rangeClosed(from, cut).filter(number -> !lost.get(number)), early.stream());
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

    /** Whether nothing of the log is there, and nothing of it has ended. */
    public boolean isStart() {
        return cut < 0 && early.isEmpty();
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

    /** The same without one of the entries that are there though they had not ended. */
    CrashState withoutEarly(int number) {
        var fewer = (BitSet) early.clone();
        fewer.clear(number);
        return new CrashState(from, cut, lost, fewer, torn == number ? -1 : torn, torn == number ? 0 : kept);
    }

    /** The same without the entries that have ended behind some place, which may have none of the early ones. */
    CrashState endingAt(int place) {
        var fewer = (BitSet) lost.clone();
        fewer.clear(place + 1, Math.max(place + 1, fewer.length()));
        return new CrashState(from, place, fewer, early, torn, kept);
    }

    /** The same with one of the entries that are lost. */
    CrashState with(int number) {
        var fewer = (BitSet) lost.clone();
        fewer.clear(number);
        return new CrashState(from, cut, fewer, early, torn, kept);
    }
}
