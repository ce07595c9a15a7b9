// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import abuse.backend.AddressedBackend;
import abuse.backend.Backend;
import abuse.backend.Backends;
import abuse.backend.Geometry;
import abuse.libc.Memory;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;

/** Images that qemu's programs make, fill, check and compare. */
@Tag("packages")
abstract class Qcow2TestBase {
    static final int MAX_REQUEST = 1 << 20;
    /** No multiple of any large cluster. */
    static final int SIZE = (9 << 20) + 3 * 512;

    @TempDir
    Path folder;

    final Random random = new Random(7);

    /**
     * How an image is made.
     *
     * @param backing of the images below from the lowest one on: r for raw, q for qcow2
     */
    record Creation(int cluster, String version, int refcountBits, String backing, boolean snapshot, String compressed) {
        @Override
        public String toString() {
            return version + " cluster " + cluster + " refcounts " + refcountBits + " on '" + backing + "'" + (snapshot ? " snapshot" : "")
                    + (compressed == null ? "" : " compressed with " + compressed);
        }
    }

    static Stream<Creation> creations() {
        return Stream.of(
                new Creation(65536, "1.1", 16, "", false, null),
                new Creation(65536, "0.10", 16, "", true, null),
                new Creation(512, "1.1", 64, "q", true, "zlib"),
                new Creation(1024, "1.1", 16, "", false, "zstd"),
                new Creation(512, "0.10", 16, "r", false, "zlib"),
                new Creation(1024, "1.1", 1, "rq", false, null),
                new Creation(2048, "1.1", 2, "q", true, null),
                new Creation(4096, "1.1", 4, "r", true, "zlib"),
                new Creation(16384, "1.1", 8, "rqq", false, "zstd"),
                new Creation(65536, "1.1", 16, "rq", true, "zlib"),
                new Creation(65536, "0.10", 16, "q", true, "zlib"),
                new Creation(262144, "1.1", 32, "q", true, null),
                new Creation(2 << 20, "1.1", 64, "r", true, "zstd"),
                new Creation(2 << 20, "0.10", 16, "", false, "zlib"));
    }

    /** Makes an image with something in it, and in what is below. */
    Path make(Creation creation) throws Exception {
        String below = null;
        int level = 0;
        for (char kind : creation.backing.toCharArray()) {
            Path path = folder.resolve("below" + level++);
            if (kind == 'r') {
                // Shorter than the disk, with holes
                byte[] bytes = new byte[SIZE / 2 + 512];
                random.nextBytes(bytes);
                Arrays.fill(bytes, SIZE / 4, SIZE / 3, (byte) 0);
                Files.write(path, bytes);
                below = path.getFileName() + " raw";
            } else {
                create(path, creation, below, SIZE - (1 << 20));
                fill(path, 20, SIZE - (1 << 20));
                below = path.getFileName() + " qcow2";
            }
        }
        Path image = folder.resolve("image");
        if (creation.compressed != null) {
            Path raw = folder.resolve("uncompressed");
            byte[] bytes = new byte[SIZE];
            random.nextBytes(bytes);
            for (int at = 0; at < SIZE; at += 8192) {
                // Some clusters cannot be made smaller, some can
                Arrays.fill(bytes, at, Math.min(SIZE, at + random.nextInt(8192)), (byte) at);
            }
            Arrays.fill(bytes, SIZE / 5, SIZE / 2, (byte) 0);
            Files.write(raw, bytes);
            var words = new ArrayList<>(List.of("qemu-img", "convert", "-q", "-c", "-f", "raw", "-O", "qcow2", "-o", options(creation)));
            if (below != null) {
                // Then what is alike is not copied
                words.addAll(List.of("-B", below.split(" ")[0], "-F", below.split(" ")[1]));
            }
            words.addAll(List.of(raw.toString(), image.toString()));
            run(words.toArray(String[]::new));
        } else {
            create(image, creation, below, SIZE);
        }
        fill(image, 20, SIZE);
        if (creation.snapshot && creation.refcountBits > 1) {
            run("qemu-img", "snapshot", "-c", "first", image.toString());
            fill(image, 10, SIZE);
        }
        return image;
    }

