// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.AddressedBackend;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Images whose reference counts are not those of what is in the file, or have no room for more. */
class Qcow2CountsTest extends Qcow2TestBase {
    private static final long PLACE = 0x00ff_ffff_ffff_fe00L;
    private static final int BITS = 12;

    private Path image;

    private void make(String options, String size) throws Exception {
        image = folder.resolve("image");
        run("qemu-img", "create", "-q", "-f", "qcow2", "-o", options, image.toString(), size);
    }

    private void makeSmall() throws Exception {
        make("cluster_size=4096", Integer.toString(SIZE));
        run("qemu-io", "-f", "qcow2", "-c", "write -P 1 0 64k", image.toString());
        run("qemu-img", "snapshot", "-c", "first", image.toString());
        run("qemu-io", "-f", "qcow2", "-c", "write -P 2 0 64k", image.toString());
    }

    private long place(String table) throws IOException {
        return switch (table) {
            case "header" -> 0;
            case "level 1 table" -> get(image, 40);
            case "level 2 table" -> get(image, get(image, 40)) & PLACE;
            case "table of reference counts" -> get(image, 48);
            case "block of reference counts" -> get(image, get(image, 48));
            case "table of snapshots" -> get(image, 64);
            case "level 1 table of a snapshot" -> get(image, get(image, 64));
            default -> throw new IllegalArgumentException(table);
        };
    }

    private String refused() throws IOException {
        byte[] before = Files.readAllBytes(image);
        String message = assertThrows(IOException.class, () -> open(image, false).close()).getMessage();
        assertArrayEquals(before, Files.readAllBytes(image));
        return message;
    }

