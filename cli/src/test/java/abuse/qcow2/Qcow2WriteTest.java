// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.AddressedBackend;
import abuse.libc.Memory;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Writing: what qemu reads then is what was written, and it finds nothing wrong. */
class Qcow2WriteTest extends Qcow2TestBase {
    /** Writes as a server does: to the address if there is one. */
    static void write(AddressedBackend backend, long offset, byte[] bytes) throws IOException {
        long address = backend.writeAddress(offset, bytes.length);
        ByteBuffer buffer = direct(bytes);
        if (address == AddressedBackend.SCATTERED) {
            backend.write(offset, buffer);
            assertEquals(0, buffer.remaining());
        } else {
            Memory.copy(Memory.addressOf(buffer), address, bytes.length);
        }
    }

    /** Changes a disk and a copy of it alike. */
    private void change(AddressedBackend backend, byte[] model, Random chance) throws IOException {
        int length = 512 * (1 + chance.nextInt(chance.nextInt(4) == 0 ? MAX_REQUEST / 512 : 60));
        int offset = 512 * chance.nextInt((SIZE - length) / 512 + 1);
        switch (chance.nextInt(8)) {
            case 0 -> {
                backend.writeZeroes(offset, length);
                Arrays.fill(model, offset, offset + length, (byte) 0);
            }
            case 1 -> {
                backend.discard(offset, length);
                byte[] now = new byte[length];
                ByteBuffer buffer = ByteBuffer.allocateDirect(length);
                backend.read(offset, buffer);
                buffer.get(0, now);
                for (int at = 0; at < length; at += 512) {
                    boolean same = Arrays.equals(now, at, at + 512, model, offset + at, offset + at + 512);
                    assertTrue(same || Arrays.equals(now, at, at + 512, new byte[512], 0, 512), "neither old nor zeros at " + (offset + at));
                }
                System.arraycopy(now, 0, model, offset, length);
            }
            case 2 -> backend.flush();
            default -> {
                byte[] bytes = new byte[length];
                chance.nextBytes(bytes);
                write(backend, offset, bytes);
                System.arraycopy(bytes, 0, model, offset, length);
            }
        }
    }

    private void checkImage(Path image, byte[] model) throws Exception {
        run("qemu-img", "check", "-q", image.toString());
        Path raw = folder.resolve("model");
        Files.write(raw, model);
        run("qemu-img", "compare", "-q", "-f", "raw", "-F", "qcow2", raw.toString(), image.toString());
    }

    @ParameterizedTest
    @MethodSource("creations")
    void random_changes_are_what_qemu_reads_and_it_finds_nothing_wrong(Creation creation) throws Exception {
        Path image = make(creation);
        byte[] model = content(image);
        boolean snapshot = creation.snapshot() && creation.refcountBits() > 1;
        byte[] first = snapshot ? snapshot(image) : null;
        for (int round = 0; round < 3; round++) {
            try (AddressedBackend backend = open(image, false)) {
                for (int i = 0; i < 60; i++) {
                    change(backend, model, random);
                }
                check(backend, model);
            }
            checkImage(image, model);
            if (round == 0) {
                // And qemu goes on from there
                fill(image, 5, SIZE);
                model = content(image);
            }
        }
        if (snapshot) {
            assertArrayEquals(first, snapshot(image));
        }
    }

    private byte[] snapshot(Path image) throws Exception {
        Path raw = folder.resolve("snapshot");
        run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", "-l", "first", image.toString(), raw.toString());
        return Files.readAllBytes(raw);
    }

    static Stream<Creation> shared() {
        return creations().filter(creation -> creation.cluster() != 512 && !creation.backing().equals("rqq"));
    }

    @ParameterizedTest
    @MethodSource("shared")
    void threads_that_write_parts_of_the_same_clusters(Creation creation) throws Exception {
        Path image = make(creation);
        byte[] model = content(image);
        int threads = 4;
        var pool = Executors.newFixedThreadPool(threads);
        try (AddressedBackend backend = open(image, false)) {
            var all = new ArrayList<Future<Void>>();
            for (int thread = 0; thread < threads; thread++) {
                int mine = thread;
                all.add(pool.submit((Callable<Void>) () -> {
                    var chance = new Random(mine);
                    for (int i = 0; i < 400; i++) {
                        // Each has every fourth kilobyte of the first megabytes
                        int offset = 1024 * (threads * chance.nextInt(3072 / threads) + mine);
                        byte[] bytes = new byte[1024];
                        chance.nextBytes(bytes);
                        switch (chance.nextInt(12)) {
                            case 0 -> {
                                Arrays.fill(bytes, (byte) 0);
                                backend.writeZeroes(offset, 1024);
                            }
                            case 1 -> {
                                backend.flush();
                                continue;
                            }
                            default -> write(backend, offset, bytes);
                        }
                        System.arraycopy(bytes, 0, model, offset, 1024);
                        assertArrayEquals(bytes, read(backend, offset, 1024));
                    }
                    return null;
                }));
            }
            for (Future<Void> one : all) {
                one.get();
            }
            check(backend, model);
        } finally {
            pool.shutdownNow();
        }
        checkImage(image, model);
    }

