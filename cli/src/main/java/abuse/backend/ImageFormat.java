// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Something on a disk that tells its block size: a partition table, a filesystem, or an encrypted volume. Swap does
 * not tell, as its unit is the page; neither does LUKS1.
 *
 * @param name as people call it
 * @param sectorSize bytes
 * @param exact whether the disk's blocks must have this size; else they must not be larger
 */
public record ImageFormat(String name, int sectorSize, boolean exact) {
    /** Bytes to be read from a place where a format may begin. */
    static final int LENGTH = 36 * 1024;

    private static final int SMALLEST = 512;
    private static final int LARGEST = 4096;

    private static final byte[] GPT = ascii("EFI PART");
    private static final int GPT_OWN_SECTOR_AT = 24;
    private static final byte[] NTFS = ascii("NTFS    ");
    private static final byte[] EXFAT = ascii("EXFAT   ");
    private static final byte[] XFS = ascii("XFSB");
    private static final byte[] LUKS = {'L', 'U', 'K', 'S', (byte) 0xba, (byte) 0xbe};
    private static final byte[] SWAP = ascii("SWAPSPACE2");
    private static final byte[] ISO = ascii("CD001");
    private static final Pattern LUKS2_SECTOR_SIZE = Pattern.compile("\"sector_size\":(\\d{3,4})\\b");

    private static final int ISO_AT = 32769;
    private static final int EXT_MAGIC_AT = 1080;
    private static final int EXT_BLOCK_SIZE_AT = 1048;
    private static final int EXT_MAGIC = 0xef53;
    private static final int LUKS_VERSION_AT = 7;
    private static final int LUKS2_JSON_AT = 4096;
    /** In the last bytes of its first page. */
    private static final int SWAP_AT = 4086;

    private static final int MBR_AT = 446;
    private static final int MBR_ENTRY = 16;
    private static final int MBR_MAGIC_AT = 510;
    private static final int MBR_MAGIC = 0xaa55;
    private static final int MBR_GPT = 0xee;
    private static final int MIB = 1 << 20;
    private static final int TRACK = 63;

    /** Where the bytes come from. */
    interface Source {
        /** Reads as much as it can from an offset into the start of the buffer, and returns how much. */
        long read(long offset);
    }

    /**
     * The format of a disk; null when none is known.
     *
     * @param bytes where the source puts what it reads
     */
    static ImageFormat find(ByteBuffer bytes, long size, Source source) {
        bytes.order(ByteOrder.LITTLE_ENDIAN);
        if (!read(bytes, 0, source)) {
            return null;
        }
        ImageFormat found = partitionsOfGpt(bytes);
        if (found == null) {
            found = volume(bytes);
        }
        // The first sector of a filesystem may look like a table; and an ISO image has one of its own
        if (found == null || found.name.equals("ISO 9660")) {
            ImageFormat partitions = partitionsOfMbr(bytes, size, source);
            return partitions != null ? partitions : found;
        }
        return found;
    }

    private static boolean read(ByteBuffer bytes, long offset, Source source) {
        long n = source.read(offset);
        bytes.clear();
        for (int i = (int) Math.max(n, 0); i < bytes.capacity(); i++) {
            bytes.put(i, (byte) 0);
        }
        return n > 0;
    }

    private static ImageFormat partitionsOfGpt(ByteBuffer bytes) {
        for (int sector = SMALLEST; sector <= LARGEST; sector *= 2) {
            if (has(bytes, sector, GPT) && bytes.getLong(sector + GPT_OWN_SECTOR_AT) == 1) {
                return new ImageFormat("GPT", sector, true);
            }
        }
        return null;
    }