    @ParameterizedTest
    @ValueSource(strings = {"header", "level 1 table", "level 2 table", "table of reference counts", "block of reference counts",
        "table of snapshots", "level 1 table of a snapshot"})
    void a_table_that_is_counted_as_free_is_not_handed_out(String table) throws Exception {
        makeSmall();
        put(image, place("block of reference counts") + 2 * (place(table) >>> BITS), 2, 0);
        assertEquals(image + ": the image counts its " + table + " as free; 'qemu-img check -r all " + image + "' repairs it", refused());
        open(image, true).close();
        run("qemu-img", "check", "-q", "-r", "all", image.toString());
        open(image, false).close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"level 1 table", "level 2 table", "table of reference counts", "table of snapshots"})
    void a_block_of_counts_that_lies_on_another_table(String table) throws Exception {
        makeSmall();
        // All it says is used
        put(image, place("table of reference counts") + 8, 8, place(table));
        assertEquals(image + ": the image has a block of reference counts on its " + table + "; 'qemu-img check -r all " + image
                + "' repairs it", refused());
    }

    /** Makes a table of snapshots in the data, where the image has none. */
    private void putSnapshots(long at, int count, long l1Distance, int l1Entries) throws IOException {
        var table = ByteBuffer.allocate(count * 40);
        for (int i = 0; i < count; i++) {
            table.putLong(i * 40, (3 << 20) + i * l1Distance).putInt(i * 40 + 8, l1Entries);
        }
        try (var file = new RandomAccessFile(image.toFile(), "rw")) {
            file.seek(at);
            file.write(table.array());
        }
        put(image, 60, 4, count);
        put(image, 64, 8, at);
    }

    @Test
    @Timeout(60)
    void many_snapshots_with_one_table_take_no_longer_than_one() throws Exception {
        make("cluster_size=4096", Integer.toString(SIZE));
        run("qemu-io", "-f", "qcow2", "-c", "write -P 1 0 7M", image.toString());
        putSnapshots(65536, 65536, 0, 1 << 18);
        open(image, false).close();
        // Each begins and ends elsewhere
        putSnapshots(65536, 65536, 8, 1 << 17);
        open(image, false).close();
    }

    @Test
    @Timeout(60)
    void more_tables_than_anybody_has_are_not_looked_at() throws Exception {
        make("cluster_size=512", Integer.toString(SIZE));
        run("qemu-io", "-f", "qcow2", "-c", "write -P 1 0 1M", image.toString());
        putSnapshots(65536, 17, 32 << 20, 4 << 20);
        long length = Files.size(image);
        try (var file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(600 << 20);
            assertEquals(image + ": the image has tables of more than 1048576 clusters; add 'ro' to the setup, or 'qemu-img convert' makes one"
                    + " with larger clusters and without the snapshots",
                    assertThrows(IOException.class, () -> open(image, false)).getMessage());
            file.setLength(length);
        }
        put(image, 65536, 8, Long.MAX_VALUE);
        assertEquals(image + ": the image has a table of snapshots that makes no sense; 'qemu-img check -r all " + image + "' repairs it", refused());
    }

    @Test
    void two_blocks_of_counts_in_one_place() throws Exception {
        makeSmall();
        put(image, place("table of reference counts") + 8, 8, place("block of reference counts"));
        assertTrue(refused().contains(": the image has a block of reference counts on its block of reference counts"));
    }

    @Test
    void clusters_beyond_the_end_that_are_in_use_are_not_handed_out() throws Exception {
        make("cluster_size=4096", Integer.toString(SIZE));
        run("qemu-io", "-f", "qcow2", "-c", "write -P 1 0 64k", image.toString());
        try (var file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(file.length() - 3 * 4096);
        }
        try (AddressedBackend backend = open(image, false)) {
            Qcow2WriteTest.write(backend, 1 << 20, new byte[65536]);
            // Nor are there zeros in place of what is gone
            assertThrows(IOException.class, () -> read(backend, 65536 - 4096, 4096));
        }
        long table = place("level 2 table");
        Set<Long> places = new HashSet<>();
        for (int i = 0; i < 512; i++) {
            long entry = get(image, table + 8 * i) & PLACE;
            assertTrue(entry == 0 || places.add(entry), "cluster " + i + " lies at " + entry + ", as does another one");
        }
        assertEquals(32, places.size());
    }

    @Test
    void an_image_that_was_cut_far_shorter_is_only_read() throws Exception {
        make("preallocation=metadata", "200M");
        try (var file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(10 << 20);
        }
        assertEquals(image + ": the image ends long before the last cluster that is in use; 'qemu-img check -r all " + image + "' repairs it",
                refused());
        open(image, true).close();
    }

    @ParameterizedTest
    @CsvSource({"32768, false", "32700, true", "24000, true"})
    void the_table_of_reference_counts_gets_no_longer_than_qemu_reads(int megabytes, boolean grows) throws Exception {
        make("cluster_size=512,refcount_bits=64", Integer.toString(SIZE));
        long length = (long) megabytes << 20;
        try (var file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(length);
        }
        // More than the counts that are there have room for
        byte[] bytes = new byte[65536];
        random.nextBytes(bytes);
        try (AddressedBackend backend = open(image, false)) {
            if (grows) {
                backend.write(8192, direct(bytes));
            } else {
                String message = assertThrows(IOException.class, () -> backend.write(8192, direct(bytes))).getMessage();
                assertEquals(image + ": the image can grow no further", message);
                assertEquals(length, Files.size(image));
            }
        }
        if (grows) {
            assertEquals(8 << 20, (get(image, 56) >>> 32) * 512);
        }
        try (AddressedBackend backend = open(image, false)) {
            byte[] found = read(backend, 8192, 65536);
            assertTrue(!grows || Arrays.equals(bytes, found));
        }
        run("qemu-io", "-f", "qcow2", "-c", "read 8k 64k", image.toString());
    }

    @Test
    void many_clusters_that_are_given_up_are_counted_without_a_flush() throws Exception {
        int size = 20 << 20;
        make("cluster_size=512", Integer.toString(size));
        run("qemu-io", "-f", "qcow2", "-c", "write -P 1 0 20M", image.toString());
        run("qemu-img", "snapshot", "-c", "first", image.toString());
        long cluster = get(image, place("level 2 table")) & PLACE;
        assertEquals(2, count(cluster));
        try (AddressedBackend backend = open(image, false)) {
            // Every other one, or they follow each other
            for (int at = 0; at < size; at += 1024) {
                backend.discard(at, 512);
            }
            assertEquals(1, count(cluster));
        }
        run("qemu-img", "check", "-q", image.toString());
    }

    @Test
    void a_cluster_that_stays_in_use_has_nobody_look_for_free_ones_again() throws Exception {
        make("cluster_size=512,refcount_bits=64", Integer.toString(SIZE));
        run("qemu-io", "-f", "qcow2", "-c", "write -P 1 0 9M", image.toString());
        run("qemu-img", "snapshot", "-c", "first", image.toString());
        var reads = new AtomicInteger();
        try (Qcow2Layer layer = new Chain((path, writable) -> new ImageFile(path, writable) {
            @Override
            void read(long position, ByteBuffer into, int length) throws IOException {
                reads.incrementAndGet();
                super.read(position, into, length);
            }
        }).open(image.toString(), true); var allocator = new Allocator(layer.file, layer.header, layer.map, 1)) {
            allocator.take(8);
            int before = reads.get();
            allocator.release(get(image, place("level 2 table")) & PLACE, 1);
            allocator.flush();
            allocator.take(8);
            assertTrue(reads.get() - before < 20, reads.get() - before + " reads");
        }
    }

    /** The count of a place, of those with 16 bits. */
    private long count(long place) throws IOException {
        long cluster = place >>> 9;
        long block = get(image, place("table of reference counts") + (cluster >>> 8) * 8);
        return get(image, block + (cluster & 255) * 2 & -8) >>> 48 - 16 * (cluster & 3) & 0xffff;
    }

    @ParameterizedTest
    @ValueSource(strings = {"write", "discard", "zero"})
    void a_cluster_that_is_its_own_by_its_count_keeps_its_place(String change) throws Exception {
        make("cluster_size=4096", Integer.toString(SIZE));
        run("qemu-io", "-f", "qcow2", "-c", "write -P 1 0 64k", image.toString());
        // As a deletion of a snapshot leaves it that was killed after the counts were lowered
        long table = place("level 2 table");
        put(image, get(image, 40), 8, table);
        for (int i = 0; i < 16; i++) {
            put(image, table + 8 * i, 8, get(image, table + 8 * i) & PLACE);
        }
        try (AddressedBackend backend = open(image, false)) {
            assertArrayEquals(new byte[] {1}, read(backend, 4096, 1));
            long address = backend.readAddress(4096, 4096);
            assertFalse(address == AddressedBackend.SCATTERED);
            switch (change) {
                case "write" -> backend.write(4096, direct(new byte[512]));
                case "discard" -> backend.discard(4096, 4096);
                default -> backend.writeZeroes(4096, 4096);
            }
            assertEquals(address, backend.readAddress(4096, 4096));
            assertArrayEquals(new byte[512], read(backend, 4096, 512));
        }
        run("qemu-img", "check", "-q", "-r", "all", image.toString());
    }
}
