// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What images tell of the disks that they were made for. */
@Timeout(600)
class ImageTest {
    private static final long SIZE = 512L << 20;

    @TempDir
    private Path directory;

    private Path image(long size) throws IOException {
        Path path = directory.resolve("image");
        try (var file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(size);
        }
        return path;
    }

    private static Image at(Path path) {
        return Image.at(path.toString());
    }

    /** As "GPT 512 exact". */
    private static String format(Path path) {
        Image image = at(path);
        assertNotNull(image);
        ImageFormat format = image.format();
        return format == null ? "none" : format.name() + " " + format.sectorSize() + (format.exact() ? " exact" : "");
    }

    private void shell(String script) throws Exception {
        Path output = directory.resolve("output");
        Process shell = new ProcessBuilder("sh", "-euc", script).directory(directory.toFile()).redirectErrorStream(true)
                .redirectOutput(output.toFile()).start();
        assertTrue(shell.waitFor(50, TimeUnit.SECONDS), script);
        assertEquals(0, shell.exitValue(), () -> {
            try {
                return script + ": " + Files.readString(output);
            } catch (IOException e) {
                return script;
            }
        });
    }

    @ParameterizedTest
    @Tag("packages")
    @CsvSource(delimiterString = "<-", value = {
        "GPT 512 exact <- echo ,100M | sfdisk -q -X gpt image",
        "GPT 4096 exact <- printf 'g\\nn\\n\\n\\n\\nw\\n' | fdisk -b 4096 image",
        "MBR 512 exact <- echo , | sfdisk -q -X dos image",
        "MBR 4096 exact <- printf 'o\\nn\\n\\n\\n\\n\\nw\\n' | fdisk -b 4096 image",
        "MBR 512 exact <- echo ,40M | sfdisk -q -X dos image",
        "MBR 512 exact <- echo 63,100 | sfdisk -q -X dos image",
        "none <- echo 1000,100 | sfdisk -q -X dos image",
        "MBR 512 exact <- printf ',20M\\n,20M\\n' | sfdisk -q -X dos image; mkfs.ext4 -q -E offset=$((21<<20)) image 20M; sfdisk -q --delete image 1",
        "MBR 512 exact <- echo ,40M | sfdisk -q -X dos image; mkswap -q part; dd if=part of=image bs=1M seek=1 conv=notrunc",
        "MBR 4096 exact <- echo 2048,1000 | sfdisk -q -X dos image; mkfs.ext4 -q -E offset=$((8<<20)) image 3M",
        "FAT 512 <- mkfs.fat -F 12 part; cp part image",
        "FAT 512 <- mkfs.fat -F 16 image",
        "FAT 512 <- mkfs.fat -F 32 image",
        "FAT 4096 <- mkfs.fat -S 4096 image",
        "exFAT 512 <- mkfs.exfat image",
        "NTFS 512 <- mkntfs -F -Q image",
        "NTFS 4096 <- mkntfs -F -Q -s 4096 image",
        "ext4 1024 <- mkfs.ext4 -q -b 1024 image",
        "ext4 4096 <- mkfs.ext4 -q -b 4096 image",
        "ext4 2048 <- mkfs.ext2 -q -b 2048 image",
        "XFS 512 <- mkfs.xfs -q image",
        "XFS 4096 <- mkfs.xfs -q -s size=4096 image",
        "XFS 512 <- echo , | sfdisk -q -X gpt image; mkfs.xfs -q -f image",
        "ext4 4096 <- echo , | sfdisk -q -X gpt image; mkfs.ext4 -q -F image",
        "FAT 512 <- echo , | sfdisk -q -X dos image; mkfs.fat -I image",
        "ISO 9660 2048 <- genisoimage -quiet -o image part",
        "none <- mkswap -q image",
        "LUKS2 512 <- cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000"
                + " --sector-size 512 image part",
        "LUKS2 4096 <- cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000"
                + " --sector-size 4096 image part",
        "none <- cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 image part",
    })
    void images_as_the_usual_programs_make_them(String expected, String script) throws Exception {
        Path path = image(SIZE);
        shell("truncate -s 2M part; PATH=$PATH:/sbin:/usr/sbin; " + script);
        assertEquals(expected, format(path));
    }

