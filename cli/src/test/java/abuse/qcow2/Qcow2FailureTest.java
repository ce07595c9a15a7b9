// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Failure;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A call that fails while a request is carried out costs no cluster once the server has ended. */
class Qcow2FailureTest extends Qcow2TestBase {
    /** How many calls succeed before one fails; negative if none fails any more. */
    private int untilFailure;

    /** Fails as storage does, or as a JVM without memory. */
    private final class FailingFile extends ImageFile {
        private final boolean error;

        FailingFile(String path, boolean error) throws IOException {
            super(path, true);
            this.error = error;
        }

        private void mayFail() throws IOException {
            if (untilFailure-- == 0) {
                if (error) {
                    throw new OutOfMemoryError("a test");
                }
                throw new IOException("a test");
            }
        }

        @Override
        void read(long position, ByteBuffer into, int length) throws IOException {
            mayFail();
            super.read(position, into, length);
        }

        @Override
        void write(long position, ByteBuffer from, int length) throws IOException {
            mayFail();
            super.write(position, from, length);
        }

        @Override
        boolean punch(long position, long length) throws IOException {
            mayFail();
            return super.punch(position, length);
        }

        @Override
        void resize(long length) throws IOException {
            mayFail();
            super.resize(length);
        }

        @Override
        void sync() throws IOException {
            mayFail();
            super.sync();
        }
    }

    @ParameterizedTest
    @CsvSource({"1.1, r, false", "1.1, r, true", "0.10, r, true", "1.1, '', false"})
    void a_failure_loses_no_cluster(String version, String backing, boolean error) throws Exception {
        Path good = make(new Creation(4096, version, 16, backing, true, "zlib"));
        Path image = folder.resolve("tried");
        int failures = 0;
        for (int n = 0; n < 60; n++) {
            Files.copy(good, image, StandardCopyOption.REPLACE_EXISTING);
            untilFailure = -1;
            Qcow2Layer layer = new Chain((path, writable) -> writable ? new FailingFile(path, error) : new ImageFile(path, false))
                    .open(image.toString(), true);
            try (var backend = new WritableBackend(layer, new Changes(layer, 16 << 10), MAX_REQUEST)) {
                untilFailure = n;
                for (int i = 0; i < 12; i++) {
                    try {
                        int at = i * 700 * 1024;
                        byte[] bytes = new byte[20480];
                        Arrays.fill(bytes, (byte) i);
                        backend.write(at + 512, direct(bytes));
                        backend.writeZeroes(at + 65536, 20480);
                        backend.discard(at + 131072, 20480);
                        backend.writeZeroes(at + 262144 + 512, 512);
                    } catch (IOException | OutOfMemoryError e) {
                        assertEquals("a test", e.getMessage());
                        failures++;
                    }
                }
                untilFailure = -1;
            }
            run("qemu-img", "check", "-q", image.toString());
        }
        assertTrue(failures > 30, failures + " failures");
    }

    /** A filesystem has room for what is there, and for nothing else. */
    private static final class FullFile extends ImageFile {
        private static final int DATA = 4096;

        FullFile(String path) throws IOException {
            super(path, true);
        }

        @Override
        void write(long position, ByteBuffer from, int length) throws IOException {
            if (length == DATA) {
                throw new IOException("full");
            }
            super.write(position, from, length);
        }
    }

    @Test
    void requests_that_find_no_room_do_not_make_the_file_longer_and_longer() throws Exception {
        Path image = make(new Creation(FullFile.DATA, "1.1", 16, "", false, null));
        Qcow2Layer layer = new Chain((path, writable) -> new FullFile(path)).open(image.toString(), true);
        try (var backend = new WritableBackend(layer, new Changes(layer, 16 << 10), MAX_REQUEST)) {
            long before = Files.size(image);
            int failures = 0;
            for (int i = 0; i < 1000; i++) {
                try {
                    backend.write((i % 2000) * FullFile.DATA, direct(new byte[FullFile.DATA]));
                } catch (IOException e) {
                    assertEquals("full", e.getMessage());
                    failures++;
                }
                backend.flush();
            }
            assertTrue(failures > 500, failures + " failures");
            assertTrue(Files.size(image) < before + 100 * FullFile.DATA, before + " " + Files.size(image));
        }
    }

    /** No data is written to where a cluster begins. */
    private static final class HalfFile extends ImageFile {
        private static final byte DATA = 7;
        private int given;

        HalfFile(String path) throws IOException {
            super(path, true);
        }

