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
 */
public record LogEntry(int number, long sector, long offset, long length, long flags, String mark, long position) {
    private static final long KNOWN = Format.FLUSH | Format.FUA | Format.DISCARD | Format.MARK | Format.METADATA;

    /** Whether all that stands before it is durable from then on. */
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