    @Test
    void what_is_not_there_or_has_no_bytes_is_nothing() throws Exception {
        assertNull(Image.at(directory.resolve("missing").toString()));
        assertNull(at(image(0)));
        assertNull(Image.at("/dev/null"));
        assertNull(at(directory));
        shell("mkfifo pipe");
        assertNull(at(directory.resolve("pipe")));
    }

    @Test
    void zeros_and_short_files_tell_their_size_only() throws Exception {
        for (long size : new long[] {1, 511, 512, 5000, 40000, SIZE}) {
            assertEquals(new Image(size, null), at(image(size)));
        }
    }

    @Test
    void nonsense_is_no_format_and_no_exception() throws Exception {
        var random = new Random(1);
        String[] magics = {"EFI PART", "NTFS    ", "EXFAT   ", "XFSB", "LUKS\u00ba\u00be\0\2", "CD001", "SWAPSPACE2", "\u0053\u00ef",
            "\u0055\u00aa"};
        int[] places = {512, 3, 3, 0, 0, 32769, 4086, 1080, 510};
        for (int round = 0; round < 2000; round++) {
            var bytes = ByteBuffer.allocate(ImageFormat.LENGTH);
            random.nextBytes(bytes.array());
            int kind = random.nextInt(magics.length);
            bytes.put(places[kind], magics[kind].getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));
            if (random.nextBoolean()) {
                bytes.putShort(510, (short) 0x55aa);
            }
            int length = random.nextInt(ImageFormat.LENGTH + 1);
            ImageFormat format = ImageFormat.find(bytes, random.nextLong() & Long.MAX_VALUE, offset -> length);
            if (format != null) {
                assertTrue(Integer.bitCount(format.sectorSize()) == 1 && format.sectorSize() >= 512, format::toString);
            }
        }
    }

    @Test
    void an_error_of_the_disk_is_no_format() {
        assertNull(ImageFormat.find(ByteBuffer.allocate(ImageFormat.LENGTH), SIZE, offset -> -1));
    }

    @Test
    void a_table_of_partitions_beyond_the_image_says_nothing() {
        var bytes = ByteBuffer.allocate(ImageFormat.LENGTH).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putShort(510, (short) 0xaa55);
        bytes.put(446 + 4, (byte) 0x83).putInt(446 + 8, 2048).putInt(446 + 12, -1);
        assertNull(ImageFormat.find(bytes, SIZE, offset -> bytes.capacity()));
        assertEquals(new ImageFormat("MBR", 512, true), ImageFormat.find(bytes, 1L << 42, offset -> bytes.capacity()));
    }

    @Test
    void blocks_are_the_usual_ones_where_nothing_speaks_against_it() {
        assertEquals(4096, new Image(1 << 20, null).blockSize(4096));
        assertEquals(512, new Image((1 << 20) + 512, null).blockSize(4096));
        assertEquals(1024, new Image((1 << 20) + 1024, null).blockSize(4096));
        assertEquals(512, new Image(5000, null).blockSize(4096));
        assertEquals(512, new Image(1 << 20, new ImageFormat("FAT", 512, false)).blockSize(4096));
        assertEquals(4096, new Image(1 << 20, new ImageFormat("FAT", 4096, false)).blockSize(4096));
        assertEquals(512, new Image((1 << 20) + 512, new ImageFormat("FAT", 4096, false)).blockSize(4096));
        assertEquals(512, new Image(1 << 20, new ImageFormat("GPT", 512, true)).blockSize(4096));
        assertEquals(4096, new Image(1 << 20, new ImageFormat("GPT", 4096, true)).blockSize(4096));
    }

    @Test
    void what_a_filesystem_needs_is_less_than_what_partitions_need() {
        var filesystem = new Image(1 << 20, new ImageFormat("ext4", 1024, false));
        assertTrue(filesystem.fits(512));
        assertTrue(filesystem.fits(1024));
        assertFalse(filesystem.fits(4096));
        var partitions = new Image(1 << 20, new ImageFormat("GPT", 1024, true));
        assertFalse(partitions.fits(512));
        assertTrue(partitions.fits(1024));
        assertTrue(new Image(1 << 20, null).fits(4096));
    }
}
