// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Flag;
import abuse.device.SimulatedDisk;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** server and run: their arguments, what they tell and how they end. */
class ServerCommandTest extends CommandTestBase {
    @Test
    void server_says_that_it_is_ready_serves_and_ends_well() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 24, 2, Flag.WRITE_CACHE);
        Path image = directory.resolve("image");
        var server = start("server", "--create", "0", "file:" + image).awaitReady();
        assertEquals("abusectl: /dev/abctl0: serving 16 MiB from file:" + image + " on /dev/abuse0, 2 queues\n",
                server.out());
        assertFalse(disk.write(1 << 20, pattern(4096)).await().failed());
        assertArrayEquals(pattern(4096), disk.read(1 << 20, 4096).await().data());
        server.signal();
        Outcome outcome = server.end();
        assertEquals(0, outcome.exitCode());
        assertEquals("", outcome.err());
        assertEquals(0, disk.openNodes());
        assertArrayEquals(pattern(4096), Arrays.copyOfRange(Files.readAllBytes(image), 1 << 20, (1 << 20) + 4096));
    }

    @ParameterizedTest
    @CsvSource({"server, null", "server mem, mem", "server 0, null", "server 0 mem, mem", "server abuse0 null, null"})
    void server_knows_device_and_backend_apart(String words, String backend) throws Exception {
        devices.add(0).setUp(1000 * 512, Flag.WRITE_CACHE);
        var server = start(words.split(" ")).awaitReady();
        assertEquals("abusectl: /dev/abctl0: serving 500 KiB from " + backend + " on /dev/abuse0, 1 queue\n",
                server.out());
        server.signal();
        assertEquals(0, server.end().exitCode());
    }

    @Test
    void server_of_a_device_that_is_reset_ends_with_one_line() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20, 2);
        var server = start("server").awaitReady();
        disk.reset();
        Outcome outcome = server.end();
        assertEquals(1, outcome.exitCode());
        assertEquals("abusectl: /dev/abctl0: No such device; it was reset, so the server ends\n", outcome.err());
    }

    @Test
    void run_takes_a_free_device_serves_it_and_gives_it_back() throws Exception {
        devices.add(0).setUp(1 << 20);
        SimulatedDisk disk = devices.add(1);
        Path image = directory.resolve("image");
        var run = start("run", "sz=2M,bs=512,discard", "file:" + image, "--create").awaitReady();
        assertEquals("/dev/abuse1\n", run.out());
        assertFalse(disk.write(1 << 20, pattern(4096)).await().failed());
        run.signal();
        Outcome outcome = run.end();
        assertEquals("", outcome.err());
        assertEquals(0, outcome.exitCode());
        assertArrayEquals(pattern(4096), Arrays.copyOfRange(Files.readAllBytes(image), 1 << 20, (1 << 20) + 4096));
        assertEquals("DISK        SIZE\n/dev/abuse0   1M\n", succeed("list", "-o", "DISK,SIZE"));

        run = start("run", "file:" + image).awaitReady();
        try (var device = devices.open("/dev/abctl1")) {
            assertEquals(2 << 20, device.status().capacity());
        }
        run.signal();
        assertEquals(0, run.end().exitCode());
    }

    @Test
    void run_that_fails_leaves_no_disk_and_takes_away_no_other() throws Exception {
        assertEquals("there are no devices in /dev; is the module loaded? try 'modprobe abuse'", fail("run", "mem"));
        SimulatedDisk disk = devices.add(0);
        assertEquals(directory + "/none: No such file or directory; add --create to make it",
                fail("run", "file:" + directory + "/none"));
        assertEquals("", succeed("list"));
        assertEquals("run: 'reconnect' is of no use for a free device", misuse("run", "reconnect", "mem"));
        assertEquals("run: unknown key 'frob'", misuse("run", "frob", "mem"));
        assertEquals("run: 'frob' is not a backend; there are null, mem, file:PATH, qcow2:PATH, cow:BASE[,keep=PATH], nbd://HOST/EXPORT, nbd+unix:///EXPORT?socket=PATH, nbds://HOST/EXPORT, nbds+unix:///EXPORT?socket=PATH, nbd-exec:COMMAND, rbd:POOL/IMAGE, http://HOST/PATH and https://HOST/PATH", misuse("run", "sz=1M", "frob"));
        var run = start("run", "mem").awaitReady();
        disk.reset();
        disk.setUp(4 << 20);
        assertEquals("abusectl: /dev/abctl0: No such device; it was reset, so the server ends\n",
                run.end().err());
        assertEquals("SIZE\n  4M\n", succeed("list", "-o", "SIZE"));
        devices.limit(1, 28); // ENOSPC
        assertEquals("no device is free, all 1 are set up; 'abusectl reset' frees one, and max_abuse"
                + " allows no more", fail("run", "mem"));
    }

    @Test
    void server_waits_for_a_setup() throws Exception {
        SimulatedDisk disk = devices.add(0);
        var server = start("server", "mem");
        server.await(() -> !server.err().isEmpty());
        assertEquals("abusectl: /dev/abctl0: not set up yet; waiting for 'abusectl setup /dev/abctl0'\n", server.err());
        assertEquals("", server.out());
        disk.setUp(1 << 20);
        server.awaitReady();
        assertEquals("abusectl: /dev/abctl0: serving 1 MiB from mem on /dev/abuse0, 1 queue\n", server.out());
        server.signal();
        assertEquals(0, server.end().exitCode());
    }

    @Test
    void a_file_that_holds_a_disk_of_qemu_is_not_taken_for_the_disk() throws Exception {
        SimulatedDisk disk = devices.add(0);
        Path image = directory.resolve("q.qcow2");
        Files.write(image, Arrays.copyOf(new byte[] {'Q', 'F', 'I', (byte) 0xfb}, 5000));
        String begins = image + ": begins as a qcow2 image does; 'qcow2:" + image + "' serves the disk in it";
        for (String keys : new String[] {"", "sz=1M", "sz=5000"}) {
            var words = keys.isEmpty() ? new String[] {"run", "file:" + image} : new String[] {"run", "bs=512," + keys.replace("5000", "4608"), "file:" + image};
            assertEquals(begins, fail(words));
        }
        disk.setUp(1 << 20);
        assertEquals(begins, fail("server", "0", "file:" + image));
        assertEquals(begins, fail("server", "0", "--create", "file:" + image));
        var pipe = directory.resolve("pipe");
        assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
        assertEquals(1, run("server", "0", "file:" + pipe).exitCode());
    }

    /** Its users may have made it one, and need it again. */
    @Test
    void a_disk_with_a_disk_of_qemu_on_it_is_served_with_a_warning() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        Path image = directory.resolve("disk.img");
        Files.write(image, Arrays.copyOf(new byte[] {'Q', 'F', 'I', (byte) 0xfb}, 1 << 20));
        var server = start("server", "0", "file:" + image).awaitReady();
        assertEquals('Q', disk.read(0, 4096).await().data()[0]);
        server.signal();
        Outcome outcome = server.end();
        assertEquals(0, outcome.exitCode());
        assertEquals("abusectl: /dev/abctl0: " + image + ": begins as a qcow2 image does, and is served as it is; 'qcow2:" + image
                + "' serves the disk in it\n", outcome.err());
    }

    @Test
    void server_refuses_an_image_that_does_not_fit() throws IOException {
        devices.add(0).setUp(16 << 20);
        Path image = directory.resolve("image");
        assertEquals(image + ": No such file or directory; add --create to make it", fail("server", "file:" + image));
        try (var file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(8 << 20);
        }
        for (String[] args : new String[][] {{"server", "file:" + image}, {"server", "--create", "file:" + image}}) {
            assertEquals("file:" + image + ": holds 8 MiB (8388608 bytes), but /dev/abctl0 has 16 MiB (16777216 bytes);"
                    + " 'abusectl setup /dev/abctl0 sz=8388608' makes a disk of that size, after 'abusectl reset"
                    + " /dev/abctl0'", fail(args));
        }
        assertEquals(8 << 20, Files.size(image));
    }

    @Test
    void server_tells_of_a_broken_image_once_and_goes_on() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20, Flag.WRITE_CACHE);
        Path image = directory.resolve("image");
        var server = start("server", "--create", "file:" + image).awaitReady();
        try (var file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(4096);
        }
        for (int i = 0; i < 10; i++) {
            assertTrue(disk.read(8192, 4096).await().failed());
            assertFalse(disk.read(0, 4096).await().failed());
        }
        server.signal();
        Outcome outcome = server.end();
        String message = "abusectl: /dev/abctl0: " + image + ": the image ends before the disk does";
        assertEquals(message + "\n" + message + " (9 more times)\n", outcome.err());
        assertEquals(0, outcome.exitCode());
    }
}
