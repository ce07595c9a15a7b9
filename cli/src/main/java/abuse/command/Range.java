// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import abuse.device.Status;

/**
 * A part of a disk that somebody typed.
 *
 * @param offset its first byte
 * @param length bytes, more than 0
 */
record Range(long offset, long length) {
    /** Reads two numbers, the second of which may be "-" for the rest; fails unless they are blocks of the disk. */
    static Range of(String offset, String length, Status disk) throws UsageException {
        long start = Sizes.bytes("", offset);
        long bytes = length.equals("-") ? disk.capacity() - start : Sizes.bytes("", length);
        for (long number : new long[] {start, bytes}) {
            if (number % disk.blockSize() != 0) {
                throw new UsageException((number == start ? offset : length) + " is not a multiple of the block size, "
                        + disk.blockSize());
            }
        }
        if (bytes <= 0 || start > disk.capacity() - bytes) {
            throw new UsageException(offset + " " + length + " is no part of the disk, which has " + Sizes.exact(disk.capacity()));
        }
        return new Range(start, bytes);
    }
}
