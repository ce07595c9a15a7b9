// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Status;

/** A part of a disk that somebody typed. */
final class Range {
    private static final String REST = "-";

    private final String offsetWord;
    private final String lengthWord;
    private final long offset;
    private final long length;

    /** Reads two sizes, the second of which may be "-" for the rest. */
    Range(String offset, String length) throws UsageException {
        offsetWord = offset;
        lengthWord = length;
        this.offset = Sizes.bytes("OFFSET ", offset);
        this.length = length.equals(REST) ? -1 : Sizes.bytes("LENGTH ", length);
        if (this.length == 0) {
            throw new UsageException("LENGTH " + length + " must be more than 0");
        }
    }

    /** Its first byte. */
    long offset() {
        return offset;
    }

    /** How many bytes of a disk it is, more than 0; fails unless it is blocks of that disk. */
    long lengthOn(Status disk) throws UsageException {
        long bytes = lengthWord.equals(REST) ? disk.capacity() - offset : length;
        for (long number : new long[] {offset, bytes}) {
            if (number % disk.blockSize() != 0) {
                throw new UsageException((number == offset ? "OFFSET " + offsetWord : "LENGTH " + lengthWord)
                        + " is not a multiple of the block size, " + disk.blockSize());
            }
        }
        if (bytes <= 0 || offset > disk.capacity() - bytes) {
            throw new UsageException(offsetWord + " " + lengthWord + " is no part of the disk, which has " + Sizes.exact(disk.capacity()));
        }
        return bytes;
    }
}
