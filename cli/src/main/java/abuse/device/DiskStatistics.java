// SPDX-License-Identifier: Apache-2.0
package abuse.device;

/**
 * What the kernel counted of a disk since it was set up.
 *
 * @param reads requests answered
 * @param readBytes in them
 * @param writes likewise
 * @param writtenBytes in them
 * @param discards likewise
 * @param flushes likewise
 */
public record DiskStatistics(long reads, long readBytes, long writes, long writtenBytes, long discards, long flushes) {
    /** Nothing was counted. */
    public static final DiskStatistics NONE = new DiskStatistics(0, 0, 0, 0, 0, 0);

    private static final int SECTOR = 512;

    /** Reads the text of /sys/block/DISK/stat, whose fields Documentation/block/stat.rst of the kernel names. */
    static DiskStatistics parse(String text) {
        String[] field = text.trim().split(" +");
        return new DiskStatistics(Long.parseLong(field[0]), Long.parseLong(field[2]) * SECTOR, Long.parseLong(field[4]),
                Long.parseLong(field[6]) * SECTOR, Long.parseLong(field[11]), Long.parseLong(field[15]));
    }

    /** What was counted since an earlier reading; everything if the counters were reset in between. */
    public DiskStatistics since(DiskStatistics earlier) {
        if (reads < earlier.reads || readBytes < earlier.readBytes || writes < earlier.writes || writtenBytes < earlier.writtenBytes
                || discards < earlier.discards || flushes < earlier.flushes) {
            return this;
        }
        return new DiskStatistics(reads - earlier.reads, readBytes - earlier.readBytes, writes - earlier.writes,
                writtenBytes - earlier.writtenBytes, discards - earlier.discards, flushes - earlier.flushes);
    }
}
