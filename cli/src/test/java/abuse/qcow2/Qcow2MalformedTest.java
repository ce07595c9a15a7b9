// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.AddressedBackend;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Images that make no sense, or too much: an error, and nothing else. */
class Qcow2MalformedTest extends Qcow2TestBase {
    private static final String MORE = "; 'qemu-img check' tells more";

    private Path image;

    @BeforeEach
    void make() throws Exception {
        image = folder.resolve("image");
        run("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=4096", image.toString(), Integer.toString(SIZE));
        run("qemu-io", "-f", "qcow2", "-c", "write -P 1 0 64k", image.toString());
    }

    private void put(long position, int length, long value) throws IOException {
        put(image, position, length, value);
    }

    private long get(long position) throws IOException {
        return get(image, position);
    }

    private String refused(boolean readOnly) throws IOException {
        byte[] before = Files.readAllBytes(image);
        String message = assertThrows(IOException.class, () -> open(image, readOnly).close()).getMessage();
        assertArrayEquals(before, Files.readAllBytes(image));
        return message.replace(folder.toString(), "DIR");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "4  | 4 | 1          | the image has version 1, which is not known",
        "4  | 4 | 4          | the image has version 4, which is not known",
        "20 | 4 | 8          | the image has clusters of 2^8 bytes; 2^9 to 2^21 are known",
        "20 | 4 | 22         | the image has clusters of 2^22 bytes; 2^9 to 2^21 are known",
        "20 | 4 | -1         | the image has clusters of 2^4294967295 bytes; 2^9 to 2^21 are known",
        "24 | 8 | -512       | the image has a disk of 18446744073709551104 bytes",
        "24 | 8 | 1000       | the image has a disk of 1000 bytes",
        "24 | 8 | 1099511627776 | the image has a level 1 table of 5 entries, and needs 524288",
        "36 | 4 | 4          | the image has a level 1 table of 4 entries, and needs 5",
        "36 | 4 | 4194305    | the image has a level 1 table of 4194305 entries, and needs 5",
        "36 | 4 | -1         | the image has a level 1 table of 4294967295 entries, and needs 5",
        "40 | 8 | 0          | the image has its level 1 table at 0, where none can be",
        "40 | 8 | 4097       | the image has its level 1 table at 4097, where none can be",
        "40 | 8 | -4096      | the image has its level 1 table at 18446744073709547520, where none can be",
        "40 | 8 | 1073741824 | the image has its level 1 table at 1073741824, where none can be",
        "48 | 8 | 1073741824 | the image has its table of reference counts at 1073741824, where none can be",
        "48 | 8 | 512        | the image has its table of reference counts at 512, where none can be",
        "56 | 4 | 0          | the image has a table of reference counts of 0 bytes",
        "56 | 4 | -1         | the image has a table of reference counts of 17592186040320 bytes",
        "8  | 8 | 8          | the image has the name of its backing file at 8, where none can be",
        "8  | 8 | -8         | the image has the name of its backing file at 18446744073709551608, where none can be",
        "96 | 4 | 7          | the image has reference counts of 2^7 bits",
        "100 | 4 | 96        | the image has a header of 96 bytes",
        "100 | 4 | 105       | the image has a header of 105 bytes",
        "100 | 4 | 8192      | the image has a header of 8192 bytes"})
    void a_field_of_the_header_that_is_wrong(long position, int length, long value, String message) throws Exception {
        put(16, 4, 5);
        put(position, length, value);
        assertEquals("DIR/image: " + message + MORE, refused(true));
        assertEquals("DIR/image: " + message + MORE, refused(false));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "72 | 8 | 4  | has its data in another file",
        "72 | 8 | 16 | has extended L2 entries"})
    void what_is_not_known_is_refused_by_name(long position, int length, long value, String what) throws Exception {
        put(position, length, value);
        assertEquals("DIR/image: the image " + what + ", which this backend cannot read; 'nbd-exec:qemu-nbd -f qcow2 DIR/image' may",
                refused(true));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "32 | 4 | 1  | is encrypted; 'qemu-img convert' decrypts it",
        "32 | 4 | 2  | is encrypted; 'qemu-img convert' decrypts it",
        "72 | 8 | 32 | has the incompatible feature 5, which this backend cannot read",
        "72 | 8 | -9223372036854775808 | has the incompatible feature 63, which this backend cannot read",
        "104 | 1 | 9 | is compressed by method 9, which is not known"})
    void what_qemu_cannot_serve_without_more_is_not_said_to_be_for_it(long position, int length, long value, String what) throws Exception {
        put(position, length, value);
        if (position == 104) {
            put(72, 8, 8);
        }
        assertEquals("DIR/image: the image " + what, refused(true));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "data_file=data                           | has its data in another file",
        "extended_l2=on                           | has extended L2 entries"})
    void the_same_from_qemu(String options, String what) throws Exception {
        run("qemu-img", "create", "-q", "-f", "qcow2", "-o", options, image.toString(), "1M");
        assertEquals("DIR/image: the image " + what + ", which this backend cannot read; 'nbd-exec:qemu-nbd -f qcow2 DIR/image' may",
                refused(true));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 3, 4, 50, 80})
    void a_file_that_ends_in_its_header(int length) throws Exception {
        byte[] start = new byte[length];
        System.arraycopy(Files.readAllBytes(image), 0, start, 0, length);
        Files.write(image, start);
        assertEquals("DIR/image: " + (length < 4 ? "is not a qcow2 image; 'file:DIR/image' serves it as it is"
                : "the image ends within its header" + MORE), refused(true));
    }

    @Test
    void a_file_that_is_no_image_or_is_not_there() throws Exception {
        Files.write(image, new byte[4096]);
        assertEquals("DIR/image: is not a qcow2 image; 'file:DIR/image' serves it as it is", refused(false));
        Files.delete(image);
        assertEquals(image + ": No such file or directory", assertThrows(IOException.class, () -> open(image, true)).getMessage());
    }

    @ParameterizedTest
    @ValueSource(longs = {1L << 40, 4096 * 4 + 512, 0, 4096, 1L << 58, 1L << 3})
    void an_entry_that_makes_no_sense(long entry) throws Exception {
        long table = get(get(40)) & 0xfffffffffffe00L;
        put(table + 8, 8, entry | 1L << 63);
        try (AddressedBackend backend = open(image, true)) {
            assertArrayEquals(new byte[] {1}, read(backend, 0, 1));
            String message = assertThrows(IOException.class, () -> read(backend, 4096, 512)).getMessage();
            assertEquals(image + ": the tables make no sense for the data at 4096 of the disk" + MORE, message);
            assertArrayEquals(new byte[] {1}, read(backend, 8192, 1));
        }
    }

    @ParameterizedTest
    @CsvSource({"compressed, 0, 0", "compressed, 40, 0", "compressed, 48, 0", "compressed, 40, 1", "compressed, 48, 1",
        "compressed, 0, 1073741824", "data, 40, 1", "data, 48, 1"})
    void an_entry_that_points_to_a_table_gives_nothing_up(String kind, long at, long levels) throws Exception {
        // The header, what it points to, or what the first entry of that points to
        long place = at == 0 ? levels : levels == 0 ? get(at) : get(get(at)) & 0xfffffffffffe00L;
        put((get(get(40)) & 0xfffffffffffe00L) + 20 * 8, 8, place | (kind.equals("data") ? 1L << 63 : 1L << 62));
        byte[] before = Files.readAllBytes(image);
        try (AddressedBackend backend = open(image, false)) {
            String message = image + ": the tables make no sense for the data at 81920 of the disk" + MORE;
            assertEquals(message, assertThrows(IOException.class, () -> backend.discard(20 * 4096, 4096)).getMessage());
            assertEquals(message, assertThrows(IOException.class, () -> backend.writeZeroes(20 * 4096, 4096)).getMessage());
            assertEquals(message, assertThrows(IOException.class, () -> backend.write(20 * 4096, direct(new byte[512]))).getMessage());
            backend.flush();
        }
        assertArrayEquals(before, Files.readAllBytes(image));
    }

    @Test
    void an_entry_that_points_to_the_tables_of_a_snapshot_gives_nothing_up() throws Exception {
        run("qemu-img", "snapshot", "-c", "one", image.toString());
        long snapshots = get(64);
        long level2 = get(get(40)) & 0xfffffffffffe00L;
        for (long place : new long[] {snapshots, get(snapshots)}) {
            put(level2 + 20 * 8, 8, place | 1L << 63);
            try (AddressedBackend backend = open(image, false)) {
                assertThrows(IOException.class, () -> backend.discard(20 * 4096, 4096));
                assertThrows(IOException.class, () -> backend.write(20 * 4096, direct(new byte[512])));
            }
            assertEquals(snapshots, get(64));
            put(level2 + 20 * 8, 8, 0);
        }
        run("qemu-img", "snapshot", "-a", "one", image.toString());
    }

    @Test
    void what_the_header_points_to_is_given_up_by_no_mistake() throws Exception {
        byte[] before = Files.readAllBytes(image);
        long level1 = get(40);
        long counts = get(48);
        try (Qcow2Layer layer = new Chain(ImageFile::new).open(image.toString(), true)) {
            var allocator = new Allocator(layer.file, layer.header, layer.map, 1);
            for (long place : new long[] {0, level1, counts}) {
                allocator.release(place, 1);
            }
            allocator.flush();
            allocator.giveBackAll();
            allocator.close();
        }
        assertArrayEquals(before, Files.readAllBytes(image));
    }

    @ParameterizedTest
    @ValueSource(longs = {1L << 40, 4096 * 4 + 512, 1L << 58})
    void a_table_that_is_where_none_can_be(long entry) throws Exception {
        put(get(40), 8, entry);
        try (AddressedBackend backend = open(image, true)) {
            String message = assertThrows(IOException.class, () -> read(backend, 4096, 512)).getMessage();
            assertEquals(image + ": the level 1 table makes no sense for the data at 0 of the disk" + MORE, message);
            assertArrayEquals(new byte[512], read(backend, SIZE - 512, 512));
        }
    }

    @Test
    void the_library_of_zstd_that_is_missing() {
        String message = assertThrows(IOException.class, () -> Zstd.load("libzstd.so.0")).getMessage();
        assertTrue(message.startsWith("libzstd.so.0: ") && message.endsWith("; install the package libzstd1"), message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"zlib", "zstd"})
    void compressed_data_that_is_broken(String method) throws Exception {
        run("qemu-img", "convert", "-c", "-f", "qcow2", "-O", "qcow2", "-o", "compression_type=" + method, "image", "compressed");
        Files.move(folder.resolve("compressed"), image, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        long entry = get(get(get(40) & 0xfffffffffffe00L) & 0xfffffffffffe00L);
        long start = entry & (1L << 62 - 8) - 1;
        put(start, 8, -1);
        try (AddressedBackend backend = open(image, true)) {
            assertEquals(image + ": the compressed data at " + start + " of the file is broken" + MORE,
                    assertThrows(IOException.class, () -> read(backend, 0, 512)).getMessage());
        }
    }

    @Test
    void a_chain_that_ends_in_itself() throws Exception {
        run("qemu-img", "create", "-q", "-f", "qcow2", "-b", "image", "-F", "qcow2", "top");
        run("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", "top", "image");
        assertEquals("DIR/image: the image is its own backing file", refused(true));
        run("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", "image", "image");
        assertEquals("DIR/image: the image is its own backing file", refused(true));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "-F qcow2 -b gone            | DIR/gone: No such file or directory",
        "-F vmdk -b image            | DIR/image: its backing file has the format vmdk; only raw and qcow2 are known",
        "-F raw -b nbd://host/export | DIR/image: its backing file 'nbd://host/export' is not a path, which is all that this backend can follow",
        "-F raw -b file:image        | DIR/image: its backing file 'file:image' would be sought in the current folder of qemu; 'qemu-img rebase -u -f qcow2 -F raw -b image DIR/image' makes it relative to the image",
        "-F raw -b json:{}           | DIR/image: its backing file 'json:{}' is not a path, which is all that this backend can follow",
        "-F raw -b gone\u001b[31m     | DIR/gone?[31m: No such file or directory",
        "-F raw -b gone/\u202e        | DIR/gone/?: No such file or directory",
        "-F raw -b nbd:\u009b31m      | DIR/image: its backing file 'nbd:?31m' is not a path, which is all that this backend can follow",
    })
    void a_backing_file_that_cannot_be_followed(String options, String message) throws Exception {
        run(("qemu-img rebase -u -f qcow2 " + options + " image").split(" "));
        assertEquals(message, refused(true));
    }

    @Test
    void a_raw_backing_file_that_became_shorter() throws Exception {
        Files.write(folder.resolve("bare"), new byte[SIZE]);
        run("qemu-img", "create", "-q", "-f", "qcow2", "-b", "bare", "-F", "raw", "top");
        try (AddressedBackend backend = open(folder.resolve("top"), true)) {
            Files.write(folder.resolve("bare"), new byte[4096]);
            assertEquals(folder.resolve("bare") + ": the image was cut short",
                    assertThrows(IOException.class, () -> backend.read(1 << 20, ByteBuffer.allocateDirect(512))).getMessage());
        }
    }

    @Test
    void tables_that_need_more_memory_than_there_is() throws Exception {
        run("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=2M", "image", Long.toString(1L << 60));
        for (boolean readOnly : new boolean[] {true, false}) {
            String message = refused(readOnly);
            assertTrue(message.startsWith("DIR/image: its tables may take 4398046511104 bytes of memory, and there are "), message);
        }
    }

    @Test
    void a_backing_file_without_a_format_is_raw_but_not_if_it_looks_like_an_image() throws Exception {
        byte[] bytes = new byte[SIZE];
        random.nextBytes(bytes);
        Files.write(folder.resolve("bare"), bytes);
        run("qemu-img", "create", "-q", "-f", "qcow2", "-b", "bare", "-F", "raw", "top");
        image = folder.resolve("top");
        // The name of an extension that nobody knows
        put(new String(Files.readAllBytes(image), java.nio.charset.StandardCharsets.ISO_8859_1).indexOf("\u00e2\u0079\u002a\u00ca"), 4, 0x12345678);
        try (AddressedBackend backend = open(image, true)) {
            check(backend, bytes);
        }
        Files.copy(folder.resolve("image"), folder.resolve("bare"), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        assertEquals("DIR/top: does not say which format its backing file has; 'qemu-img rebase -u -f qcow2 -F qcow2 -b bare DIR/top' sets it",
                refused(true));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void random_bytes_in_its_tables_never_do_more_than_fail(int seed) throws Exception {
        image = make(new Creation(4096, "1.1", 16, "", false, "zlib"));
        byte[] good = Files.readAllBytes(image);
        var chance = new Random(seed);
        int failed = 0;
        for (int round = 0; round < 200; round++) {
            byte[] bad = good.clone();
            for (int i = 0; i < 1 + round % 20; i++) {
                // The header, and where tables lie
                bad[chance.nextInt(chance.nextBoolean() ? 112 : 12 * 4096)] = (byte) (chance.nextBoolean() ? 255 : chance.nextInt(256));
            }
            bad = java.util.Arrays.copyOf(bad, round % 7 == 0 ? chance.nextInt(bad.length) : bad.length);
            Files.write(image, bad);
            boolean readOnly = round % 2 == 0;
            try (AddressedBackend backend = open(image, readOnly)) {
                for (int at = 0; at + 65536 < Math.min(backend.size(), SIZE); at += 65536) {
                    try {
                        backend.read(at, ByteBuffer.allocateDirect(65536));
                        if (!readOnly) {
                            backend.write(at + 512, ByteBuffer.allocateDirect(8192));
                            backend.discard(at + 16384, 8192);
                            backend.writeZeroes(at + 32768, 8192);
                            backend.flush();
                        }
                    } catch (IOException e) {
                        failed++;
                        assertTrue(e.getMessage().startsWith(image.toString()), e.getMessage());
                    }
                }
                // Not as long as some number in it says
                assertTrue(Files.size(image) < 100 << 20, Files.size(image) + " bytes");
            } catch (IOException e) {
                failed++;
                assertTrue(e.getMessage().startsWith(folder.toString()), e.getMessage());
            }
        }
        assertTrue(failed > 50, failed + " failures");
    }
}