    static String options(Creation creation) {
        return "cluster_size=" + creation.cluster + ",compat=" + creation.version + ",refcount_bits=" + creation.refcountBits
                + ("zstd".equals(creation.compressed) ? ",compression_type=zstd" : "");
    }

    private void create(Path path, Creation creation, String below, int size) throws Exception {
        var words = new ArrayList<>(List.of("qemu-img", "create", "-q", "-f", "qcow2", "-o", options(creation)));
        if (below != null) {
            words.addAll(List.of("-b", below.split(" ")[0], "-F", below.split(" ")[1]));
        }
        words.addAll(List.of(path.toString(), Integer.toString(size)));
        run(words.toArray(String[]::new));
    }

    /** Has qemu write, discard and write zeroes at random. */
    void fill(Path image, int count, int size) throws Exception {
        var words = new ArrayList<>(List.of("qemu-io", "-f", "qcow2"));
        for (int i = 0; i < count; i++) {
            int length = 512 * (1 + random.nextInt(i % 5 == 0 ? 4000 : 100));
            int offset = 512 * random.nextInt((size - length) / 512);
            words.add("-c");
            words.add(switch (random.nextInt(6)) {
                case 0 -> "discard";
                case 1 -> "write -z";
                case 2 -> "write -z -u";
                default -> "write -P " + (1 + random.nextInt(255));
            } + " " + offset + " " + length);
        }
        words.add(image.toString());
        run(words.toArray(String[]::new));
    }

    /** What qemu reads from an image. */
    byte[] content(Path image) throws Exception {
        Path raw = folder.resolve("content");
        run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", image.toString(), raw.toString());
        byte[] bytes = Files.readAllBytes(raw);
        Files.delete(raw);
        return bytes;
    }

    /** Runs a program, and returns what it says. */
    String run(String... words) throws Exception {
        Path log = folder.resolve("log");
        Process process = new ProcessBuilder(words).directory(folder.toFile()).redirectErrorStream(true).redirectOutput(log.toFile()).start();
        int status = process.waitFor();
        assertEquals(0, status, () -> String.join(" ", words) + ": " + read(log));
        return read(log);
    }

    private static String read(Path log) {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            return e.toString();
        }
    }

    AddressedBackend open(Path image, boolean readOnly) throws IOException {
        return (AddressedBackend) new Backends().open("qcow2:" + image, Set.of(), new Geometry(0, SIZE, 512, MAX_REQUEST, readOnly));
    }

    /** Reads as a server does: from the address if there is one. */
    static byte[] read(AddressedBackend backend, long offset, int length) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(length);
        // So that nobody relies on zeros
        for (int i = 0; i < length; i++) {
            buffer.put(i, (byte) 0x5a);
        }
        long address = backend.readAddress(offset, length);
        if (address == AddressedBackend.SCATTERED) {
            backend.read(offset, buffer);
            assertFalse(buffer.hasRemaining());
        } else {
            Memory.copy(address, Memory.addressOf(buffer), length);
        }
        byte[] bytes = new byte[length];
        buffer.get(0, bytes);
        return bytes;
    }

    static ByteBuffer direct(byte[] bytes) {
        return ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
    }

    /** Compares all of a disk in pieces of random length with what it should be. */
    void check(AddressedBackend backend, byte[] expected) throws IOException {
        for (int at = 0; at < expected.length;) {
            int length = Math.min(expected.length - at, 512 * (1 + random.nextInt(random.nextInt(4) == 0 ? MAX_REQUEST / 512 : 40)));
            byte[] found = read(backend, at, length);
            int differs = Arrays.mismatch(found, Arrays.copyOfRange(expected, at, at + length));
            assertEquals(-1, differs, "at " + at + " of " + length);
            at += length;
        }
    }

    /** Puts a number into a file. */
    static void put(Path image, long position, int length, long value) throws IOException {
        try (var file = new RandomAccessFile(image.toFile(), "rw")) {
            file.seek(position);
            for (int i = length - 1; i >= 0; i--) {
                file.write((int) (value >>> 8 * i));
            }
        }
    }

    /** A number in a file. */
    static long get(Path image, long position) throws IOException {
        try (var file = new RandomAccessFile(image.toFile(), "r")) {
            file.seek(position);
            return file.readLong();
        }
    }

    static void close(Backend backend) throws IOException {
        backend.close();
    }
}
