// SPDX-License-Identifier: Apache-2.0
package abuse.device;

import java.nio.ByteBuffer;

/**
 * What the kernel did by itself for a disk that may be mapped; all 0 for another one. A read or write that is cut
 * counts as its pieces.
 *
 * @param reads reads that it carried out
 * @param writes writes that it carried out
 * @param readBytes bytes of those reads
 * @param writtenBytes bytes of those writes
 * @param misses reads and writes that were for servers, as they were not mapped
 * @param faults requests that servers got as a target had failed them
 * @param extents how many parts of the disk are mapped now
 */
public record Mapped(long reads, long writes, long readBytes, long writtenBytes, long misses, long faults, long extents) {
    /** Nothing was mapped. */
    public static final Mapped NONE = new Mapped(0, 0, 0, 0, 0, 0, 0);

    /** What was done since an earlier look; the extents are those of now. */
    public Mapped since(Mapped before) {
        return new Mapped(reads - before.reads, writes - before.writes, readBytes - before.readBytes,
                writtenBytes - before.writtenBytes, misses - before.misses, faults - before.faults, extents);
    }

    /** How many in 100 reads and writes the kernel carried out by itself; -1 when there were none. */
    public int percent() {
        long hits = reads + writes;
        return hits + misses == 0 ? -1 : (int) (100 * hits / (hits + misses));
    }

    static Mapped decode(ByteBuffer status) {
        return new Mapped(status.getLong(Abi.Status.MAPPED_READS), status.getLong(Abi.Status.MAPPED_WRITES),
                status.getLong(Abi.Status.MAPPED_READ_BYTES), status.getLong(Abi.Status.MAPPED_WRITTEN_BYTES),
                status.getLong(Abi.Status.MISSES), status.getLong(Abi.Status.FAULTS), status.getLong(Abi.Status.EXTENTS));
    }
}
