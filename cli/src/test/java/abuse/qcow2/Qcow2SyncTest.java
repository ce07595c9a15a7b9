// SPDX-License-Identifier: Apache-2.0
package abuse.qcow2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What cannot be made durable is told, and nothing is made durable for nobody. */
class Qcow2SyncTest extends Qcow2TestBase {
    private Path image;
    private boolean broken;
    private int syncs;

    private final class CountedFile extends ImageFile {
        CountedFile(String path, boolean writable) throws IOException {
            super(path, writable);
        }

        @Override
        void sync() throws IOException {
            syncs++;
            if (broken) {
                throw new IOException(path + ": lost");
            }
            super.sync();
        }
    }

    @BeforeEach
    void make() throws Exception {
        image = folder.resolve("image");
        run("qemu-img", "create", "-q", "-f", "qcow2", image.toString(), Integer.toString(SIZE));
        run("qemu-io", "-f", "qcow2", "-c", "write -P 1 0 64k", image.toString());
    }

    private WritableBackend open() throws IOException {
        Qcow2Layer layer = new Chain(CountedFile::new).open(image.toString(), true);
        return new WritableBackend(layer, new Changes(layer, 1 << 20), MAX_REQUEST);
    }

    @Test
    void a_failure_at_the_end_is_told() throws Exception {
        WritableBackend backend = open();
        backend.write(0, direct(new byte[512]));
        broken = true;
        assertEquals(image + ": lost", assertThrows(IOException.class, backend::close).getMessage());
    }

    @Test
    void an_image_that_was_not_changed_is_not_synced_at_the_end() throws Exception {
        WritableBackend backend = open();
        assertArrayEquals(new byte[] {1}, read(backend, 0, 1));
        int before = syncs;
        broken = true;
        backend.close();
        assertEquals(before, syncs);
    }

    @Test
    void a_temporary_file_is_not_synced() throws Exception {
        // A call would fail
        try (var file = new ImageFile("/dev/full", true)) {
            assertThrows(IOException.class, file::sync);
            file.makeTemporary();
            file.sync();
        }
        WritableBackend backend = open();
        backend.image.file.makeTemporary();
        backend.write(1 << 20, direct(new byte[512]));
        long length = Files.size(image);
        int before = syncs;
        backend.close();
        assertEquals(before, syncs);
        assertEquals(length, Files.size(image), "clusters that nobody needs are given back");
    }

    @Test
    void a_failure_at_the_start_is_told_by_a_flush_and_nothing_new_is_used() throws Exception {
        broken = true;
        WritableBackend backend = open();
        assertArrayEquals(new byte[] {1}, read(backend, 0, 1));
        assertThrows(IOException.class, backend::flush);
        assertThrows(IOException.class, () -> backend.write(1 << 20, direct(new byte[512])));
        assertThrows(IOException.class, backend::close);
        run("qemu-img", "check", "-q", image.toString());
    }
}
