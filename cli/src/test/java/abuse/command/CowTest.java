// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import abuse.device.SimulatedDisk;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A disk that begins as an image, which stays as it is. */
@Tag("packages")
class CowTest extends CommandTestBase {
    private static final int SIZE = 3 << 20;

    private Path base;
    private Path kept;
    private SimulatedDisk disk;

    @BeforeEach
    void make() throws Exception {
        base = directory.resolve("base");
        kept = directory.resolve("kept");
        Files.write(base, pattern(SIZE));
        disk = devices.add(0);
    }

    private static void qemuImg(Object... words) throws Exception {
        var all = new String[words.length + 1];
        all[0] = "qemu-img";
        for (int i = 0; i < words.length; i++) {
            all[i + 1] = words[i].toString();
        }
        assertEquals(0, new ProcessBuilder(all).inheritIO().start().waitFor());
    }

    /** Serves it, finds how it begins, and writes. */
    private void write(String backend, byte[] begin, int at) throws Exception {
        var run = start("run", backend).awaitReady();
        try (var device = devices.open("/dev/abctl0")) {
            assertEquals(begin.length, device.status().capacity());
        }
        assertArrayEquals(Arrays.copyOf(begin, 1 << 20), disk.read(0, 1 << 20).await().data());
        byte[] bytes = new byte[8192];
        Arrays.fill(bytes, (byte) 0xee);
        assertFalse(disk.write(at, bytes).await().failed());
        assertFalse(disk.flush().await().failed());
        assertArrayEquals(bytes, disk.read(at, bytes.length).await().data());
        System.arraycopy(bytes, 0, begin, at, bytes.length);
        run.signal();
        var outcome = run.end();
        assertEquals("", outcome.err());
        assertEquals(0, outcome.exitCode());
    }

    @Test
    void an_overlay_is_thrown_away() throws Exception {
        write("cow:" + base, pattern(SIZE), 4096);
        write("cow:" + base, pattern(SIZE), 65536);
        assertArrayEquals(pattern(SIZE), Files.readAllBytes(base));
    }

    @Test
    void an_overlay_is_kept_and_used_again() throws Exception {
        byte[] bytes = pattern(SIZE);
        write("cow:" + base + ",keep=" + kept, bytes, 4096);
        write("cow:" + base + ",keep=" + kept, bytes, 65536 - 4096);
        write("qcow2:" + kept, bytes, 300000 & -4096);
        assertArrayEquals(pattern(SIZE), Files.readAllBytes(base));
        qemuImg("check", "-q", kept);
        Path whole = directory.resolve("whole");
        Files.write(whole, bytes);
        qemuImg("compare", "-q", "-f", "qcow2", "-F", "raw", kept, whole);
        qemuImg("commit", "-q", kept);
        assertArrayEquals(bytes, Files.readAllBytes(base));
    }

    @Test
    void an_image_of_qemu_may_be_below() throws Exception {
        Path image = directory.resolve("image");
        qemuImg("convert", "-f", "raw", "-O", "qcow2", base, image);
        write("cow:qcow2:" + image + ",keep=" + kept, pattern(SIZE), 4096);
        qemuImg("check", "-q", kept);
        qemuImg("compare", "-q", "-f", "qcow2", "-F", "raw", image, base);
    }

    @Test
    void a_base_that_ends_within_a_sector_is_filled_with_zeros() throws Exception {
        Files.write(base, pattern(SIZE - 100));
        byte[] bytes = Arrays.copyOf(pattern(SIZE - 100), SIZE);
        write("cow:" + base, bytes, 4096);
    }

    @Test
    void a_base_that_has_moved_is_told_with_what_helps() throws Exception {
        byte[] bytes = pattern(SIZE);
        write("cow:" + base + ",keep=" + kept, bytes, 4096);
        Path moved = Files.move(base, directory.resolve("moved here"));
        String help = "qemu-img rebase -u -F raw -b " + directory + "/moved\\ here " + kept;
        assertEquals("abusectl: " + kept + ": is an overlay of file:" + base + ", which is not there; if it has moved, '" + help
                + "' tells the overlay", error("run", "cow:" + moved + ",keep=" + kept));
        assertEquals(0, new ProcessBuilder("sh", "-c", help).start().waitFor());
        write("cow:" + moved + ",keep=" + kept, bytes, 65536);
    }

    private String error(String... words) throws Exception {
        var outcome = run(words);
        assertEquals(1, outcome.exitCode());
        return outcome.err().strip();
    }

    @Test
    void what_makes_no_sense_is_refused() throws Exception {
        assertEquals("abusectl: " + directory + "/gone: No such file or directory", error("run", "cow:" + directory + "/gone"));
        assertEquals("abusectl: " + directory + "/gone: no overlay can be made there: No such file or directory",
                error("run", "cow:" + base + ",keep=" + directory + "/gone/kept"));
        Path image = directory.resolve("image");
        qemuImg("create", "-q", "-f", "qcow2", image, SIZE);
        assertEquals("abusectl: " + image + ": begins as a qcow2 image does; 'cow:qcow2:" + image + "' takes it for one, and 'cow:file:"
                + image + "' for the disk itself", error("run", "cow:" + image));
        assertEquals("abusectl: " + image + ": is not an overlay of file:" + base + "; 'qcow2:" + image + "' serves it as it is",
                error("run", "cow:" + base + ",keep=" + image));
        write("cow:qcow2:" + image + ",keep=" + kept, new byte[SIZE], 4096);
        assertEquals("abusectl: " + kept + ": is not an overlay of file:" + image + " but of qcow2:" + image + "; 'qcow2:" + kept
                + "' serves it as it is", error("run", "sz=" + SIZE, "cow:file:" + image + ",keep=" + kept));
        String what = "; BASE is a path, or file:PATH or qcow2:PATH, and only ,keep=PATH may follow";
        for (String wrong : new String[] {",kep=x", ",ro"}) {
            assertEquals("abusectl: " + base + wrong + ": No such file or directory" + what, error("run", "cow:" + base + wrong));
        }
        assertEquals("abusectl: " + base + ",keep=: keep= needs a path", error("run", "cow:" + base + ",keep="));
        assertEquals("abusectl: nbd://h/x: No such file or directory" + what, error("run", "cow:nbd://u:secret@h/x"));
        assertEquals("abusectl: " + base + ": has more than one ,keep=", error("run", "cow:" + base + ",keep=b,keep=c"));
        assertEquals("abusectl: " + base + ": holds " + SIZE + " bytes, and the disk has only " + SIZE / 2,
                error("run", "sz=" + SIZE / 2, "cow:" + base));
        assertEquals("abusectl: " + base + ": is there already and is no overlay; name a file that is not there yet",
                error("run", "cow:qcow2:" + image + ",keep=" + base));
        Path link = Files.createSymbolicLink(directory.resolve("link"), base);
        assertEquals("abusectl: " + link + ": keep= names the base itself; name another file", error("run", "cow:" + base + ",keep=" + link));
        assertEquals("abusectl: " + image + ": keep= names the base itself; name another file",
                error("run", "cow:qcow2:" + image + ",keep=" + image));
    }
}
