// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.backend.Backends;
import abuse.device.Flag;
import abuse.device.SimulatedDisk;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** run and server with images of qemu. */
@Tag("packages")
class Qcow2Test extends CommandTestBase {
    private static final int SIZE = 3 << 20;

    private Path create(String name, Object... words) throws Exception {
        Path image = directory.resolve(name);
        var all = new ArrayList<>(List.of("qemu-img", "create", "-q", "-f", "qcow2"));
        for (Object word : words) {
            all.add(word.toString());
        }
        all.add(image.toString());
        all.add(Integer.toString(SIZE));
        assertEquals(0, new ProcessBuilder(all).directory(directory.toFile()).inheritIO().start().waitFor());
        return image;
    }

    private void checkClean(Path image) throws Exception {
        assertEquals(0, new ProcessBuilder("qemu-img", "check", "-q", image.toString()).inheritIO().start().waitFor());
    }

    private long capacity() throws Exception {
        try (var device = devices.open("/dev/abctl0")) {
            return device.status().capacity();
        }
    }

    @Test
    void run_takes_the_size_and_what_is_written_is_there_the_next_time() throws Exception {
        SimulatedDisk disk = devices.add(0);
        Files.write(directory.resolve("base"), pattern(SIZE));
        Path image = create("image", "-b", "base", "-F", "raw");
        byte[] bytes = new byte[8192];
        Arrays.fill(bytes, (byte) 0xee);
        for (int round = 0; round < 2; round++) {
            var run = start("run", "qcow2:" + image).awaitReady();
            assertEquals(SIZE, capacity());
            byte[] expected = Arrays.copyOfRange(pattern(SIZE), 0, SIZE / 2);
            if (round == 0) {
                assertArrayEquals(Arrays.copyOfRange(expected, 65536 - 4096, 65536 + 4096), disk.read(65536 - 4096, 8192).await().data());
                assertFalse(disk.write(65536 - 4096, bytes).await().failed());
                assertFalse(disk.flush().await().failed());
            }
            System.arraycopy(bytes, 0, expected, 65536 - 4096, 8192);
            assertArrayEquals(Arrays.copyOf(expected, 131072), disk.read(0, 131072).await().data());
            run.signal();
            var outcome = run.end();
            assertEquals("", outcome.err());
            assertEquals(0, outcome.exitCode());
            checkClean(image);
        }
        assertArrayEquals(pattern(SIZE), Files.readAllBytes(directory.resolve("base")));
    }

    @Test
    void a_read_only_disk_does_not_touch_the_image() throws Exception {
        SimulatedDisk disk = devices.add(0);
        Path image = create("image");
        byte[] before = Files.readAllBytes(image);
        var run = start("run", "ro", "qcow2:" + image).awaitReady();
        assertArrayEquals(new byte[4096], disk.read(SIZE - 4096, 4096).await().data());
        run.signal();
        assertEquals(0, run.end().exitCode());
        assertArrayEquals(before, Files.readAllBytes(image));
    }

    @Test
    void an_image_that_is_in_use_or_no_image_is_refused_in_one_line() throws Exception {
        devices.add(0);
        devices.add(1);
        Path image = create("image");
        var run = start("run", "qcow2:" + image).awaitReady();
        for (String options : new String[] {"", "--shared "}) {
            var second = run(("run " + options + "qcow2:" + image).split(" "));
            assertEquals(1, second.exitCode());
            assertEquals("abusectl: " + image + ": it is served as /dev/abuse0 already; two disks must not write to one image\n", second.err());
        }
        run.signal();
        assertEquals(0, run.end().exitCode());
        Path raw = Files.write(directory.resolve("raw"), new byte[4096]);
        var third = run("run", "qcow2:" + raw);
        assertEquals(1, third.exitCode());
        assertEquals("abusectl: " + raw + ": is not a qcow2 image; 'file:" + raw + "' serves it as it is\n", third.err());
        var missing = run("run", "qcow2:" + directory.resolve("gone"));
        assertEquals("abusectl: " + directory.resolve("gone") + ": No such file or directory\n", missing.err());
    }

    @Test
    void a_disk_of_another_size_is_refused() throws Exception {
        devices.add(0).setUp(4 << 20);
        Path image = create("image");
        var outcome = run("server", "qcow2:" + image);
        assertEquals(1, outcome.exitCode());
        assertTrue(outcome.err().startsWith("abusectl: qcow2:" + image + ": holds 3 MiB (3145728 bytes), but /dev/abctl0 has 4 MiB"),
                outcome.err());
    }

    @Test
    void pinned_memory_is_refused_as_it_would_be_the_whole_image() throws Exception {
        devices.add(0);
        Path image = create("image");
        String refusal = "--pin is not possible with qcow2:PATH, as it would lock all of the image in memory";
        assertEquals(refusal, assertThrows(UsageException.class,
                () -> new BackendOptions(false, false, false, true).of(new Backends(), "qcow2:" + image)).getMessage());
        var outcome = run("server", "--pin", "qcow2:" + image);
        assertEquals(2, outcome.exitCode());
        assertTrue(outcome.err().startsWith("abusectl: server: " + refusal + "\n"), outcome.err());
    }

    @Test
    void run_offers_discard_and_write_zeroes() throws Exception {
        devices.add(0);
        Path image = create("image");
        var run = start("run", "qcow2:" + image).awaitReady();
        try (var device = devices.open("/dev/abctl0")) {
            assertTrue(device.status().flags().containsAll(List.of(Flag.DISCARD, Flag.WRITE_ZEROES)), device.status().toString());
        }
        run.signal();
        assertEquals(0, run.end().exitCode());
    }

    @Test
    void an_image_that_was_not_closed_is_served_read_only() throws Exception {
        SimulatedDisk disk = devices.add(0);
        Path image = create("image");
        try (var file = new RandomAccessFile(image.toFile(), "rw")) {
            file.seek(72);
            file.writeLong(1);
        }
        var run = start("run", "qcow2:" + image).awaitReady();
        try (var device = devices.open("/dev/abctl0")) {
            assertTrue(device.status().flags().contains(Flag.READ_ONLY));
            assertFalse(device.status().flags().contains(Flag.DISCARD));
        }
        assertArrayEquals(new byte[4096], disk.read(0, 4096).await().data());
        run.signal();
        assertEquals(0, run.end().exitCode());
    }
}
