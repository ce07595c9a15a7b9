// SPDX-License-Identifier: Apache-2.0
package abuse.writelog;

/**
 * The format of drivers/md/dm-log-writes.c, whose numbers are little-endian and whose unit is the disk's sector. The first
 * sector is the superblock: magic, version and number of entries with 8 bytes each, and the bytes of a sector with 4.
 * Each entry has a sector of its own: first sector, number of sectors, flags and length of its text with 8 bytes each,
 * and then the text of a mark. What was written follows in the next sectors.
 *
 * <p>Of an entry's sector the rest is free. Its last bytes have what only the 'record' filter knows: a magic number, and when
 * the request began and ended, each the number of an event from 1; an end of 0 is still to come.
 */
final class Format {
    static final long MAGIC = 0x6a736677736872L;
    static final long VERSION = 1;

    static final int MAGIC_AT = 0;
    static final int VERSION_AT = 8;
    static final int ENTRIES_AT = 16;
    static final int SECTOR_SIZE_AT = 24;
    /** Only the 'record' filter has it: not 0 if the log ends because something could not be written to it. */
    static final int CUT_AT = 32;

    static final int SECTOR_AT = 0;
    static final int SECTORS_AT = 8;
    static final int FLAGS_AT = 16;
    static final int TEXT_LENGTH_AT = 24;
    static final int TEXT_AT = 32;

    static final long TIMES_MAGIC = 0x73656d6974756261L;
    /** Before the end of the sector. */
    static final int TIMES_LENGTH = 3 * Long.BYTES;
    static final int BEGIN_AT = Long.BYTES;
    static final int END_AT = 2 * Long.BYTES;

    /** What was written before is durable. */
    static final long FLUSH = 1;
    /** Is itself durable. */
    static final long FUA = 2;
    /** Has no data. */
    static final long DISCARD = 4;
    static final long MARK = 8;
    static final long METADATA = 16;

    private Format() {}

    /** Where in an entry's sector the times are. */
    static int timesAt(int sectorSize) {
        return sectorSize - TIMES_LENGTH;
    }

    /** The longest text of a mark, behind which readers expect a 0. */
    static int longestText(int sectorSize) {
        return timesAt(sectorSize) - TEXT_AT - 1;
    }
}