        @Override
        void write(long position, ByteBuffer from, int length) throws IOException {
            if (position % 4096 == 0 && from.get(from.position()) == DATA) {
                throw new IOException("half");
            }
            super.write(position, from, length);
        }

        @Override
        boolean punch(long position, long length) throws IOException {
            given++;
            return super.punch(position, length);
        }
    }

    @Test
    void what_requests_that_fail_give_up_is_counted_without_a_flush() throws Exception {
        Path image = folder.resolve("half");
        run("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=4096", image.toString(), "256M");
        Qcow2Layer layer = new Chain((path, writable) -> new HalfFile(path)).open(image.toString(), true);
        try (var backend = new WritableBackend(layer, new Changes(layer, 1 << 20), MAX_REQUEST)) {
            byte[] bytes = new byte[1024];
            Arrays.fill(bytes, HalfFile.DATA);
            int given = ((HalfFile) layer.file).given;
            for (int i = 0; i < 17 << 10; i++) {
                // The first cluster of the two is written
                long at = i * 8192L + 4096 - 512;
                assertEquals("half", assertThrows(IOException.class, () -> backend.write(at, direct(bytes))).getMessage());
            }
            given = ((HalfFile) layer.file).given - given;
            assertTrue(given > 8 << 10, given + " clusters were given back");
        }
        run("qemu-img", "check", "-q", image.toString());
    }

    @Test
    void a_full_filesystem_is_told_to_the_users_of_the_disk() throws Exception {
        try (var full = new ImageFile("/dev/full", true)) {
            var e = assertThrows(IOException.class, () -> full.write(0, direct(new byte[512]), 512));
            assertEquals("/dev/full: No space left on device", e.getMessage());
            assertEquals(Failure.NO_SPACE, Failure.of(e));
        }
    }

    /** The power goes when the counts of new clusters are durable, and that the file is longer is not. */
    private static final class CutFile extends ImageFile {
        private final long before;
        private boolean longer;
        private boolean cut;

        CutFile(String path) throws IOException {
            super(path, true);
            before = size();
        }

        @Override
        void write(long position, ByteBuffer from, int length) throws IOException {
            if (!cut) {
                super.write(position, from, length);
            }
        }

        @Override
        void resize(long length) throws IOException {
            if (!cut) {
                super.resize(length);
                longer = true;
            }
        }

        @Override
        void sync() throws IOException {
            super.sync();
            if (longer && !cut) {
                super.resize(before);
                cut = true;
            }
            if (cut) {
                throw new IOException("cut");
            }
        }
    }

    @Test
    void an_image_stands_any_number_of_power_cuts_while_it_grows() throws Exception {
        Path image = make(new Creation(65536, "1.1", 16, "", false, null));
        for (int i = 0; i < 70; i++) {
            Qcow2Layer layer = new Chain((path, writable) -> new CutFile(path)).open(image.toString(), true);
            var changes = new Changes(layer, Allocator.LARGEST_CHUNK);
            var backend = new WritableBackend(layer, changes, MAX_REQUEST);
            // All that is free within the file is taken first
            assertEquals("cut", assertThrows(IOException.class, () -> {
                for (int at = 0; at < SIZE; at += 512) {
                    backend.write(at, direct(new byte[] {1}));
                }
            }).getMessage());
            assertEquals("cut", assertThrows(IOException.class, backend::close).getMessage());
        }
        run("qemu-img", "check", "-q", "-r", "leaks", image.toString());
    }

    @Test
    void a_table_is_moved_while_somebody_waits_for_it() throws Exception {
        Path image = folder.resolve("shared");
        run("qemu-img", "create", "-q", "-f", "qcow2", image.toString(), "1M");
        run("qemu-io", "-f", "qcow2", "-c", "write -q 0 64k", image.toString());
        run("qemu-img", "snapshot", "-c", "first", image.toString());
        Qcow2Layer layer = new Chain(ImageFile::new).open(image.toString(), true);
        try (var backend = new WritableBackend(layer, new Changes(layer, 1 << 20), MAX_REQUEST)) {
            var outcome = new CompletableFuture<Long>();
            var waiting = new Thread(() -> {
                try {
                    outcome.complete(layer.map.entry(0));
                } catch (Throwable e) {
                    outcome.completeExceptionally(e);
                }
            });
            synchronized (layer.map) {
                waiting.start();
                while (waiting.getState() != Thread.State.BLOCKED) {
                    Thread.sleep(1);
                }
                backend.write(65536, direct(new byte[65536]));
            }
            assertTrue(Entry.isData(outcome.get()));
        }
        run("qemu-img", "check", "-q", image.toString());
    }
}