    @Test
    void an_overwrite_goes_to_the_address_and_a_discard_leaves_that() throws Exception {
        Path image = folder.resolve("image");
        run("qemu-img", "create", "-q", "-f", "qcow2", image.toString(), Integer.toString(SIZE));
        byte[] bytes = new byte[1 << 20];
        random.nextBytes(bytes);
        try (AddressedBackend backend = open(image, false)) {
            assertEquals(AddressedBackend.SCATTERED, backend.writeAddress(0, 512));
            backend.write(0, direct(bytes));
            long address = backend.writeAddress(0, 1 << 20);
            assertTrue(address != AddressedBackend.SCATTERED);
            assertEquals(address, backend.readAddress(0, 1 << 20));
            backend.discard(0, 1 << 20);
            assertArrayEquals(new byte[1 << 20], read(backend, 0, 1 << 20));
            assertEquals(address, backend.writeAddress(0, 1 << 20));
            write(backend, 0, bytes);
            backend.flush();
            assertArrayEquals(bytes, read(backend, 0, 1 << 20));
        }
        run("qemu-img", "check", "-q", "image");
    }

    @Test
    void a_disk_that_is_written_all_over_needs_longer_tables_of_reference_counts() throws Exception {
        Path image = folder.resolve("image");
        run("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=512,refcount_bits=64", image.toString(), Integer.toString(SIZE));
        byte[] model = new byte[SIZE];
        random.nextBytes(model);
        long before = header(image, 48);
        try (AddressedBackend backend = open(image, false)) {
            for (int at = 0; at < SIZE; at += 65536) {
                backend.write(at, direct(Arrays.copyOfRange(model, at, Math.min(SIZE, at + 65536))));
            }
        }
        assertTrue(header(image, 48) != before, "the table has moved");
        checkImage(image, model);
    }

    private static long header(Path image, int position) throws IOException {
        try (var file = new RandomAccessFile(image.toFile(), "r")) {
            file.seek(position);
            return file.readLong();
        }
    }

