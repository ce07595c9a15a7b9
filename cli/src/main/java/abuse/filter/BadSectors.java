// SPDX-License-Identifier: Apache-2.0
package abuse.filter;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** The bad parts of a disk, sorted, with good bytes between them. To look for one allocates nothing. */
final class BadSectors {
    private long[] starts = {};
    private long[] ends = {};

    /**
     * Reads a list: in each line the first byte of a bad part, its length, and perhaps a status; or a map file of
     * ddrescue, where the parts with the status + are good and those with ? were not tried. What follows a # is a
     * comment.
     */
    static BadSectors read(String path) throws IOException {
        var sectors = new BadSectors();
        int number = 0;
        boolean map = false;
        boolean first = true;
        for (String line : Files.readAllLines(Path.of(path))) {
            number++;
            map |= line.startsWith("# Mapfile");
            String[] words = line.replaceFirst("#.*", "").strip().split("\\s+");
            if (words[0].isEmpty()) {
                continue;
            }
            if (map && first) {
                // Where ddrescue was when it ended
                first = false;
                continue;
            }
            try {
                long offset = Long.decode(words[0]);
                long length = Long.decode(words[1]);
                if (offset < 0 || length <= 0 || offset > Long.MAX_VALUE - length || words.length > 3) {
                    throw new NumberFormatException();
                }
                if (words.length < 3 || !words[2].matches("[+?]")) {
                    sectors.add(offset, length);
                }
            } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
                throw new IOException(path + ":" + number + ": '" + line.strip() + "' is not an offset and a length in bytes, as in '4096 512'");
            }
        }
        return sectors;
    }

    /** Whether some of these bytes are bad. */
    synchronized boolean touch(long offset, long length) {
        int i = firstEndingAfter(offset);
        return i < starts.length && starts[i] < offset + length;
    }

    synchronized void add(long offset, long length) {
        int from = firstEndingAfter(offset - 1);
        int to = from;
        long start = offset;
        long end = offset + length;
        while (to < starts.length && starts[to] <= end) {
            start = Math.min(start, starts[to]);
            end = Math.max(end, ends[to]);
            to++;
        }
        replace(from, to, new long[] {start}, new long[] {end});
    }

    synchronized void remove(long offset, long length) {
        int from = firstEndingAfter(offset);
        int to = from;
        long end = offset + length;
        while (to < starts.length && starts[to] < end) {
            to++;
        }
        if (from == to) {
            return;
        }
        boolean before = starts[from] < offset;
        boolean after = ends[to - 1] > end;
        long[] newStarts = before && after ? new long[] {starts[from], end} : before ? new long[] {starts[from]}
                : after ? new long[] {end} : new long[0];
        long[] newEnds = before && after ? new long[] {offset, ends[to - 1]} : before ? new long[] {offset}
                : after ? new long[] {ends[to - 1]} : new long[0];
        replace(from, to, newStarts, newEnds);
    }

    private int firstEndingAfter(long offset) {
        int i = Arrays.binarySearch(ends, offset + 1);
        return i >= 0 ? i : -i - 1;
    }

    private void replace(int from, int to, long[] newStarts, long[] newEnds) {
        starts = spliced(starts, from, to, newStarts);
        ends = spliced(ends, from, to, newEnds);
    }

    private static long[] spliced(long[] all, int from, int to, long[] middle) {
        long[] result = new long[all.length - (to - from) + middle.length];
        System.arraycopy(all, 0, result, 0, from);
        System.arraycopy(middle, 0, result, from, middle.length);
        System.arraycopy(all, to, result, from + middle.length, all.length - to);
        return result;
    }
}
