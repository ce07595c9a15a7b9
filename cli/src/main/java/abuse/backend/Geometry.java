// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

/**
 * The disk that a backend is asked to hold.
 *
 * @param number distinguishes it from the other disks of this machine
 * @param capacity bytes, more than 0
 * @param blockSize bytes; every range is a multiple of it
 * @param maxRequest bytes of the longest read or write
 * @param readOnly nothing will be written
 * @param mappable the backend will be given a {@link Mapper}
 */
public record Geometry(int number, long capacity, int blockSize, int maxRequest, boolean readOnly, boolean mappable) {
    /** A disk that cannot be mapped. */
    public Geometry(int number, long capacity, int blockSize, int maxRequest, boolean readOnly) {
        this(number, capacity, blockSize, maxRequest, readOnly, false);
    }

    /** The same disk without a {@link Mapper}. */
    public Geometry unmapped() {
        return new Geometry(number, capacity, blockSize, maxRequest, readOnly);
    }
}