    @Test
    void free_clusters_within_the_file_are_used_again() throws Exception {
        Path image = folder.resolve("image");
        run("qemu-img", "create", "-q", "-f", "qcow2", image.toString(), Integer.toString(SIZE));
        run("qemu-io", "-f", "qcow2", "-c", "write -P 5 0 4M", image.toString());
        run("qemu-img", "snapshot", "-c", "one", image.toString());
        run("qemu-io", "-f", "qcow2", "-c", "write -P 6 0 4M", image.toString());
        run("qemu-img", "snapshot", "-d", "one", image.toString());
        long before = Files.size(image);
        byte[] model = content(image);
        byte[] bytes = new byte[512];
        Arrays.fill(bytes, (byte) 9);
        try (AddressedBackend backend = open(image, false)) {
            for (int at = 4 << 20; at < 7 << 20; at += 65536) {
                // What was there once is not seen again
                backend.write(at, direct(bytes));
                System.arraycopy(bytes, 0, model, at, 512);
            }
            check(backend, model);
        }
        checkImage(image, model);
        assertEquals(before, Files.size(image));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"1 | not closed", "2 | corrupt"})
    void an_image_that_is_marked_is_only_read(int features, String what) throws Exception {
        Path image = make(new Creation(65536, "1.1", 16, "", false, null));
        byte[] model = content(image);
        try (var file = new RandomAccessFile(image.toFile(), "rw")) {
            file.seek(72);
            file.writeLong(features);
        }
        assertEquals(image + ": the image is marked as " + what + ", and can only be read; add 'ro' to the setup, or 'qemu-img check -r all " + image + "' repairs it",
                assertThrows(IOException.class, () -> open(image, false)).getMessage());
        try (AddressedBackend backend = open(image, true)) {
            check(backend, model);
        }
        run("qemu-img", "check", "-q", "-r", "all", image.toString());
        open(image, false).close();
    }

    @Test
    void bitmaps_are_marked_as_out_of_date() throws Exception {
        Path image = make(new Creation(65536, "1.1", 16, "", false, null));
        run("qemu-img", "bitmap", "--add", image.toString(), "changes");
        assertEquals(1, header(image, 88));
        byte[] model = content(image);
        try (AddressedBackend backend = open(image, true)) {
            check(backend, model);
        }
        assertEquals(1, header(image, 88));
        open(image, false).close();
        assertEquals(1, header(image, 88));
        try (AddressedBackend backend = open(image, false)) {
            // Even if the place is there already
            write(backend, 0, new byte[512]);
            Arrays.fill(model, 0, 512, (byte) 0);
        }
        assertEquals(0, header(image, 88));
        assertArrayEquals(model, content(image));
        run("qemu-img", "check", "-q", "-r", "leaks", image.toString());
    }

    @Test
    void an_image_that_is_not_changed_stays_as_it_is() throws Exception {
        Path image = make(new Creation(65536, "1.1", 16, "", false, "zlib"));
        run("qemu-img", "bitmap", "--add", image.toString(), "changes");
        byte[] before = Files.readAllBytes(image);
        Files.write(image, new byte[512], StandardOpenOption.APPEND);
        before = Arrays.copyOf(before, before.length + 512);
        try (AddressedBackend backend = open(image, false)) {
            read(backend, 0, MAX_REQUEST);
            backend.flush();
        }
        assertArrayEquals(before, Files.readAllBytes(image));
    }

    @ParameterizedTest
    @ValueSource(strings = {"write in place", "write", "discard", "zero"})
    void an_image_that_is_cut_short_while_it_is_served_is_not_made_long_again(String change) throws Exception {
        Path image = make(new Creation(65536, "1.1", 16, "", false, null));
        AddressedBackend backend = open(image, false);
        backend.write(0, direct(new byte[MAX_REQUEST]));
        backend.flush();
        try (var file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(512 << 10);
        }
        assertEquals(image + ": the image was cut short", assertThrows(IOException.class, () -> {
            switch (change) {
                case "write in place" -> backend.write(0, direct(new byte[512]));
                // Until it needs more than was made ready
                case "write" -> {
                    for (int at = 1 << 20; at < SIZE; at += 512 << 10) {
                        backend.write(at, direct(new byte[512]));
                    }
                }
                case "discard" -> backend.discard(0, 1 << 20);
                default -> backend.writeZeroes(0, 1 << 20);
            }
        }).getMessage());
        assertEquals(512 << 10, Files.size(image));
        try (var file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(64 << 20);
        }
        assertEquals(image + ": the image was cut short", assertThrows(IOException.class, backend::flush).getMessage());
        assertEquals(image + ": the image was cut short", assertThrows(IOException.class, backend::close).getMessage());
    }

    @Test
    void large_clusters_take_none_of_the_direct_memory_of_the_JVM() throws Exception {
        Path image = make(new Creation(2 << 20, "1.1", 16, "", false, "zlib"));
        BufferPoolMXBean pool = ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(one -> one.getName().equals("direct")).findFirst().orElseThrow();
        ByteBuffer buffer = ByteBuffer.allocateDirect(512);
        long before = pool.getMemoryUsed();
        try (AddressedBackend backend = open(image, false)) {
            for (int at = 0; at < SIZE; at += 2 << 20) {
                backend.read(at, buffer.clear());
                backend.write(at, buffer.flip());
            }
            backend.flush();
            long taken = pool.getMemoryUsed() - before;
            assertTrue(taken < 1 << 20, taken + " bytes");
        }
    }

    @Test
    void an_image_is_open_for_writing_once_only() throws Exception {
        Path image = make(new Creation(65536, "1.1", 16, "q", false, null));
        Path below = folder.resolve("below0");
        String busy = ": another server or a program of qemu has it open; one of the two must end";
        try (AddressedBackend backend = open(image, false)) {
            assertNull(backend.identity());
            for (boolean readOnly : new boolean[] {true, false}) {
                assertEquals(image + busy, assertThrows(IOException.class, () -> open(image, readOnly)).getMessage());
            }
            assertThrows(AssertionError.class, () -> run("qemu-io", "-f", "qcow2", "-c", "read 0 512", image.toString()));
            assertThrows(AssertionError.class, () -> run("qemu-io", "-f", "qcow2", "-c", "write 0 512", below.toString()));
            assertEquals(below + busy, assertThrows(IOException.class, () -> open(below, false)).getMessage());
            open(below, true).close();
            backend.flush();
        }
        Process qemu = new ProcessBuilder("qemu-io", "-f", "qcow2", image.toString()).start();
        try {
            // It answers when it has opened it
            qemu.getOutputStream().write("length\n".getBytes());
            qemu.getOutputStream().flush();
            String answer = "";
            while (!answer.contains("MiB")) {
                int next = qemu.getInputStream().read();
                assertTrue(next > 0, answer);
                answer += (char) next;
            }
            assertEquals(image + busy, assertThrows(IOException.class, () -> open(image, false)).getMessage());
        } finally {
            qemu.destroy();
            qemu.waitFor();
        }
        open(image, false).close();
    }
}
