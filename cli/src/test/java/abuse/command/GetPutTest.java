// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Flag;
import abuse.device.Operation;
import abuse.device.Result;
import abuse.device.SimulatedDisk;
import abuse.device.SimulatedDisk.Submitted;
import abuse.device.TakenRequest;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** get, put, poll and requeue: requests by hand. */
class GetPutTest extends CommandTestBase {
    @Test
    void get_shows_a_request_and_leaves_it() {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20, Flag.WRITE_CACHE, Flag.DISCARD);
        assertEquals("/dev/abctl0: no request is waiting; add --wait to wait for one", fail("get"));
        disk.write(8192, pattern(4096 + 512));
        String expected = "WRITE\nsector = 16\nvcnt = 2\nlen0 = 4096, offset = 0\nlen1 = 512, offset = 0\n";
        assertEquals(expected, succeed("get"));
        assertEquals(expected, succeed("get"));
        assertEquals(1, disk.pending());
        assertEquals(0, disk.owned());
        assertEquals(0, disk.openNodes());
        String json = succeed("get", "--json");
        assertTrue(json.matches("(?s)\\{\n  \"device\": \"/dev/abctl0\",\n  \"id\": \"0x[0-9a-f]+\",\n  \"command\":"
                + " \"write\",\n"
                + "  \"sector\": 16,\n  \"length\": 4608,\n  \"pieces\": 2,\n  \"fua\": false,\n  \"redelivered\":"
                + " true,\n  \"nounmap\": false,\n"
                + "  \"meta\": false,\n  \"readahead\": false,\n  \"swap\": false,\n  \"fault\": false\n\\}\n"),
                json);
    }

    @Test
    void every_operation_has_its_name() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20, Flag.WRITE_CACHE, Flag.DISCARD, Flag.WRITE_ZEROES);
        disk.read(0, 512);
        disk.flush();
        disk.submit(Operation.DISCARD, 512, 1 << 19, null, false, 0);
        disk.submit(Operation.WRITE_ZEROES, 0, 4096, null, false, 0);
        assertEquals("READ\nsector = 0\nvcnt = 1\nlen0 = 512, offset = 0\n", succeed("put"));
        assertEquals("FLUSH\nsector = 0\nvcnt = 0\n", succeed("put"));
        assertEquals("DISCARD\nsector = 1\nvcnt = 1\nlen0 = 524288, offset = 0\n", succeed("put"));
        assertEquals("WRITE_ZEROES\nsector = 0\nvcnt = 1\nlen0 = 4096, offset = 0\n", succeed("put"));
    }

    @Test
    void get_waits_if_told() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        long start = System.nanoTime();
        assertEquals("/dev/abctl0: no request within 0.2 seconds", fail("get", "--wait=0.2", "0"));
        assertTrue(System.nanoTime() - start > 150_000_000);
        assertEquals("/dev/abctl0: no request within 10ms", fail("put", "--wait=10ms"));
        CompletableFuture.delayedExecutor(200, TimeUnit.MILLISECONDS).execute(() -> disk.read(0, 4096));
        assertTrue(succeed("get", "--wait", "abctl0").startsWith("READ\n"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "--zero"})
    void put_answers_a_read_with_zeros(String option) throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        byte[] full = pattern(8192);
        Submitted read = disk.submit(Operation.READ, 0, full.length, full, false, 0);
        assertEquals("READ\nsector = 0\nvcnt = 2\nlen0 = 4096, offset = 0\nlen1 = 4096, offset = 0\n",
                option.isEmpty() ? succeed("put") : succeed("put", option));
        assertFalse(read.await().failed());
        assertArrayEquals(new byte[8192], read.await().data());
    }

    @Test
    void put_answers_a_read_from_a_file() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        Path file = Files.write(directory.resolve("data"), pattern(20000));
        Submitted read = disk.read(8192, 8192);
        succeed("put", "--data", file.toString());
        assertArrayEquals(Arrays.copyOf(pattern(20000), 8192), read.await().data());
        Submitted sought = disk.read(8192, 8192);
        succeed("put", "--seek", "--data=" + file);
        assertArrayEquals(Arrays.copyOfRange(pattern(20000), 8192, 16384), sought.await().data());
        input = pattern(9000);
        Submitted typed = disk.read(0, 4096);
        succeed("put", "--data", "-");
        assertArrayEquals(Arrays.copyOf(pattern(9000), 4096), typed.await().data());
    }

    @Test
    void put_without_enough_data_answers_nothing() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        Path file = Files.write(directory.resolve("data"), pattern(4095));
        Submitted read = disk.read(0, 4096);
        for (String[] args : new String[][] {
            {file.toString(), file + ": 4095 bytes, but the request needs 4096; it was given back"},
            {directory + "/none", directory + "/none: No such file or directory; the request was given back"},
            {directory.toString(), directory + ": Is a directory; the request was given back"},
            {"-", "-: 0 bytes, but the request needs 4096; it was given back"}}) {
            Outcome outcome = run("put", "--data", args[0]);
            assertEquals(1, outcome.exitCode());
            assertEquals("abusectl: " + args[1] + "\n", outcome.err());
            assertFalse(read.isAnswered());
            assertEquals(1, disk.pending());
        }
        succeed("put");
        assertFalse(read.await().failed());
    }

    @Test
    void put_stores_what_is_written() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        Path file = Files.write(directory.resolve("out"), pattern(100_000));
        Submitted write = disk.write(4096, pattern(8192));
        succeed("put", "--out", file.toString());
        assertFalse(write.await().failed());
        assertArrayEquals(pattern(8192), Files.readAllBytes(file));
        Path image = directory.resolve("image");
        try (var made = new RandomAccessFile(image.toFile(), "rw")) {
            made.setLength(1 << 20);
        }
        disk.write(65536, pattern(4096));
        disk.read(65536, 4096);
        succeed("put", "--seek", "--out", image.toString(), "--data", image.toString());
        assertEquals(1 << 20, Files.size(image));
        assertArrayEquals(pattern(4096), Arrays.copyOfRange(Files.readAllBytes(image), 65536, 65536 + 4096));

        disk.reset();
        disk.setUp(1 << 20);
        Submitted toTheScreen = disk.write(0, pattern(512));
        var put = start("put", "--out", "-");
        assertEquals(0, put.end().exitCode());
        assertArrayEquals(pattern(512), put.bytes());
        assertEquals("WRITE\nsector = 0\nvcnt = 1\nlen0 = 512, offset = 0\n", put.err());
        assertFalse(toTheScreen.await().failed());
    }

    @Test
    void put_that_cannot_store_answers_nothing() {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        Submitted write = disk.write(0, pattern(4096));
        for (String[] args : new String[][] {
            {directory + "/no/where", "No such file or directory"}, {directory.toString(), "Is a directory"},
            {"/dev/full", "No space left on device"}}) {
            Outcome outcome = run("put", "--out", args[0]);
            assertEquals("abusectl: " + args[0] + ": " + args[1] + "; the request was given back\n", outcome.err());
            assertEquals(1, outcome.exitCode());
            assertFalse(write.isAnswered());
        }
        assertEquals(1, disk.pending());
    }

    @Test
    void put_drops_what_is_written_unless_told() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        Submitted write = disk.write(0, pattern(4096));
        succeed("put", "--data", directory + "/not-needed");
        assertFalse(write.await().failed());
        assertEquals(Set.of(), Set.of(directory.toFile().list()));
    }

    @Test
    void put_fails_a_request_or_the_device() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        Submitted media = disk.read(0, 4096);
        Submitted write = disk.write(0, pattern(512));
        succeed("put", "--fail", "media");
        assertTrue(media.await().failed());
        succeed("put");
        assertFalse(write.await().failed());
        Submitted device = disk.read(0, 4096);
        Submitted next = disk.read(0, 4096);
        succeed("put", "--fail=device");
        succeed("put");
        assertTrue(device.await().failed());
        assertTrue(next.await().failed());
    }

    @Test
    void poll_tells_when_a_request_is_unanswered() {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        assertEquals("/dev/abctl0: no request within 0.1 seconds", fail("poll", "--timeout=0.1"));
        CompletableFuture.delayedExecutor(100, TimeUnit.MILLISECONDS).execute(() -> disk.read(0, 4096));
        assertEquals("1 400\n", succeed("poll"));
        assertEquals("1 400\n", succeed("poll", "0", "--timeout=5"));
        assertEquals("{\n  \"device\": \"/dev/abctl0\",\n  \"ready\": 1,\n  \"events\":"
                + " 1024\n}\n", succeed("poll", "--json"));
        assertEquals(1, disk.pending());
    }

    @Test
    void requeue_takes_requests_from_who_has_them() throws Exception {
        SimulatedDisk disk = devices.add(0).setUp(1 << 20);
        disk.read(0, 4096);
        try (var hung = devices.open("/dev/abctl0"); var taken = TakenRequest.from(hung, 0).orElseThrow()) {
            assertEquals(1, disk.owned());
            assertEquals("", succeed("requeue"));
            assertEquals(0, disk.owned());
            assertEquals(1, disk.pending());
            assertEquals("/dev/abctl0: too late; the request is no longer ours",
                    assertThrows(IOException.class, () -> taken.answer(Result.OKAY)).getMessage());
        }
        succeed("put");
        assertTrue(succeed("info", "0").contains("redelivered = 1\nstale = 1\n"));
        disk.reset();
        assertEquals("/dev/abctl0: No such device; it is not set up; try 'abusectl setup /dev/abctl0'", fail("requeue"));
    }
}
