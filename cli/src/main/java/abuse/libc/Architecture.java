// SPDX-License-Identifier: Apache-2.0
package abuse.libc;

/**
 * The constants of {@link Unix} and {@link Epoll} whose values depend on the processor; JNR's tables have only one of
 * them. UnixTest compares all of theirs with the C headers of each architecture.
 */
record Architecture(int oDirect, int mapNoReserve, int mclCurrent, int mclFuture, int epollData, int blkRrpart, int blkDiscard) {
    /** The constants of a 64-bit processor, by Java's name for it. */
    static Architecture named(String name) {
        return switch (name) {
            case "aarch64" -> new Architecture(0x10000, 0x4000, 1, 2, 8, 0x125f, 0x1277);
            case "ppc64le" -> new Architecture(0x20000, 0x40, 0x2000, 0x4000, 8, 0x2000125f, 0x20001277);
            case "amd64", "x86_64" -> new Architecture(0x4000, 0x4000, 1, 2, 4, 0x125f, 0x1277);
            default -> new Architecture(0x4000, 0x4000, 1, 2, 8, 0x125f, 0x1277);
        };
    }
}
