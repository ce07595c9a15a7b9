// SPDX-License-Identifier: Apache-2.0
package abuse.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.BackendFactory.Option;
import abuse.libc.Memory;
import abuse.libc.Unix;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FileBackendTest {
    private static final int SIZE = 1 << 20;
    private static final Geometry CACHED = new Geometry(0, SIZE, 4096, 65536, false);
    private static final Geometry READ_ONLY = new Geometry(0, SIZE, 4096, 65536, true);

    @TempDir
    private Path directory;

    private Path image() {
        return directory.resolve("image");
    }

    private Backend open(boolean create, Geometry geometry) throws IOException {
        return new Backends().open("file:" + image(), create ? Set.of(Option.CREATE) : Set.of(), geometry);
    }

    private static ByteBuffer direct(byte[] bytes) {
        return ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
    }

    private static byte[] read(Backend backend, long offset, int length) throws IOException {
        // Not at the start of its memory, like the server's buffers
        ByteBuffer buffer = ByteBuffer.allocateDirect(length + 512).position(512);
        backend.read(offset, buffer);
        assertFalse(buffer.hasRemaining());
        byte[] bytes = new byte[length];
        buffer.position(512).get(bytes);
        return bytes;
    }

    private static byte[] random(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    /** How much space the file takes on its filesystem, in units of 512 bytes. */
    private static long blocks(Path path) throws IOException {
        Process stat = new ProcessBuilder("stat", "-c", "%b", path.toString()).start();
        return Long.parseLong(new String(stat.getInputStream().readAllBytes()).strip());
    }

    @Test
    void creates_a_sparse_image_of_the_disks_size() throws Exception {
        try (Backend backend = open(true, CACHED)) {
            assertEquals(SIZE, backend.size());
            assertEquals(SIZE, Files.size(image()));
            assertEquals(0, blocks(image()));
            assertArrayEquals(new byte[4096], read(backend, SIZE - 4096, 4096));
        }
    }

    @Test
    void keeps_what_was_written_where_it_was_written() throws Exception {
        byte[] bytes = random(10 * 512);
        try (Backend backend = open(true, CACHED)) {
            ByteBuffer from = ByteBuffer.allocateDirect(512 + bytes.length).position(512).put(bytes).position(512);
            backend.write(4096 * 3, from);
            assertFalse(from.hasRemaining());
            backend.flush();
        }
        assertArrayEquals(bytes, Arrays.copyOfRange(Files.readAllBytes(image()), 4096 * 3, 4096 * 3 + bytes.length));
        try (Backend backend = open(true, CACHED)) {
            assertArrayEquals(bytes, read(backend, 4096 * 3, bytes.length));
        }
    }

    @Test
    void discards_and_zeroes_punch_holes() throws Exception {
        byte[] bytes = random(SIZE);
        try (Backend backend = open(true, CACHED)) {
            backend.write(0, direct(bytes));
            backend.flush();
            long before = blocks(image());
            backend.discard(0, SIZE / 4);
            backend.writeZeroes(SIZE / 2, SIZE / 4);
            assertTrue(blocks(image()) <= before / 2 + 16, blocks(image()) + " of " + before + " blocks are left");
            Arrays.fill(bytes, 0, SIZE / 4, (byte) 0);
            Arrays.fill(bytes, SIZE / 2, SIZE * 3 / 4, (byte) 0);
            assertArrayEquals(bytes, read(backend, 0, SIZE));
            assertEquals(SIZE, Files.size(image()));
        }
    }

    @Test
    void zeroes_need_no_alignment() throws Exception {
        byte[] bytes = random(SIZE);
        try (Backend backend = open(true, new Geometry(0, SIZE, 4096, 65536, false))) {
            backend.write(0, direct(bytes));
            backend.writeZeroes(512, 4096 * 2);
            Arrays.fill(bytes, 512, 512 + 4096 * 2, (byte) 0);
            assertArrayEquals(bytes, read(backend, 0, SIZE));
        }
    }

    @Test
    void a_missing_image_is_refused_with_the_next_step() {
        var e = assertThrows(IOException.class, () -> open(false, CACHED));
        assertEquals(image() + ": No such file or directory; add --create to make it", e.getMessage());
        assertFalse(Files.exists(image()));
        var elsewhere = assertThrows(IOException.class,
                () -> new Backends().open("file:" + directory + "/no/image", Set.of(Option.CREATE), CACHED));
        assertEquals(directory + "/no/image: No such file or directory", elsewhere.getMessage());
    }

    /** A file there would be in memory, and the device could not appear. */
    @Test
    void a_missing_device_is_not_made() {
        for (Set<Option> options : List.of(Set.of(Option.CREATE), Set.<Option>of())) {
            var e = assertThrows(IOException.class, () -> new Backends().open("file:/dev/../dev/abuse-none", options, CACHED));
            assertEquals("/dev/../dev/abuse-none: No such file or directory", e.getMessage());
        }
        assertFalse(Files.exists(Path.of("/dev/abuse-none")));
    }

    @Test
    void an_image_that_holds_something_is_neither_grown_nor_emptied() throws Exception {
        Files.write(image(), random(5000));
        try (Backend backend = open(true, CACHED)) {
            assertEquals(5000, backend.size());
        }
        assertArrayEquals(random(5000), Files.readAllBytes(image()));
    }

    @Test
    void servers_of_one_disk_share_an_image_and_those_of_two_do_not() throws Exception {
        var other = new Geometry(7, SIZE, 4096, 65536, false);
        var otherReader = new Geometry(7, SIZE, 4096, 65536, true);
        try (Backend writer = open(true, CACHED); Backend second = open(false, CACHED); Backend reader = open(false, READ_ONLY)) {
            assertEquals(3L * SIZE, writer.size() + second.size() + reader.size());
            for (Geometry geometry : new Geometry[] {other, otherReader}) {
                var e = assertThrows(IOException.class, () -> open(false, geometry));
                assertEquals(image() + ": it is served as /dev/abuse0 already; two disks must not write to one image, unless"
                        + " you add --shared", e.getMessage());
            }
            Backend shared = new Backends().open("file:" + image(), Set.of(Option.SHARED), other);
            assertThrows(IOException.class, () -> open(false, CACHED));
            shared.close();
            open(false, CACHED).close();
        }
        try (Backend reader = open(false, READ_ONLY); Backend second = open(false, otherReader)) {
            assertEquals(2L * SIZE, reader.size() + second.size());
            var e = assertThrows(IOException.class, () -> open(false, CACHED));
            assertTrue(e.getMessage().startsWith(image() + ": it is served as /dev/abuse7 already"), e.getMessage());
        }
        open(false, other).close();
    }

    @Test
    void an_image_that_qemu_writes_is_refused_and_qemu_is_kept_from_ours() throws Exception {
        open(true, CACHED).close();
        String busy = image() + ": another server or a program of qemu has it open; one of the two must end, unless you add --shared";
        int other = Unix.open(image().toString(), Unix.O_RDWR | Unix.O_CLOEXEC);
        try {
            // As qemu does: what it forbids, here to write
            assertEquals(0, Unix.lockForReading(other, 201));
            assertEquals(busy, assertThrows(IOException.class, () -> open(false, CACHED)).getMessage());
            open(false, READ_ONLY).close();
            new Backends().open("file:" + image(), Set.of(Option.SHARED), CACHED).close();
        } finally {
            Unix.close(other);
        }
        int looker = Unix.open(image().toString(), Unix.O_RDONLY | Unix.O_CLOEXEC);
        try (Backend backend = open(false, CACHED); Backend second = open(false, CACHED)) {
            assertTrue(Unix.firstLock(looker, 101, 1) > 0, backend.identity());
            assertEquals(0, Unix.firstLock(looker, 201, 1), second.identity());
        } finally {
            Unix.close(looker);
        }
    }

    @Test
    void an_image_that_another_machine_has_is_refused() throws Exception {
        open(true, CACHED).close();
        int fd = Unix.open(image().toString(), Unix.O_RDWR | Unix.O_CLOEXEC);
        for (long position : new long[] {(1L << 62) + 1, (1L << 62) + (1L << 61) - 1}) {
            assertEquals(0, Unix.lockForReading(fd, position));
            var e = assertThrows(IOException.class, () -> open(false, READ_ONLY));
            assertTrue(e.getMessage().startsWith(image() + ": it is served as another machine's disk already"), e.getMessage());
            Unix.close(fd);
            fd = Unix.open(image().toString(), Unix.O_RDWR | Unix.O_CLOEXEC);
        }
        Unix.close(fd);
    }

    @Test
    void a_read_only_disk_needs_no_right_to_write() throws Exception {
        open(true, CACHED).close();
        try (Backend backend = open(false, READ_ONLY)) {
            assertArrayEquals(new byte[512], read(backend, 0, 512));
            var e = assertThrows(IOException.class, () -> backend.write(0, direct(new byte[512])));
            assertEquals(image() + ": Bad file descriptor", e.getMessage());
        }
    }

    @Test
    void a_truncated_image_is_an_error_and_not_zeros() throws Exception {
        try (Backend backend = open(true, CACHED); var file = new RandomAccessFile(image().toFile(), "rw")) {
            file.setLength(SIZE / 2 + 512);
            assertArrayEquals(new byte[512], read(backend, SIZE / 2, 512));
            for (int length : new int[] {512, 4096}) {
                long offset = length == 512 ? SIZE - 512 : SIZE / 2;
                var e = assertThrows(IOException.class, () -> read(backend, offset, length));
                assertEquals(image() + ": the image ends before the disk does", e.getMessage());
            }
            // No write counts as stored, and the image does not become long again
            assertThrows(IOException.class, () -> backend.write(SIZE - 512, direct(new byte[512])));
            assertThrows(IOException.class, () -> backend.writeZeroes(SIZE - 512, 512));
            assertThrows(IOException.class, backend::flush);
            assertEquals(SIZE / 2 + 512, file.length());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"read", "write", "zero", "flush"})
    void an_image_that_was_seen_to_be_cut_short_is_not_flushed_when_it_is_long_again(String request) throws Exception {
        try (Backend backend = open(true, CACHED); var file = new RandomAccessFile(image().toFile(), "rw")) {
            backend.write(SIZE - 512, direct(random(512)));
            file.setLength(SIZE / 2);
            String message = image() + ": the image ends before the disk does";
            assertEquals(message, assertThrows(IOException.class, () -> {
                switch (request) {
                    case "read" -> read(backend, SIZE - 512, 512);
                    case "write" -> backend.write(SIZE - 512, direct(new byte[512]));
                    case "zero" -> backend.writeZeroes(SIZE - 512, 512);
                    default -> backend.flush();
                }
            }).getMessage());
            file.setLength(SIZE);
            assertEquals(message, assertThrows(IOException.class, backend::flush).getMessage());
        }
    }

    @Test
    void a_full_filesystem_is_told_in_the_words_of_the_C_library() throws Exception {
        try (Backend full = new Backends().open("file:/dev/full", Set.of(), CACHED)) {
            var e = assertThrows(IOException.class, () -> full.write(0, direct(new byte[512])));
            assertEquals("/dev/full: No space left on device", e.getMessage());
            assertEquals(Failure.NO_SPACE, Failure.of(e));
        }
    }

    @Test
    void an_image_that_is_closed_is_free() throws Exception {
        for (int i = 0; i < 2000; i++) {
            open(true, CACHED).close();
        }
        // A refused one gives its descriptor back, too
        Backend holder = open(true, CACHED);
        for (int i = 0; i < 2000; i++) {
            assertThrows(IOException.class, () -> open(false, new Geometry(1, SIZE, 4096, 65536, false)));
        }
        holder.close();
    }

    @Test
    void large_images_have_large_offsets() throws Exception {
        long size = 1L << 42;
        try (Backend backend = open(true, new Geometry(0, size, 4096, 65536, false))) {
            byte[] bytes = random(4096);
            backend.write(size - 4096, direct(bytes));
            assertArrayEquals(bytes, read(backend, size - 4096, 4096));
            backend.discard(0, size);
            assertArrayEquals(new byte[4096], read(backend, size - 4096, 4096));
        }
    }

    @Test
    void an_image_is_mapped_unless_it_cannot_be_or_must_not() throws Exception {
        try (Backend backend = open(true, CACHED)) {
            assertTrue(assertInstanceOf(AddressedBackend.class, backend).isStored());
        }
        try (Backend backend = new Backends().open("file:" + image(), Set.of(Option.DIRECT), CACHED)) {
            assertFalse(backend instanceof AddressedBackend);
        }
        try (Backend backend = new Backends().open("file:/dev/full", Set.of(), CACHED)) {
            assertFalse(backend instanceof AddressedBackend);
        }
    }

    @Test
    void direct_reads_and_writes_are_those_of_the_mapping() throws Exception {
        byte[] bytes = random(65536);
        try (Backend direct = new Backends().open("file:" + image(), Set.of(Option.CREATE, Option.DIRECT), CACHED);
                Memory memory = Memory.map(65536)) {
            assertEquals(Unix.O_DIRECT, flags() & Unix.O_DIRECT);
            memory.buffer().put(bytes);
            direct.write(4096, memory.buffer());
            direct.writeZeroes(8192, 4096);
            direct.flush();
            memory.buffer().put(new byte[65536]);
            direct.read(4096, memory.buffer());
            Arrays.fill(bytes, 4096, 8192, (byte) 0);
            byte[] read = new byte[65536];
            memory.buffer().get(read);
            assertArrayEquals(bytes, read);
        }
        try (Backend mapped = open(false, CACHED); Memory memory = Memory.map(65536)) {
            mapped.read(4096, memory.buffer());
            byte[] read = new byte[65536];
            memory.buffer().get(read);
            assertArrayEquals(bytes, read);
        }
    }

    @Test
    void a_mapping_grows_with_its_image_and_old_addresses_stay() throws Exception {
        try (var backend = (AddressedBackend) open(true, CACHED); var file = new RandomAccessFile(image().toFile(), "rw")) {
            long before = backend.readAddress(0, 512);
            var e = assertThrows(IOException.class, () -> backend.grow(2 * SIZE));
            assertTrue(e.getMessage().startsWith(image() + ": the disk has become larger"), e.getMessage());
            file.setLength(2 * SIZE);
            backend.grow(2 * SIZE);
            backend.write(2 * SIZE - 512, direct(random(512)));
            ByteBuffer byMapping = ByteBuffer.allocateDirect(512);
            Memory.copy(backend.readAddress(2 * SIZE - 512, 512), Memory.addressOf(byMapping), 512);
            assertEquals(ByteBuffer.wrap(random(512)), byMapping);
            Memory.copy(before, Memory.addressOf(byMapping), 512);
            assertEquals(ByteBuffer.allocate(512), byMapping);
        }
    }

    private static String run(String... words) throws Exception {
        Process process = new ProcessBuilder(words).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        String output = new String(process.getInputStream().readAllBytes()).strip();
        return process.waitFor() == 0 ? output : null;
    }

    @Test
    void a_part_of_a_block_of_a_device_is_zeroed_and_may_be_discarded() throws Exception {
        open(true, CACHED).close();
        String loop = run("losetup", "-b", "4096", "-f", "--show", image().toString());
        Assumptions.assumeTrue(loop != null, "no loop device");
        try (Backend backend = new Backends().open("file:" + loop, Set.of(), new Geometry(0, SIZE, 512, 65536, false))) {
            byte[] bytes = random(SIZE);
            backend.write(0, direct(bytes));
            backend.flush();
            long before = blocks(image());
            backend.discard(65536 + 512, 65536 - 512);
            assertTrue(blocks(image()) <= before - 120, blocks(image()) + " of " + before + " blocks are left");
            backend.discard(512, 512);
            backend.writeZeroes(4096 + 512, 1024);
            Arrays.fill(bytes, 4096 + 512, 4096 + 1536, (byte) 0);
            assertArrayEquals(Arrays.copyOfRange(bytes, 1024, 65536), read(backend, 1024, 65536 - 1024));
            assertArrayEquals(Arrays.copyOfRange(bytes, 131072, SIZE), read(backend, 131072, SIZE - 131072));
        } finally {
            run("losetup", "-d", loop);
        }
    }

    /** The flags that the kernel shows for the open image. */
    private int flags() throws IOException {
        try (var descriptors = Files.list(Path.of("/proc/self/fd"))) {
            for (Path descriptor : descriptors.toList()) {
                if (Files.isSymbolicLink(descriptor) && Files.readSymbolicLink(descriptor).equals(image())) {
                    Path info = Path.of("/proc/self/fdinfo").resolve(descriptor.getFileName());
                    return Integer.parseInt(Files.readAllLines(info).get(1).replace("flags:", "").strip(), 8);
                }
            }
        }
        throw new AssertionError("the image is not open");
    }
}
