// SPDX-License-Identifier: Apache-2.0
package abuse.cache;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import abuse.libc.Memory;
import abuse.libc.Unix;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.zip.CRC32;

/**
 * The first block of a cache on a block device: whether its table can be believed, and whose bytes it has. It is marked as
 * in use before anything else of the device is changed, and as kept after all else is durable.
 *
 * @param kept whether the last server ended well, and has written the table
 * @param piece bytes of a piece
 * @param places how many pieces there is room for
 * @param owner what tells the content of the disk from any other
 * @param tableSum the CRC-32 of the table
 */
record Label(boolean kept, int piece, long places, byte[] owner, int tableSum) {
    static final int SIZE = 4096;

    private static final byte[] MAGIC = "abuse cache v1\n\n".getBytes(US_ASCII);
    private static final int KEPT = MAGIC.length;
    private static final int PIECE = KEPT + 4;
    private static final int PLACES = PIECE + 4;
    private static final int OWNER = PLACES + 8;
    private static final int OWNER_SIZE = 32;
    private static final int TABLE_SUM = OWNER + OWNER_SIZE;
    private static final int SUM = TABLE_SUM + 4;
    private static final int PART = 1 << 30;

    /** Reads one; null if there is none. */
    static Label decode(ByteBuffer from) {
        byte[] magic = new byte[MAGIC.length];
        from.get(0, magic);
        if (!Arrays.equals(magic, MAGIC)) {
            return null;
        }
        byte[] owner = new byte[OWNER_SIZE];
        from.get(OWNER, owner);
        boolean whole = from.getInt(SUM) == sum(from.slice(0, SUM));
        return new Label(whole && from.getInt(KEPT) == 1, from.getInt(PIECE), from.getLong(PLACES), owner, from.getInt(TABLE_SUM));
    }

    void encode(ByteBuffer to) {
        to.put(0, MAGIC).putInt(KEPT, kept ? 1 : 0).putInt(PIECE, piece).putLong(PLACES, places).put(OWNER, owner)
                .putInt(TABLE_SUM, tableSum).putInt(SUM, sum(to.slice(0, SUM)));
    }

    /** That of a table, which may be more than fits into a buffer. */
    static int sum(Memory of) {
        var sum = new CRC32();
        for (long at = 0; at < of.size(); at += PART) {
            sum.update(of.buffer(at, (int) Math.min(PART, of.size() - at)));
        }
        return (int) sum.getValue();
    }

    private static int sum(ByteBuffer of) {
        var sum = new CRC32();
        sum.update(of);
        return (int) sum.getValue();
    }

    /** What tells the content of a disk from any other; all zeros if nothing does. */
    static byte[] ownerOf(String identity, String stamp, long capacity) {
        if (identity == null || stamp == null) {
            return new byte[OWNER_SIZE];
        }
        try {
            return MessageDigest.getInstance("SHA-256").digest((identity + "\n" + stamp + "\n" + capacity).getBytes(UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Whether it can be told whose bytes these are, and they are those of this owner, in places of this size. */
    boolean isOf(byte[] whom, int pieceSize, int number) {
        return kept && piece == pieceSize && places == number && Arrays.equals(owner, whom) && !Arrays.equals(owner, new byte[OWNER_SIZE]);
    }

    /**
     * Whether a block device begins with one. One that is gone is taken for one, as nothing can be read from it.
     *
     * @throws IOException when that cannot be known
     */
    static boolean isOn(String path) throws IOException {
        int fd = Unix.open(path, Unix.O_RDONLY | Unix.O_CLOEXEC | Unix.O_DIRECT);
        try (Memory memory = Memory.map(SIZE)) {
            if (fd >= 0 && Unix.pread(fd, memory.address(), SIZE, 0) >= 0) {
                return decode(memory.buffer()) != null;
            }
            int errno = Unix.errno();
            return switch (errno) {
                case Unix.ENXIO, Unix.ENODEV, Unix.EIO -> true;
                case Unix.EINVAL -> false; // A file without direct I/O
                default -> {
                    if (errno == Unix.ENOENT && isGone(path)) {
                        yield true;
                    }
                    throw new IOException(path + ": cannot be read to see whether it is a cache: " + Unix.strerror(errno)
                            + "; unmap it with 'abusectl unmap' if it is");
                }
            };
        } finally {
            if (fd >= 0) {
                Unix.close(fd);
            }
        }
    }

    /** Whether the kernel has no such device: it may only be missing in this /dev, as in that of a container. */
    private static boolean isGone(String path) {
        Path all = Path.of("/sys/class/block");
        return Files.isDirectory(all) && !Files.exists(all.resolve(path.replaceFirst("^/dev/", "").replace('/', '!')));
    }
}