    /** The table counts sectors without giving their size, but often only one size makes sense. */
    private static ImageFormat partitionsOfMbr(ByteBuffer bytes, long size, Source source) {
        if ((bytes.getShort(MBR_MAGIC_AT) & 0xffff) != MBR_MAGIC) {
            return null;
        }
        var starts = new long[4];
        long end = 0;
        for (int i = 0; i < starts.length; i++) {
            int entry = MBR_AT + i * MBR_ENTRY;
            int status = bytes.get(entry) & 0xff;
            int type = bytes.get(entry + 4) & 0xff;
            if (status != 0 && status != 0x80 || type == MBR_GPT) {
                return null;
            }
            long length = Integer.toUnsignedLong(bytes.getInt(entry + 12));
            if (type != 0 && length != 0) {
                starts[i] = Integer.toUnsignedLong(bytes.getInt(entry + 8));
                end = Math.max(end, starts[i] + length);
            }
        }
        var small = new ImageFormat("MBR", SMALLEST, true);
        var large = new ImageFormat("MBR", LARGEST, true);
        if (end == 0 || end * SMALLEST > size) {
            return null;
        }
        if (end * LARGEST > size) {
            return small;
        }
        for (long start : starts) {
            if (start != 0 && isVolume(bytes, start * SMALLEST, source)) {
                return small;
            }
            if (start != 0 && isVolume(bytes, start * LARGEST, source)) {
                return large;
            }
        }
        // Nothing known in them: programs let the first one begin at 1 MiB, or on disks of 512 once after a track
        return starts[0] * SMALLEST == MIB || starts[0] == TRACK ? small : starts[0] * LARGEST == MIB ? large : null;
    }

    private static boolean isVolume(ByteBuffer bytes, long offset, Source source) {
        return read(bytes, offset, source) && (volume(bytes) != null || has(bytes, 0, LUKS) || has(bytes, SWAP_AT, SWAP));
    }

    private static ImageFormat volume(ByteBuffer bytes) {
        if (has(bytes, 3, EXFAT)) {
            int shift = bytes.get(108);
            return shift >= 9 && shift <= 12 ? new ImageFormat("exFAT", 1 << shift, false) : null;
        }
        int sector = bytes.getShort(11) & 0xffff;
        if (has(bytes, 3, NTFS) && isSector(sector)) {
            return new ImageFormat("NTFS", sector, false);
        }
        if (isFat(bytes) && isSector(sector)) {
            return new ImageFormat("FAT", sector, false);
        }
        if (has(bytes, 0, XFS)) {
            sector = Short.reverseBytes(bytes.getShort(102)) & 0xffff;
            return isSector(sector) ? new ImageFormat("XFS", sector, false) : null;
        }
        if (has(bytes, 0, LUKS)) {
            return bytes.get(LUKS_VERSION_AT) == 2 ? luks2(bytes) : null;
        }
        if ((bytes.getShort(EXT_MAGIC_AT) & 0xffff) == EXT_MAGIC) {
            int shift = bytes.getInt(EXT_BLOCK_SIZE_AT);
            return shift >= 0 && shift <= 6 ? new ImageFormat("ext4", 1024 << shift, false) : null;
        }
        return has(bytes, ISO_AT, ISO) ? new ImageFormat("ISO 9660", 2048, false) : null;
    }

    /** FAT has no magic number: it begins with a jump, and has counts that are never 0. */
    private static boolean isFat(ByteBuffer bytes) {
        int jump = bytes.get(0) & 0xff;
        int cluster = bytes.get(13) & 0xff;
        int tables = bytes.get(16) & 0xff;
        int medium = bytes.get(21) & 0xff;
        return (jump == 0xeb || jump == 0xe9) && Integer.bitCount(cluster) == 1 && bytes.getShort(14) != 0
                && tables >= 1 && tables <= 4 && (medium == 0xf0 || medium >= 0xf8)
                && (bytes.getShort(MBR_MAGIC_AT) & 0xffff) == MBR_MAGIC;
    }

    private static ImageFormat luks2(ByteBuffer bytes) {
        var json = new byte[bytes.capacity() - LUKS2_JSON_AT];
        bytes.get(LUKS2_JSON_AT, json);
        Matcher matcher = LUKS2_SECTOR_SIZE.matcher(new String(json, ISO_8859_1));
        return matcher.find() && isSector(Integer.parseInt(matcher.group(1)))
                ? new ImageFormat("LUKS2", Integer.parseInt(matcher.group(1)), false) : null;
    }

    private static boolean isSector(int size) {
        return size >= SMALLEST && size <= LARGEST && Integer.bitCount(size) == 1;
    }

    private static boolean has(ByteBuffer bytes, int at, byte[] magic) {
        for (int i = 0; i < magic.length; i++) {
            if (bytes.get(at + i) != magic[i]) {
                return false;
            }
        }
        return true;
    }

    private static byte[] ascii(String text) {
        return text.getBytes(US_ASCII);
    }
}
