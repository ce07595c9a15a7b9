// SPDX-License-Identifier: Apache-2.0
package abuse.writelog;

import java.util.ArrayList;
import java.util.List;

/**
 * Something in a log.
 *
 * @param number from 0
 * @param sector the first one, in sectors of the log
 * @param offset the first byte on the disk
 * @param length bytes on the disk that it changes; 0 for one that changes nothing
 * @param mark the text of a mark; null if it is none
 * @param position where its data is in the file
 * @param begin when it began: a number that is larger for what came later
 * @param end when it ended; without a meaning for a flush that has not. Of a log that does not tell it, each entry began after
 *            the end of the one before.
 */
public record LogEntry(int number, long sector, long offset, long length, long flags, String mark, long position, long begin, long end) {
    private static final long KNOWN = Format.FLUSH | Format.FUA | Format.DISCARD | Format.MARK | Format.METADATA;

    /** Whether all that stands before it is durable from its end on. */
    public boolean isFlush() {
        return (flags & Format.FLUSH) != 0;
    }

    /** Whether it is durable itself as soon as it is in the log. */
    public boolean isFua() {
        return (flags & Format.FUA) != 0;
    }

    /** Whether its range becomes zeros, and it has no data. */
    public boolean isDiscard() {
        return (flags & Format.DISCARD) != 0;
    }

    /** Whether it is of the same request as the entry before it: they begin and end at the same times. */
    public boolean isPieceAfter(LogEntry before) {
        return before != null && length > 0 && before.length > 0 && begin == before.begin && end == before.end;
    }

    /** When it is over: at its end, or at its begin for a flush of which no end is known. */
    public long moment() {
        return standsAtItsBegin() && !isFlush() ? begin : end;
    }

    /** Whether it is a flush of a record, ended or not, whose place is not that of its end. */
    boolean standsAtItsBegin() {
        return length == 0 && mark == null;
    }

    boolean isKnown() {
        return (flags & ~KNOWN) == 0;
    }

    /** The names of its flags. */
    public List<String> words() {
        var words = new ArrayList<String>();
        add(words, Format.FLUSH, "flush");
        add(words, Format.FUA, "fua");
        add(words, Format.DISCARD, "discard");
        add(words, Format.MARK, "mark");
        add(words, Format.METADATA, "metadata");
        return words;
    }

    private void add(List<String> words, long flag, String word) {
        if ((flags & flag) != 0) {
            words.add(word);
        }
    }
}
