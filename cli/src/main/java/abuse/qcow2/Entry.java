// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

/**
 * An entry of a level 2 table, which says where a cluster of the disk is. One of our own bits marks those that are in
 * memory already.
 */
final class Entry {
    /** Not in memory yet. */
    static final long UNKNOWN = 0;
    /** In memory; a bit that is always 0 in the file, except in entries of compressed clusters, which are never 0. */
    static final long LOADED = 2;
    /** In memory, but it makes no sense. */
    static final long BAD = LOADED | 4;
    static final long UNALLOCATED = LOADED;

    /** It reads as zeros, no matter what its place holds. */
    static final long ZERO = 1;
    /** Its place is its own: no snapshot shares it. */
    static final long OWN = 1L << 63;
    private static final long COMPRESSED = 1L << 62;
    private static final long OFFSET = 0x00ff_ffff_ffff_fe00L;

    private Entry() {}

    static boolean isCompressed(long entry) {
        return (entry & COMPRESSED) != 0;
    }

    static boolean isZero(long entry) {
        return (entry & (COMPRESSED | ZERO)) == ZERO;
    }

    /** Whether it has a place in the file, with data. */
    static boolean isData(long entry) {
        return (entry & (COMPRESSED | ZERO)) == 0 && host(entry) != 0;
    }

    /** Whether it has a place for itself, with data; writes go there. */
    static boolean isOwnData(long entry) {
        return isData(entry) && (entry & OWN) != 0;
    }

    /** Whether all below shows through. */
    static boolean isUnallocated(long entry) {
        return entry == UNALLOCATED;
    }

    /** The place in the file, of one that is not compressed; 0 if it has none. */
    static long host(long entry) {
        return entry & OFFSET;
    }

    /** Where compressed data begins, which is at any byte. */
    static long compressedStart(long entry, int clusterBits) {
        return entry & (1L << offsetBits(clusterBits)) - 1;
    }

    /** Where the last sector of compressed data ends. */
    static long compressedEnd(long entry, int clusterBits) {
        long more = (entry & ~(OWN | COMPRESSED)) >>> offsetBits(clusterBits);
        return (compressedStart(entry, clusterBits) & -512) + (more + 1) * 512;
    }

    private static int offsetBits(int clusterBits) {
        return 62 - (clusterBits - 8);
    }

    /** What is kept in memory for an entry of the file; {@link #BAD} if that cannot be. */
    static long load(long entry, Header header) {
        if (isCompressed(entry)) {
            return (entry & OWN) == 0 ? entry : BAD;
        }
        long host = host(entry);
        long known = OFFSET & -header.clusterSize() | OWN | (header.version() >= 3 ? ZERO : 0);
        boolean good = (entry & ~known) == 0 && (host != 0 || (entry & OWN) == 0);
        return good ? entry | LOADED : BAD;
    }
}
